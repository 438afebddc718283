//! A subscriber and a recorder of metrics that panic. Both are the only ones of their process, so these tests have a target of their own.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::{Arc, Once};
use std::time::Duration;

use metrics::{Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use queue::drivers::{Driver, Lease, Memory, Settled, Settlement};
use queue::job::Outcome;
use queue::prelude::*;
use queue::worker::WorkerBuilder;
use queue::{JobId, JobState, PushError};
use queue_tests::gate::Gate;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::rig::Rig;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};

/// Panics at each error that is logged.
struct HatesErrors;

impl Subscriber for HatesErrors {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        assert_ne!(*event.metadata().level(), Level::ERROR, "a subscriber that panics");
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// Panics whenever it is told something, and when it is asked for what counts the kind `Unmeasured`.
struct HatesAll;

/// What the recorder throws; it panics once more when whoever caught it lets go of it.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a panic that panics when it is dropped");
    }
}

impl CounterFn for HatesAll {
    fn increment(&self, _value: u64) {
        panic!("a recorder that panics");
    }

    fn absolute(&self, _value: u64) {}
}

impl HistogramFn for HatesAll {
    fn record(&self, _value: f64) {
        std::panic::panic_any(Bomb);
    }
}

fn assert_may_be_measured(key: &Key) {
    assert!(key.labels().all(|label| label.value() != "Unmeasured"), "a recorder that knows no such kind");
}

impl Recorder for HatesAll {
    fn describe_counter(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn describe_gauge(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn describe_histogram(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        assert_may_be_measured(key);
        Counter::from_arc(Arc::new(Self))
    }

    fn register_gauge(&self, _key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        assert_may_be_measured(key);
        Histogram::from_arc(Arc::new(Self))
    }
}

fn observe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(HatesErrors).expect("nobody else listens");
        assert!(metrics::set_global_recorder(HatesAll).is_ok(), "nobody else records");
    });
}

#[derive(Queueable)]
struct Works;

impl Job for Works {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(max_attempts = 1)]
struct Fails;

impl Job for Fails {
    async fn handle(&self) -> JobResult {
        Err("an error, which is logged".into())
    }
}

/// The recorder panics already when it is asked for what counts it.
#[derive(Queueable)]
struct Unmeasured;

impl Job for Unmeasured {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

/// Somebody else ends it while it runs: its worker has lost the lease.
#[derive(Queueable)]
struct EndsElsewhere {
    #[inject]
    driver: Arc<Memory>,
    #[inject]
    context: JobContext,
}

impl Job for EndsElsewhere {
    async fn handle(&self) -> JobResult {
        for place in 0..1_000 {
            let lease = Lease { id: self.context.id(), place, token: 1 };
            if self.driver.settle(&[Settlement::new(lease, Outcome::Complete)]).await? == [Settled::Stored] {
                return Ok(());
            }
        }
        Err("the lease lies at none of these places".into())
    }
}

/// Keeps its thread until the test lets it end.
#[derive(Queueable)]
struct Waits {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Waits {
    async fn handle(&self) -> JobResult {
        self.probe.saw("waits");
        self.probe.pass_blocking();
        Ok(())
    }
}

/// A worker with what all these jobs need.
fn worker(rig: &Rig) -> WorkerBuilder {
    let services = Container::builder().instance(Arc::clone(&rig.probe)).instance(Arc::clone(&rig.driver));
    Worker::builder(&rig.queue, services.build())
}

/// A queue that stores on the caller's thread, and one that stores on its engine.
fn both() -> [Queue; 2] {
    [Queue::from_driver(Arc::new(Memory::new())), Queue::from_driver(Gate::new())]
}

/// An answer that needs no time to pass.
async fn soon<T>(answer: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, answer.into_future()).await.expect("there is an answer")
}

async fn assert_stored(queue: &Queue, ids: &[JobId]) {
    for id in ids {
        let row = queue.job(*id).await.unwrap().expect("what was confirmed is stored");
        assert_eq!(row.state, JobState::Available);
    }
    assert_eq!(queue.counts().await.unwrap().total(JobState::Available), ids.len() as u64, "and nothing else is");
}

#[tokio::test]
async fn pushes_are_confirmed_whatever_the_observers_do() {
    observe();
    for queue in both() {
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(soon(queue.dispatch(Works::with())).await.unwrap().id);
            ids.push(soon(queue.dispatch(Unmeasured::with())).await.unwrap().id);
            let (unmeasured, works) = queue.dispatch((Unmeasured::with(), Works::with())).await.unwrap();
            ids.extend([unmeasured.id, works.id]);
            ids.extend(queue.dispatch_all((0..3).map(|_| Works::with())).await.unwrap().iter().map(|pushed| pushed.id));
        }
        let keyed = || Works::with().unique_key("one");
        let first = queue.dispatch(keyed()).await.unwrap();
        let second = queue.dispatch(keyed()).await.unwrap();
        assert_eq!((second.id, second.is_duplicate), (first.id, true));
        ids.push(first.id);
        assert_stored(&queue, &ids).await;
        soon(queue.shutdown()).await.unwrap();
    }
}

#[tokio::test]
async fn pushes_of_one_commit_are_all_confirmed() {
    observe();
    let gate = Gate::new();
    let queue = Queue::from_driver(Arc::<Gate>::clone(&gate));
    gate.hold();
    let first = queue.dispatch(Works::with());
    gate.until_called(1).await;
    // Together, once the first one is through.
    let rest = [queue.dispatch(Unmeasured::with()), queue.dispatch(Works::with()), queue.dispatch(Works::with())];
    gate.open();
    let mut ids = vec![soon(first).await.unwrap().id];
    for push in rest {
        ids.push(soon(push).await.unwrap().id);
    }
    assert_eq!(gate.count(), 2, "one commit of the three");
    assert_stored(&queue, &ids).await;
    // Nobody awaits it, and the engine is there to store it.
    drop(queue.dispatch(Works::with()));
    soon(queue.flush()).await.unwrap();
    assert_eq!(queue.counts().await.unwrap().total(JobState::Available), 5);
    soon(queue.shutdown()).await.unwrap();
    assert_eq!(gate.closed(), 1);
}

#[tokio::test]
async fn refused_pushes_say_why_whatever_the_observers_do() {
    observe();
    assert!(matches!(Queue::push::<(Works, Unmeasured)>().await, Err(PushError::NoQueue)));
    assert!(matches!(Unmeasured::with().push().await, Err(PushError::NoQueue)));
    let sync = Queue::connect("sync:").await.unwrap();
    assert!(matches!(sync.dispatch(Works::with()).await, Err(PushError::NoWorker)));
    let gate = Gate::new();
    gate.refuse("{}");
    let refusing = Queue::from_driver(gate);
    for job in [Works::with().queue("a"), Works::with().queue("b")] {
        assert!(matches!(refusing.dispatch(job).await, Err(PushError::Store(_))));
    }
    for queue in both() {
        assert!(matches!(queue.dispatch(Works::with().max_attempts(0)).await, Err(PushError::Encode { .. })));
        soon(queue.shutdown()).await.unwrap();
        assert!(matches!(queue.dispatch(Works::with()).await, Err(PushError::Closed)));
    }
}

#[tokio::test]
async fn what_an_exchange_brings_is_run_whatever_the_observers_do() {
    observe();
    let rig = Rig::new();
    let worker = worker(&rig).concurrency(1).prefetch(0).start().await.unwrap();
    // Each finds its lease lost, which is counted; they gather, and an exchange that tells of some brings the next one.
    let pushed = rig.queue.dispatch_all((0..200).map(|_| EndsElsewhere::with())).await.unwrap();
    for job in pushed {
        let row = rig.end(job.id).await;
        assert_eq!((row.state, row.attempt, row.rescues), (JobState::Completed, 1, 0));
    }
    let report = worker.shutdown(Duration::from_secs(1)).await;
    assert_eq!(report.abandoned, 0);
}

#[tokio::test]
async fn an_outcome_is_stored_while_the_next_job_runs_whatever_the_observers_do() {
    observe();
    let rig = Rig::new();
    let worker = worker(&rig).concurrency(1).start().await.unwrap();
    // So that the next two are fetched together: what takes no time is fetched ahead.
    for _ in 0..5 {
        let works = rig.queue.dispatch(Works::with()).await.unwrap();
        rig.end(works.id).await;
    }
    let (works, waits) = rig.queue.dispatch((Works::with(), Waits::with())).await.unwrap();
    rig.probe.wait_for("waits", 1).await;
    let works = rig.queue.wait(works.id, PATIENCE).await;
    rig.probe.open();
    assert_eq!(works.expect("its outcome is stored").state, JobState::Completed);
    assert_eq!(rig.end(waits.id).await.state, JobState::Completed);
    let report = worker.shutdown(Duration::from_secs(1)).await;
    assert_eq!(report.abandoned, 0);
}

#[tokio::test]
async fn jobs_end_once_whatever_the_observers_do() {
    observe();
    let rig = Rig::new();
    let worker = worker(&rig).concurrency(2).start().await.unwrap();
    // More than there are loops: each has to survive.
    for _ in 0..10 {
        let (works, fails) = (rig.queue.dispatch(Works::with()).await.unwrap(), rig.queue.dispatch(Fails::with()).await.unwrap());
        let (works, fails) = (rig.end(works.id).await, rig.end(fails.id).await);
        assert_eq!((works.state, works.attempt), (JobState::Completed, 1));
        let unmeasured = rig.queue.dispatch(Unmeasured::with()).await.unwrap();
        assert_eq!(rig.end(unmeasured.id).await.state, JobState::Completed);
        assert_eq!((fails.state, fails.attempt, fails.errors.len()), (JobState::Failed, 1, 1));
    }
    let report = worker.shutdown(Duration::from_secs(1)).await;
    assert_eq!(report.abandoned, 0);
}
