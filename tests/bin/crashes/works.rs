//! Runs jobs.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use queue::prelude::*;
use queue_tests::ledger::{Event, Level};
use queue_tests::store::Store;

use crate::{Stage, pushes, say};

/// How much runs at once.
const SLOTS: usize = 4;
/// What runs gets so long to end when the process is told to stop.
const GRACE: Duration = Duration::from_millis(200);
/// The shortest lease that there is, so that others need not wait for long when a process dies.
pub(crate) const LEASE: Duration = Duration::from_secs(1);
/// How often a process starts and ends a worker before its level is taken again.
const CYCLES: usize = 12;

/// A worker with as long a lease as a test wants.
pub(crate) async fn start(stage: &Stage, lease: Duration, grace: Duration) -> Result<Worker, Box<dyn Error>> {
    let container = Container::builder().instance(Arc::clone(&stage.ledger)).instance(Arc::clone(&stage.marks)).build();
    let builder = Worker::builder(&stage.queue, container).concurrency(SLOTS).threads(2).lease(lease);
    stage.ledger.write(Event::Works { slots: SLOTS });
    Ok(builder.grace(grace).start().await?)
}

/// A word of the command line as milliseconds.
fn millis(stage: &Stage, word: usize, by_default: Duration) -> Result<Duration, Box<dyn Error>> {
    Ok(stage.how.get(word).map_or(Ok(by_default), |word| word.parse().map(Duration::from_millis))?)
}

/// Works until it is told to stop; the words are its grace and its lease in milliseconds.
pub(crate) async fn run(stage: Stage) -> Result<(), Box<dyn Error>> {
    let (grace, lease) = (millis(&stage, 0, GRACE)?, millis(&stage, 1, LEASE)?);
    let worker = start(&stage, lease, grace).await?;
    let mut run = Box::pin(worker.run());
    // Signals count from the first poll on.
    assert!(futures_util::poll!(&mut run).is_pending());
    say("works");
    run.await?;
    Ok(stage.queue.shutdown().await?)
}

/// Works, and pushes meanwhile; the words are how many groups, and its lease in milliseconds.
pub(crate) async fn run_and_push(stage: Stage) -> Result<(), Box<dyn Error>> {
    let worker = start(&stage, millis(&stage, 1, LEASE)?, GRACE).await?;
    let mut run = Box::pin(worker.run());
    assert!(futures_util::poll!(&mut run).is_pending());
    say("works");
    let pushing = tokio::spawn(async { pushes::push(stage).await.map_err(|error| error.to_string()) });
    run.await?;
    pushing.abort();
    Ok(())
}

/// Opens the store, pushes, works and closes it, again and again: what it has after the first time is what it shall have in the end.
pub(crate) async fn cycle(mut stage: Stage) -> Result<(), Box<dyn Error>> {
    let store = Store::of_word(&stage.how[0]);
    stage.queue.shutdown().await?;
    for cycle in 0..CYCLES {
        let driver = store.open().await?;
        let queue = Queue::from_driver(Arc::clone(&driver));
        let (ledger, random) = (Arc::clone(&stage.ledger), stage.random.fork());
        let marks = Arc::clone(&stage.marks);
        let stage =
            Stage { driver, queue: queue.clone(), ledger: Arc::clone(&ledger), marks, random, how: vec!["30".to_owned()] };
        let worker = start(&stage, LEASE, GRACE).await?;
        pushes::push(stage).await?;
        worker.shutdown(Duration::from_secs(10)).await;
        queue.shutdown().await?;
        drop(queue);
        // The first ones make what is kept for good: threads of the runtime, arenas of the allocator.
        if cycle == CYCLES / 2 || cycle + 1 == CYCLES {
            ledger.write(Event::Level(level(cycle + 1 == CYCLES).await?));
        }
    }
    stage.marks.close().await;
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
