//! Runs jobs.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use queue::drivers::Driver;
use queue::prelude::*;
use queue_tests::ledger::{Event, Ledger, Level};

use crate::task::{Plan, Task};
use crate::{Stage, pushes, say};

/// How much runs at once.
const SLOTS: usize = 4;
/// How often a process starts and ends a worker before its level is taken again.
const CYCLES: usize = 12;

/// A worker with the shortest lease that there is, so that others need not wait for long when it dies.
async fn start(queue: &Queue, ledger: &Arc<Ledger>) -> Result<Worker, Box<dyn Error>> {
    let container = Container::builder().instance(Arc::clone(ledger)).build();
    let builder = Worker::builder(queue, container).concurrency(SLOTS).threads(2).lease(Duration::from_secs(1));
    ledger.write(Event::Works { slots: SLOTS });
    Ok(builder.grace(Duration::from_millis(200)).start().await?)
}

/// Works until it is told to stop.
pub(crate) async fn run(stage: Stage) -> Result<(), Box<dyn Error>> {
    let worker = start(&stage.queue, &stage.ledger).await?;
    let mut run = Box::pin(worker.run());
    // Signals count from the first poll on.
    assert!(futures_util::poll!(&mut run).is_pending());
    say("works");
    let report = run.await?;
    say(&format!("completed {} released {} abandoned {}", report.completed, report.released, report.abandoned));
    Ok(stage.queue.shutdown().await?)
}

/// Works, and pushes meanwhile.
pub(crate) async fn run_and_push(stage: Stage) -> Result<(), Box<dyn Error>> {
    let worker = start(&stage.queue, &stage.ledger).await?;
    let mut run = Box::pin(worker.run());
    assert!(futures_util::poll!(&mut run).is_pending());
    say("works");
    pushes::push(stage).await?;
    say("pushed");
    run.await?;
    Ok(())
}

/// Opens the store, pushes, works and closes it, again and again: what it has after the first time is what it shall have in the end.
pub(crate) async fn cycle(mut stage: Stage) -> Result<(), Box<dyn Error>> {
    let path = std::path::PathBuf::from(&stage.how[0]);
    stage.queue.shutdown().await?;
    for cycle in 0..CYCLES {
        let driver: Arc<dyn Driver> = Arc::new(queue::drivers::Sqlite::open(&path).await?);
        let queue = Queue::from_driver(Arc::clone(&driver));
        let worker = start(&queue, &stage.ledger).await?;
        let random = stage.random.fork();
        let stage = Stage { driver, queue: queue.clone(), ledger: Arc::clone(&stage.ledger), random, how: vec!["30".to_owned()] };
        let ledger = Arc::clone(&stage.ledger);
        pushes::push(stage).await?;
        worker.shutdown(Duration::from_secs(10)).await;
        queue.shutdown().await?;
        drop(queue);
        // The first ones make what is kept for good: threads of the runtime, arenas of the allocator.
        if cycle == CYCLES / 2 || cycle + 1 == CYCLES {
            ledger.write(Event::Level(level(cycle + 1 == CYCLES).await?));
        }
    }
    Ok(())
}

/// What the process has, when that stays the same for a moment: threads end a little after they were told to.
async fn level(is_end: bool) -> Result<Level, Box<dyn Error>> {
    let mut before = (0, 0);
    for _ in 0..200 {
        let threads = std::fs::read_dir("/proc/self/task")?.count();
        let descriptors = std::fs::read_dir("/proc/self/fd")?.count();
        if before == (threads, descriptors) {
            break;
        }
        before = (threads, descriptors);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    let (threads, descriptors) = (before.0 as u64, before.1 as u64);
    Ok(Level { is_end, memory: memory.unwrap_or(0), descriptors, threads })
}

/// A job that ends as this says, pushed for a test that knows what it wants.
pub(crate) async fn push_one(stage: &Stage, plan: Plan) {
    let job = stage.ledger.number();
    stage.ledger.write(Event::PushBegun(queue_tests::ledger::Offer { jobs: vec![job], ..Default::default() }));
    let answer = stage.queue.dispatch(Task::with(job, plan)).await;
    pushes::note(&stage.ledger, job, answer.map(|pushed| vec![pushed]));
}
