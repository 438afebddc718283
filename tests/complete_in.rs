//! Completing the running job in the transaction of its effects.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

#[path = "drivers/outside/mod.rs"]
mod driver;

use std::any::Any;
use std::sync::Arc;

use driver::OutsideStore;
use queue::job::{SettleError, StoreTransaction};
use queue::prelude::*;
use queue::testing::conformance::{OpenTransaction, Store as _};
use queue::{Clock, JobRow, JobState};
use queue_tests::logs;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::relay::Relay;

/// The transaction as the types of a client library are: sized.
struct Transaction(Box<dyn OpenTransaction>);

impl StoreTransaction for Transaction {
    fn connection(&mut self) -> &mut (dyn Any + Send) {
        self.0.transaction().connection()
    }

    fn database(&self) -> &'static str {
        "outside"
    }
}

/// A transaction that no driver knows.
struct Foreign;

impl StoreTransaction for Foreign {
    fn connection(&mut self) -> &mut (dyn Any + Send) {
        self
    }

    fn database(&self) -> &'static str {
        "elsewhere"
    }
}

/// Stores its effect, a job far ahead, and completes itself in one transaction.
#[derive(Queueable)]
#[queueable(max_attempts = 2, backoff = "fixed(1h)")]
struct Pays {
    #[inject]
    store: Arc<OutsideStore>,
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
    #[inject]
    queue: Queue,
    commits: bool,
    error: Option<String>,
}

#[derive(Queueable)]
struct Effect;

impl Job for Effect {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

impl Job for Pays {
    async fn handle(&self) -> JobResult {
        let mut transaction = Transaction(self.store.begin().expect("it has transactions").await);
        let effect = Effect::with().delay(std::time::Duration::from_secs(1_000_000)).push_in(&mut transaction).await?;
        self.context.complete_in(&mut transaction).await?;
        if self.commits {
            transaction.0.commit().await;
        } else {
            transaction.0.roll_back().await;
        }
        self.probe.saw(effect.id.to_string());
        let row = self.queue.job(self.context.id()).await?.ok_or("it is gone")?;
        self.probe.saw(format!("{:?}", row.state));
        self.error.clone().map_or(Ok(()), |error| Err(error.into()))
    }
}

#[derive(Queueable)]
#[queueable(max_attempts = 1)]
struct PaysElsewhere {
    #[inject]
    context: JobContext,
}

impl Job for PaysElsewhere {
    async fn handle(&self) -> JobResult {
        Ok(self.context.complete_in(&mut Foreign).await?)
    }
}

struct Run {
    /// The state of the job when the transaction had ended and the handler had not.
    during: String,
    row: JobRow,
    /// The job that the transaction stored, if it committed.
    effect: Option<JobRow>,
}

/// Runs a job to its end, and stops the worker, so that what it settles by itself is stored.
async fn run(job: impl queue::queue::Dispatch<Pushed = queue::Pushed>) -> Run {
    let store = Arc::new(OutsideStore::new());
    let queue = Queue::from_driver(store.open(Clock::manual()).await);
    let probe = Arc::<Probe>::default();
    let container = Container::builder().instance(Arc::clone(&store)).instance(Arc::clone(&probe)).build();
    let worker = Worker::builder(&queue, container).concurrency(1).start().await.unwrap();
    let id = queue.dispatch(job).await.unwrap().id;
    // There is one slot: when the next job has ended, the run is over.
    let next = queue.dispatch(Effect::with()).await.unwrap().id;
    queue.wait(next, PATIENCE).await.unwrap();
    let (effect, during) = (probe.seen()[0].parse().unwrap(), probe.seen()[1].clone());
    worker.shutdown(PATIENCE).await;
    let row = queue.job(id).await.unwrap().expect("it is there");
    Run { during, row, effect: queue.job(effect).await.unwrap() }
}

#[tokio::test]
async fn the_effects_and_the_completion_commit_together() {
    let Run { during, row, effect } = run(Pays::with(true, None)).await;
    assert_eq!((during.as_str(), row.state, row.attempt, row.errors.len()), ("Completed", JobState::Completed, 1, 0));
    assert_eq!(effect.expect("it is stored").state, JobState::Scheduled);
}

#[tokio::test]
async fn an_error_after_the_commit_is_logged_and_the_job_stays_completed() {
    logs::keep();
    let Run { row, effect, .. } = run(Pays::with(true, Some("the mail was not sent".into()))).await;
    assert_eq!((row.state, row.attempt, row.errors.len()), (JobState::Completed, 1, 0));
    assert!(effect.is_some());
    assert_eq!(logs::lines("the mail was not sent").len(), 1);
    assert!(logs::lines(&format!("job={}", row.id)).is_empty(), "that its own settlement came late is no news");
}

#[tokio::test]
async fn after_a_rollback_ok_completes_the_job_and_an_error_costs_the_attempt() {
    let Run { during, row, effect } = run(Pays::with(false, None)).await;
    assert_eq!((during.as_str(), row.state, row.attempt), ("Running", JobState::Completed, 1));
    assert!(effect.is_none());

    let Run { row, effect, .. } = run(Pays::with(false, Some("no".into()))).await;
    assert_eq!((row.state, row.errors[0].message.as_str()), (JobState::Retryable, "no"));
    assert!(effect.is_none());
}

#[tokio::test]
async fn a_transaction_of_another_store_is_refused_and_so_is_one_outside_of_a_worker() {
    let queue = Queue::from_driver(OutsideStore::new().open(Clock::manual()).await);
    let container = Container::builder().instance(Arc::new(OutsideStore::new())).instance(Arc::<Probe>::default()).build();
    let worker = Worker::builder(&queue, container).start().await.unwrap();
    let id = queue.dispatch(PaysElsewhere::with()).await.unwrap().id;
    let row = queue.wait(id, PATIENCE).await.unwrap();
    let refusal = "the queue `outside` cannot write into a transaction of `elsewhere`";
    assert_eq!((row.state, row.errors[0].message.as_str()), (JobState::Failed, refusal));
    worker.shutdown(PATIENCE).await;

    let by_hand = JobContext::for_test().complete_in(&mut Foreign).await;
    assert!(matches!(by_hand, Err(SettleError::WrongTransaction { .. })), "{by_hand:?}");
}

/// Goes on for a while after the commit.
#[derive(Queueable)]
struct PaysAndGoesOn {
    #[inject]
    store: Arc<OutsideStore>,
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
}

impl Job for PaysAndGoesOn {
    async fn handle(&self) -> JobResult {
        let mut transaction = Transaction(self.store.begin().expect("it has transactions").await);
        self.context.complete_in(&mut transaction).await?;
        transaction.0.commit().await;
        self.probe.saw("committed");
        self.probe.pass().await;
        self.probe.saw(format!("went on {:?}", self.context.cancel_reason()));
        Ok(())
    }
}

#[tokio::test]
async fn a_renewal_after_the_commit_leaves_the_run_alone() {
    logs::keep();
    let store = Arc::new(OutsideStore::new());
    let clock = Clock::manual();
    let relay = Relay::new(store.open(clock.clone()).await);
    let queue = Queue::from_driver(Arc::<Relay>::clone(&relay));
    let probe = Arc::<Probe>::default();
    let container = Container::builder().instance(Arc::clone(&store)).instance(Arc::clone(&probe)).build();
    let worker = Worker::builder(&queue, container).start().await.unwrap();
    let id = queue.dispatch(PaysAndGoesOn::with()).await.unwrap().id;
    probe.wait_for("committed", 1).await;
    let renewed = relay.probe.count("1 leases");
    clock.advance(std::time::Duration::from_secs(10));
    relay.probe.wait_for("1 leases", renewed + 1).await;
    // A round through the engine: what the renewal answered was heeded.
    queue.counts().await.unwrap();
    probe.open();
    let next = queue.dispatch(Effect::with()).await.unwrap().id;
    queue.wait(next, PATIENCE).await.unwrap();
    worker.shutdown(PATIENCE).await;
    assert_eq!(probe.seen(), ["committed", "went on None"]);
    assert!(logs::lines(&format!("job={id}")).is_empty());
}

#[derive(Queueable)]
#[queueable(max_attempts = 1)]
struct PaysLast {
    #[inject]
    store: Arc<OutsideStore>,
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
}

impl Job for PaysLast {
    async fn handle(&self) -> JobResult {
        let mut transaction = Transaction(self.store.begin().expect("it has transactions").await);
        self.context.complete_in(&mut transaction).await?;
        transaction.0.commit().await;
        Err("another text".into())
    }

    async fn failed(&self, _error: &JobError) {
        self.probe.saw("failed");
    }
}

#[tokio::test]
async fn an_error_after_the_commit_is_no_failure_of_the_job() {
    let store = Arc::new(OutsideStore::new());
    let queue = Queue::from_driver(store.open(Clock::manual()).await);
    let probe = Arc::<Probe>::default();
    let container = Container::builder().instance(Arc::clone(&store)).instance(Arc::clone(&probe)).build();
    let told = Arc::clone(&probe);
    let worker = Worker::builder(&queue, container).on_failure(move |_| told.saw("on_failure")).start().await.unwrap();
    let id = queue.dispatch(PaysLast::with()).await.unwrap().id;
    assert_eq!(queue.wait(id, PATIENCE).await.unwrap().state, JobState::Completed);
    worker.shutdown(PATIENCE).await;
    assert!(probe.seen().is_empty(), "{:?}", probe.seen());
}
