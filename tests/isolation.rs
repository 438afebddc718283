//! A handler that blocks, spins or panics stops nothing but itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use queue::JobState;
use queue::prelude::*;
use queue_tests::logs;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::rig::Rig;

/// Spins on an async thread until it is let go.
#[derive(Queueable)]
#[queueable(queue = "spinners", timeout = "none")]
struct Spins {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    stop: Arc<AtomicBool>,
}

impl Job for Spins {
    async fn handle(&self) -> JobResult {
        self.probe.saw("spins");
        while !self.stop.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        Ok(())
    }
}

/// SpinsLate on an async thread until it is let go, which may be after its time.
#[derive(Queueable)]
#[queueable(queue = "late-spinners", timeout = "1s", max_attempts = 1)]
struct SpinsLate {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    stop: Arc<AtomicBool>,
    #[inject]
    context: JobContext,
}

impl Job for SpinsLate {
    async fn handle(&self) -> JobResult {
        self.probe.saw("spins late");
        while !self.stop.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        self.probe.saw(format!("{:?}", self.context.cancel_reason()));
        Ok(())
    }
}

#[derive(Queueable)]
struct Quick {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Quick {
    async fn handle(&self) -> JobResult {
        self.probe.saw("quick");
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(queue = "blockers")]
struct Blocks {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Blocks {
    async fn handle(&self) -> JobResult {
        self.probe.saw("blocks");
        // Wrong in async code, and people do it.
        self.probe.pass_blocking();
        Ok(())
    }
}

fn container(rig: &Rig, stop: &Arc<AtomicBool>) -> Container {
    Container::builder().instance(Arc::clone(&rig.probe)).instance(Arc::clone(stop)).build()
}

#[tokio::test]
async fn a_spinning_handler_stops_neither_other_queues_nor_its_own_lease_nor_the_stop() {
    let rig = Rig::new();
    let stop = Arc::new(AtomicBool::new(false));
    let worker = Worker::builder(&rig.queue, container(&rig, &stop)).threads(2).start().await.unwrap();
    let spinner = rig.queue.dispatch(Spins::with()).await.unwrap().id;
    rig.probe.wait_for("spins", 1).await;
    for _ in 0..30 {
        rig.advance(Duration::from_secs(5));
        let other = rig.queue.dispatch(Quick::with()).await.unwrap().id;
        assert_eq!(rig.end(other).await.state, JobState::Completed);
    }
    let row = rig.row(spinner).await;
    assert_eq!((row.state, row.rescues), (JobState::Running, 0));
    let report = worker.shutdown(Duration::ZERO).await;
    assert_eq!(report.abandoned, 1);
    stop.store(true, Ordering::Release);
}

#[tokio::test]
async fn handlers_that_block_every_thread_stop_neither_the_heartbeat_nor_pushes_nor_the_stop() {
    let rig = Rig::new();
    let stop = Arc::new(AtomicBool::new(false));
    let worker = Worker::builder(&rig.queue, container(&rig, &stop)).threads(2).start().await.unwrap();
    let blocked = rig.queue.dispatch((Blocks::with(), Blocks::with())).await.unwrap();
    rig.probe.wait_for("blocks", 2).await;
    for _ in 0..30 {
        rig.advance(Duration::from_secs(5));
        // A push and a look go through the engine; a push of a job that no thread is left for is stored all the same.
        let other = rig.queue.dispatch(Quick::with().delay(Duration::from_secs(1_000_000))).await.unwrap().id;
        assert_eq!(rig.row(other).await.state, JobState::Scheduled);
    }
    for id in [blocked.0.id, blocked.1.id] {
        let row = rig.row(id).await;
        assert_eq!((row.state, row.rescues), (JobState::Running, 0));
    }
    assert!(worker.health().is_healthy());
    let report = worker.shutdown(Duration::ZERO).await;
    assert_eq!(report.abandoned, 2);
    rig.probe.open();
}

#[tokio::test]
async fn panics_in_every_place_of_a_job_are_caught() {
    #[derive(Queueable)]
    #[queueable(max_attempts = 1)]
    struct Everywhere {
        #[inject]
        probe: Arc<Probe>,
    }
    struct PanicsWhenDropped;
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    impl Job for Everywhere {
        async fn handle(&self) -> JobResult {
            std::mem::forget(self.probe.clone());
            Err("wrong".into())
        }
        async fn failed(&self, _error: &JobError) {
            self.probe.saw("failed");
            let _panics = PanicsWhenDropped;
        }
        fn backoff(&self, _attempt: u32, _error: &JobError) -> Option<Duration> {
            panic!("in backoff");
        }
    }
    let rig = Rig::new();
    let _worker = rig
        .worker()
        .only(["default"])
        .concurrency(1)
        .on_error(|_, _| panic!("in on_error"))
        .on_failure(|_| panic!("in on_failure"))
        .start()
        .await
        .unwrap();
    let id = rig.queue.dispatch(Everywhere::with()).await.unwrap().id;
    let row = rig.end(id).await;
    assert_eq!((row.state, row.errors[0].message.as_str()), (JobState::Failed, "wrong"));
    let twice = rig.queue.dispatch(Everywhere::with().max_attempts(2)).await.unwrap().id;
    rig.until(twice, JobState::Retryable).await;
    let other = rig.queue.dispatch(Quick::with()).await.unwrap().id;
    assert_eq!(rig.end(other).await.state, JobState::Completed);
}

#[tokio::test]
async fn an_async_handler_that_never_yields_is_named_in_the_log_and_recorded_as_timed_out_when_it_returns_late() {
    logs::keep();
    let rig = Rig::new();
    let stop = Arc::new(AtomicBool::new(false));
    let worker = Worker::builder(&rig.queue, container(&rig, &stop)).threads(2).start().await.unwrap();
    let id = rig.queue.dispatch(SpinsLate::with()).await.unwrap().id;
    rig.probe.wait_for("spins late", 1).await;
    for _ in 0..30 {
        rig.advance(Duration::from_secs(5));
        let other = rig.queue.dispatch(Quick::with()).await.unwrap().id;
        rig.end(other).await;
    }
    let named = logs::lines(&format!("job={id}")).len();
    stop.store(true, Ordering::Release);
    let row = rig.end(id).await;
    worker.shutdown(PATIENCE).await;
    let errors: Vec<_> = row.errors.iter().map(|error| error.message.clone()).collect();
    assert_eq!((row.state, errors, named > 0), (JobState::Failed, vec!["timed out after 1s".to_owned()], true));
    assert_eq!(rig.probe.count("Some(TimedOut)"), 1);
}
