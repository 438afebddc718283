//! The handle of a worker: looking at what runs, telling it what to do, and waiting until all is done.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use queue::JobState;
use queue::drivers::Told;
use queue::prelude::*;
use queue::worker::WorkerHandle;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::relay::Relay;
use queue_tests::rig::Rig;
use tokio::time::timeout;

const HOUR: Duration = Duration::from_secs(3600);

/// Waits at the gate.
#[derive(Queueable)]
#[queueable(max_attempts = 3)]
struct Waits {
    #[inject]
    probe: Arc<Probe>,
    name: String,
}

impl Job for Waits {
    async fn handle(&self) -> JobResult {
        self.probe.saw(format!("{} runs", self.name));
        self.probe.pass().await;
        Ok(())
    }
}

/// Pushes the next of its kind, and awaits it or not.
#[derive(Queueable)]
struct Pushes {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    queue: Queue,
    left: u32,
}

impl Job for Pushes {
    async fn handle(&self) -> JobResult {
        if self.left > 0 {
            // Into a queue that is not there yet.
            let push = self.queue.dispatch(Pushes::with(self.left - 1).queue(format!("step {}", self.left)));
            if self.left.is_multiple_of(2) {
                push.await?;
            } else {
                drop(push);
            }
        }
        self.probe.saw("pushed");
        Ok(())
    }
}

/// Fails once, and may be tried again at once.
#[derive(Queueable)]
#[queueable(backoff = "fixed(0s)")]
struct FailsOnce {
    #[inject]
    context: JobContext,
}

impl Job for FailsOnce {
    async fn handle(&self) -> JobResult {
        if self.context.attempt() == 1 { Err("not yet".into()) } else { Ok(()) }
    }
}

/// Waits until the worker says that it is idle.
async fn idle(handle: &WorkerHandle) {
    let waited = timeout(PATIENCE, handle.idle()).await;
    assert!(waited.is_ok(), "it did not become idle; it runs {:?}", handle.running());
    assert!(handle.is_idle());
}

async fn drains(queue: &Queue, probe: &Arc<Probe>) {
    let container = Container::builder().instance(Arc::clone(probe)).build();
    let mut all = queue.dispatch_all((0..200).map(|_| FailsOnce::with())).await.unwrap();
    all.push(queue.dispatch(Pushes::with(7)).await.unwrap());
    let worker = Worker::builder(queue, container).start().await.unwrap();
    let handle = worker.handle();
    idle(&handle).await;
    assert_eq!(probe.count("pushed"), 8, "what a job has pushed runs first");
    let counts = queue.counts().await.unwrap();
    assert_eq!(counts.total(JobState::Completed), 208, "every outcome is stored: {counts:?}");
    for pushed in all {
        assert_eq!(queue.job(pushed.id).await.unwrap().unwrap().state, JobState::Completed);
    }
    // Again, from where it stands.
    queue.dispatch(Pushes::with(3)).await.unwrap();
    idle(&handle).await;
    assert_eq!(probe.count("pushed"), 12);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_has_run_all_that_waited_and_all_that_came_of_it() {
    let rig = Rig::new();
    drains(&rig.queue, &rig.probe).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_on_a_file_whose_news_takes_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let queue = Queue::connect(&format!("sqlite:{}", folder.path().join("jobs.db").display())).await.unwrap();
    drains(&queue, &Arc::default()).await;
    queue.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_same_behind_a_driver_that_exchanges_on_the_engine_alone() {
    let rig = Rig::new();
    let queue = Queue::from_driver(Relay::new(Arc::clone(&rig.driver) as _));
    drains(&queue, &rig.probe).await;
}

#[tokio::test]
async fn what_runs_is_shown_the_longest_first() {
    let rig = Rig::new();
    let worker = rig.worker().concurrency(2).start().await.unwrap();
    let handle = worker.handle();
    idle(&handle).await;
    let first = rig.queue.dispatch(Waits::with("first".into())).await.unwrap().id;
    rig.probe.wait_for("first runs", 1).await;
    rig.advance(Duration::from_secs(60));
    let second = rig.queue.dispatch(Waits::with("second".into()).queue("other")).await.unwrap().id;
    rig.probe.wait_for("second runs", 1).await;

    let running = handle.running();
    assert_eq!(running.iter().map(|job| job.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!((&*running[1].kind, &*running[1].queue, running[1].attempt, running[1].max_attempts), ("Waits", "other", 1, 3));
    assert!(running[1].started_at >= running[0].started_at + Duration::from_secs(60));
    assert!(!handle.is_idle() && handle.idle().now_or_never().is_none());
    rig.probe.open();
    idle(&handle).await;
    assert!(handle.running().is_empty());
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_quiet_worker_ends_what_it_runs_and_leaves_the_rest() {
    let rig = Rig::new();
    let worker = rig.worker().concurrency(1).start().await.unwrap();
    let handle = worker.handle();
    let runs = rig.queue.dispatch(Waits::with("one".into())).await.unwrap().id;
    rig.probe.wait_for("one runs", 1).await;
    let waits = rig.queue.dispatch(Waits::with("two".into())).await.unwrap().id;
    handle.quiet();
    assert!(!handle.is_idle());
    rig.probe.open();
    idle(&handle).await;
    assert_eq!(rig.row(runs).await.state, JobState::Completed);
    let left = rig.row(waits).await;
    assert_eq!((left.state, left.attempt), (JobState::Available, 0));
    assert!(handle.health().is_healthy() && !handle.health().is_stopping);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_paused_queue_counts_as_empty() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let handle = worker.handle();
    rig.queue.pause("default").await.unwrap();
    rig.queue.dispatch(Waits::with("paused".into())).await.unwrap();
    idle(&handle).await;
    assert_eq!(rig.probe.count("paused runs"), 0);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn what_was_due_at_the_start_runs_before_the_worker_is_idle() {
    let rig = Rig::new();
    rig.probe.open();
    rig.queue.dispatch(Waits::with("late".into()).delay(HOUR)).await.unwrap();
    rig.queue.dispatch(Waits::with("later".into()).delay(3 * HOUR)).await.unwrap();
    rig.advance(2 * HOUR);
    let worker = rig.worker().start().await.unwrap();
    idle(&worker.handle()).await;
    assert_eq!(rig.probe.seen(), ["late runs"]);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_worker_whose_store_was_not_maintained_is_not_idle() {
    let rig = Rig::new();
    rig.probe.open();
    let queue = Queue::from_driver(Relay::without_maintenance(Arc::clone(&rig.driver) as _));
    let worker = Worker::builder(&queue, rig.container()).start().await.unwrap();
    let id = queue.dispatch(Waits::with("only".into())).await.unwrap().id;
    assert_eq!(queue.wait(id, PATIENCE).await.unwrap().state, JobState::Completed);
    let handle = worker.handle();
    assert!(!handle.is_idle() && handle.idle().now_or_never().is_none());
    // One that fetches no more has no use for what becomes due.
    handle.quiet();
    idle(&handle).await;
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn an_outcome_that_waits_for_the_store_keeps_a_worker_from_being_idle() {
    let rig = Rig::new();
    let relay = Relay::new(Arc::clone(&rig.driver) as _);
    let queue = Queue::from_driver(Arc::<Relay>::clone(&relay));
    let worker = Worker::builder(&queue, rig.container()).start().await.unwrap();
    let handle = worker.handle();
    let id = queue.dispatch(Waits::with("cut".into())).await.unwrap().id;
    rig.probe.wait_for("cut runs", 1).await;
    relay.cut_off();
    rig.probe.open();
    let waiting = {
        let handle = handle.clone();
        tokio::spawn(async move { handle.idle().await })
    };
    let failing = async {
        while handle.health().settle_failing.is_none() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, failing).await.unwrap();
    assert!(handle.running().is_empty() && !handle.is_idle() && !waiting.is_finished());
    relay.join_up();
    timeout(PATIENCE, waiting).await.unwrap().unwrap();
    assert_eq!(rig.row(id).await.state, JobState::Completed);
    worker.shutdown(PATIENCE).await;
}

/// Nothing but an outcome that cannot be stored is a failure to store.
#[tokio::test]
async fn a_worker_without_outcomes_is_healthy_again_when_the_store_is() {
    let rig = Rig::new();
    let relay = Relay::new(Arc::clone(&rig.driver) as _);
    let queue = Queue::from_driver(Arc::<Relay>::clone(&relay));
    let worker = Worker::builder(&queue, rig.container()).start().await.unwrap();
    let handle = worker.handle();
    handle.idle().await;
    relay.cut_off();
    let id = rig.queue.dispatch(Waits::with("never".into())).await.unwrap().id;
    let becomes = async |is_healthy: bool| {
        while handle.health().is_healthy() != is_healthy {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, becomes(false)).await.unwrap();
    assert!(handle.health().settle_failing.is_none(), "{:?}", handle.health());
    rig.queue.cancel(id).await.unwrap();
    relay.join_up();
    timeout(PATIENCE, becomes(true)).await.unwrap();
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn to_hurry_cuts_the_grace_of_a_stop_short() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let handle = worker.handle();
    let id = rig.queue.dispatch(Waits::with("slow".into())).await.unwrap().id;
    rig.probe.wait_for("slow runs", 1).await;
    let stop = tokio::spawn(worker.shutdown(HOUR));
    while !handle.health().is_stopping {
        tokio::task::yield_now().await;
    }
    assert!(!stop.is_finished());
    handle.hurry();
    assert_eq!(timeout(PATIENCE, stop).await.unwrap().unwrap().released, 1);
    let row = rig.row(id).await;
    assert_eq!((row.state, row.attempt), (JobState::Available, 0));
}

#[tokio::test]
async fn a_worker_that_is_told_to_restart_says_so_to_all_who_ask_before_and_after() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let handle = worker.handle();
    let waiting = {
        let handle = handle.clone();
        tokio::spawn(async move { handle.told_to_restart().await })
    };
    assert!(handle.told_to_restart().now_or_never().is_none());
    // A worker of the store has its row from its first renewal on.
    while rig.queue.tell(Told::Restart, &[handle.id()]).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    rig.advance(Duration::from_secs(10));
    timeout(PATIENCE, waiting).await.unwrap().unwrap();
    timeout(PATIENCE, handle.told_to_restart()).await.unwrap();
    worker.shutdown(PATIENCE).await;
    assert!(handle.told_to_restart().now_or_never().is_some());
}

#[tokio::test]
async fn the_handle_of_a_worker_that_has_ended_has_sensible_answers() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let (handle, id) = (worker.handle(), worker.id());
    let waiting = {
        let handle = handle.clone();
        rig.queue.dispatch(Waits::with("abandoned".into())).await.unwrap();
        rig.probe.wait_for("abandoned runs", 1).await;
        tokio::spawn(async move { handle.idle().await })
    };
    worker.shutdown(Duration::ZERO).await;
    timeout(PATIENCE, waiting).await.unwrap().unwrap();
    handle.quiet();
    handle.hurry();
    assert!(handle.is_idle() && handle.running().is_empty() && handle.idle().now_or_never().is_some());
    assert!(handle.health().is_stopping && handle.health().is_healthy());
    assert!(handle.told_to_restart().now_or_never().is_none());
    assert_eq!(handle.id(), id);
}
