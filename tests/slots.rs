//! How many jobs of a queue run at once, and where.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use queue::JobState;
use queue::prelude::*;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::rig::Rig;

/// How many run, and how many did so at once.
#[derive(Default)]
struct Running {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Counts itself in and out, and waits in between.
#[derive(Queueable)]
#[queueable(queue = "mail")]
struct Counts {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    running: Arc<Running>,
}

impl Job for Counts {
    async fn handle(&self) -> JobResult {
        let now = self.running.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.running.most.fetch_max(now, Ordering::SeqCst);
        self.probe.saw("runs");
        self.probe.pass().await;
        tokio::task::yield_now().await;
        self.running.now.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

#[derive(Queueable)]
struct Says {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Says {
    async fn handle(&self) -> JobResult {
        self.probe.saw(format!("on {}", std::thread::current().name().unwrap_or_default()));
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(queue = "images", blocking)]
struct SaysBlocking {
    #[inject]
    probe: Arc<Probe>,
}

impl BlockingJob for SaysBlocking {
    fn handle(&self) -> JobResult {
        self.probe.saw(format!("blocking on {}", std::thread::current().name().unwrap_or_default()));
        Ok(())
    }
}

fn container(rig: &Rig) -> (Container, Arc<Running>) {
    let running = Arc::<Running>::default();
    (Container::builder().instance(Arc::clone(&rig.probe)).instance(Arc::clone(&running)).build(), running)
}

/// The queues that the one worker serves, and their slots.
async fn served(rig: &Rig) -> Vec<(String, usize)> {
    let workers = rig.queue.workers().await.unwrap();
    let mut queues: Vec<_> = workers[0].queues.iter().map(|(queue, slots)| (queue.to_string(), *slots)).collect();
    queues.sort();
    queues
}

#[tokio::test]
async fn no_more_run_at_once_than_a_queue_has_slots() {
    const JOBS: usize = 60;
    let rig = Rig::new();
    let (container, running) = container(&rig);
    let worker = Worker::builder(&rig.queue, container).queue("mail", 3).threads(4).start().await.unwrap();
    let all = rig.queue.dispatch_all((0..JOBS).map(|_| Counts::with())).await.unwrap();
    rig.probe.wait_for("runs", 3).await;
    // Other queues go on: when their jobs have run, the fourth had its chance.
    for _ in 0..10 {
        let other = rig.queue.dispatch(Says::with()).await.unwrap().id;
        rig.end(other).await;
    }
    assert_eq!(rig.probe.count("runs"), 3);
    rig.probe.open();
    for pushed in all {
        assert_eq!(rig.end(pushed.id).await.state, JobState::Completed);
    }
    assert_eq!(running.most.load(Ordering::SeqCst), 3);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn slots_are_ten_or_as_the_worker_says_and_twice_the_cores_where_all_jobs_block() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rig = Rig::new();
    // A queue that no job declares, and that is there before the worker.
    rig.queue.dispatch(Says::with().queue("odd")).await.unwrap();
    let with = |slots: [usize; 4]| {
        let names = ["default", "images", "mail", "odd"].map(str::to_owned);
        names.into_iter().zip(slots).collect::<Vec<_>>()
    };

    let worker = Worker::builder(&rig.queue, container(&rig).0).name("first").start().await.unwrap();
    assert_eq!(rig.queue.workers().await.unwrap()[0].name, "first");
    assert_eq!(served(&rig).await, with([10, 2 * cores, 10, 10]));
    worker.shutdown(PATIENCE).await;

    let worker = Worker::builder(&rig.queue, container(&rig).0).queue("mail", 3).concurrency(7).start().await.unwrap();
    assert_eq!(served(&rig).await, with([7, 7, 3, 7]));
    worker.shutdown(PATIENCE).await;
}

#[test]
fn handlers_run_on_threads_of_the_worker_or_on_the_runtime_that_it_is_given() {
    let mine = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("mine").enable_all().build().unwrap();
    let test = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    test.block_on(async {
        for is_mine in [false, true] {
            let rig = Rig::new();
            let builder = Worker::builder(&rig.queue, container(&rig).0);
            let builder = if is_mine { builder.on(mine.handle().clone()) } else { builder };
            let worker = builder.start().await.unwrap();
            let ids = rig.queue.dispatch((Says::with(), SaysBlocking::with())).await.map(|(a, b)| [a.id, b.id]).unwrap();
            for id in ids {
                rig.end(id).await;
            }
            worker.shutdown(PATIENCE).await;
            let (own, named) = (rig.probe.count("on mine"), rig.probe.count("blocking on mine"));
            assert_eq!((own, named), if is_mine { (1, 1) } else { (0, 0) }, "{:?}", rig.probe.seen());
            let this = format!("on {}", std::thread::current().name().unwrap_or_default());
            assert_eq!(rig.probe.count(&this), 0, "nothing runs on the thread of whoever starts the worker");
            assert!(!rig.probe.seen().iter().any(|seen| seen.contains("queue-engine")), "nor on the engine");
        }
    });
}
