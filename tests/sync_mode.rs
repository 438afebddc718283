//! `sync:`, where a push resolves when its job has ended.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use queue::drivers::Memory;
use queue::prelude::*;
use queue::{Clock, JobState, PushError};
use queue_tests::gate::Gate;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::{logs, park};
use tokio::time::timeout;

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Queueable)]
struct Say {
    #[inject]
    probe: Arc<Probe>,
    what: String,
}

impl Job for Say {
    async fn handle(&self) -> JobResult {
        self.probe.saw(self.what.clone());
        Ok(())
    }
}

/// Pushes itself, one less deep, and awaits it.
#[derive(Queueable)]
struct Nests {
    #[inject]
    probe: Arc<Probe>,
    depth: u32,
}

impl Job for Nests {
    async fn handle(&self) -> JobResult {
        if self.depth > 0 {
            Nests::with(self.depth - 1).push().await?;
        }
        self.probe.saw(format!("end {}", self.depth));
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(max_attempts = 3, backoff = "fixed(1ms)")]
struct Fails {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
    until: u32,
}

impl Job for Fails {
    async fn handle(&self) -> JobResult {
        self.probe.saw("run");
        match self.context.attempt() {
            attempt if attempt >= self.until => Ok(()),
            attempt => Err(format!("attempt {attempt} went wrong").into()),
        }
    }
}

/// Goes wrong with waits that no test would sit through, and at last asks for one that is kept.
#[derive(Queueable)]
#[queueable(max_attempts = 3, backoff = "fixed(1h)")]
struct Patient {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
    snoozes: bool,
}

impl Job for Patient {
    async fn handle(&self) -> JobResult {
        self.probe.saw("run");
        match (self.snoozes, self.context.attempt()) {
            (true, _) if self.probe.count("run") == 1 => Err(JobError::snooze(HOUR)),
            (true, _) => Ok(()),
            (false, 2) => Err(JobError::retry_in(HOUR, "attempt 2 went wrong")),
            (false, attempt) => Err(format!("attempt {attempt} went wrong").into()),
        }
    }

    fn backoff(&self, attempt: u32, _error: &JobError) -> Option<Duration> {
        self.probe.saw(format!("backoff {attempt}"));
        None
    }

    async fn failed(&self, error: &JobError) {
        self.probe.saw(format!("failed: {error}"));
    }
}

#[derive(Queueable)]
struct GivesUp;

impl Job for GivesUp {
    async fn handle(&self) -> JobResult {
        Err(JobError::cancel("no longer wanted"))
    }
}

#[derive(Queueable)]
#[queueable(unique)]
struct Waits {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Waits {
    async fn handle(&self) -> JobResult {
        self.probe.saw("waits");
        self.probe.pass().await;
        self.probe.saw("done");
        Ok(())
    }
}

struct Sync {
    queue: Queue,
    probe: Arc<Probe>,
    worker: Worker,
}

async fn start() -> Sync {
    start_on(Queue::connect("sync:").await.unwrap()).await
}

async fn start_on(queue: Queue) -> Sync {
    let probe = Arc::<Probe>::default();
    let container = Container::builder().instance(Arc::clone(&probe)).build();
    // Few slots and threads: they are no limit here.
    let worker = Worker::builder(&queue, container).concurrency(2).threads(2).start().await.unwrap();
    Sync { queue, probe, worker }
}

impl Sync {
    async fn stop(self) {
        self.worker.shutdown(PATIENCE).await;
    }
}

#[tokio::test]
async fn a_push_resolves_when_its_job_has_ended() {
    let sync = start().await;
    let pushed = sync.queue.dispatch(Say::with("hello".into())).await.unwrap();
    assert_eq!(sync.probe.seen(), ["hello"]);
    assert_eq!(sync.queue.job(pushed.id).await.unwrap().unwrap().state, JobState::Completed);
    let several = (Say::with("a".into()), Say::with("b".into()));
    sync.queue.dispatch(several).await.unwrap();
    assert_eq!((sync.probe.count("a"), sync.probe.count("b")), (1, 1));
    sync.stop().await;
}

#[tokio::test]
async fn a_driver_that_stores_on_the_engine_waits_as_well() {
    let gate = Gate::with(|can| can.push_waits = true);
    let sync = start_on(Queue::from_driver(Arc::<Gate>::clone(&gate))).await;
    gate.hold();
    let mut push = sync.queue.dispatch(Waits::with());
    gate.until_called(1).await;
    gate.open();
    sync.probe.wait_for("waits", 1).await;
    assert!((&mut push).now_or_never().is_none());
    sync.probe.open();
    push.await.unwrap();
    assert_eq!(sync.probe.count("done"), 1);
    gate.refuse("what");
    let error = sync.queue.dispatch(Say::with("x".into())).await.unwrap_err();
    assert!(matches!(error, PushError::Store(_)), "{error:?}");
    sync.stop().await;
}

#[tokio::test]
async fn a_push_gives_the_error_of_its_job_after_its_retries() {
    let sync = start().await;
    let error = sync.queue.dispatch(Fails::with(9)).await.unwrap_err();
    assert_eq!(sync.probe.count("run"), 3);
    let PushError::Job { id, state, error: text } = &error else { panic!("{error:?}") };
    assert_eq!((*state, text.as_str()), (JobState::Failed, "attempt 3 went wrong"));
    assert_eq!(error.to_string(), format!("the job {id} ended as failed: attempt 3 went wrong"));
    sync.queue.dispatch(Fails::with(3)).await.unwrap();
    assert_eq!(sync.probe.count("run"), 6, "an attempt that goes well ends it");
    let error = sync.queue.dispatch(GivesUp::with()).await.unwrap_err();
    assert!(matches!(error, PushError::Job { state: JobState::Cancelled, .. }), "{error:?}");
    sync.stop().await;
}

#[tokio::test]
async fn no_delay_and_no_wait_before_a_retry_holds_a_push_up() {
    let sync = start().await;
    let in_time = async |push: queue::Push<queue::Pushed>| timeout(PATIENCE, push).await.expect("it does not wait");
    in_time(sync.queue.dispatch(Say::with("in".into()).delay(HOUR))).await.unwrap();
    in_time(sync.queue.dispatch(Say::with("at".into()).at(SystemTime::now() + HOUR))).await.unwrap();
    let error = in_time(sync.queue.dispatch(Patient::with(false))).await.unwrap_err();
    assert!(
        matches!(&error, PushError::Job { state: JobState::Failed, error, .. } if error == "attempt 3 went wrong"),
        "{error:?}"
    );
    let told = ["in", "at", "run", "backoff 1", "run", "run", "failed: attempt 3 went wrong"];
    assert_eq!(sync.probe.seen(), told, "the attempts and the hooks are those of any other driver");
    sync.stop().await;
}

#[tokio::test]
async fn a_snooze_waits_for_its_time() {
    let clock = Clock::manual();
    let sync = start_on(Queue::from_driver(Arc::new(Memory::waiting_pushes().go_by(clock.clone())))).await;
    let mut push = sync.queue.dispatch(Patient::with(true));
    sync.probe.wait_for("run", 1).await;
    let scheduled = async {
        while sync.queue.counts().await.unwrap().total(JobState::Scheduled) == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, scheduled).await.unwrap();
    assert!((&mut push).now_or_never().is_none());
    clock.advance(HOUR);
    timeout(PATIENCE, push).await.unwrap().unwrap();
    assert_eq!(sync.probe.count("run"), 2);
    sync.stop().await;
}

#[tokio::test]
async fn of_several_the_first_in_order_that_failed_is_told_when_all_have_ended() {
    let sync = start().await;
    let all = (Say::with("a".into()), Fails::with(9), GivesUp::with(), Waits::with());
    let mut push = sync.queue.dispatch(all);
    sync.probe.wait_for("run", 3).await;
    assert!((&mut push).now_or_never().is_none(), "one of them still waits");
    sync.probe.open();
    let error = push.await.unwrap_err();
    assert!(matches!(&error, PushError::Job { state: JobState::Failed, .. }), "{error:?}");
    assert_eq!(sync.probe.count("done"), 1);
    sync.stop().await;
}

#[tokio::test]
async fn a_job_may_push_and_await_a_job() {
    let sync = start().await;
    sync.queue.dispatch(Nests::with(20)).await.unwrap();
    assert_eq!(sync.probe.seen(), (0..=20).map(|depth| format!("end {depth}")).collect::<Vec<_>>());
    sync.stop().await;
}

#[tokio::test]
async fn two_hundred_jobs_may_do_so_at_once() {
    let sync = start().await;
    let pushes = join_all((0..200).map(|_| sync.queue.dispatch(Nests::with(1)))).await;
    assert!(pushes.iter().all(Result::is_ok));
    assert_eq!((sync.probe.count("end 0"), sync.probe.count("end 1")), (200, 200));
    sync.stop().await;
}

#[tokio::test]
async fn more_jobs_than_the_store_keeps_rows_resolve() {
    let sync = start_on(Queue::from_driver(Arc::new(Memory::waiting_pushes().keep_completed_rows(1)))).await;
    let all = sync.queue.dispatch_all((0..2_000).map(|n| Say::with(n.to_string()))).await.unwrap();
    assert_eq!((all.len(), sync.probe.seen().len()), (2_000, 2_000));
    sync.stop().await;
}

#[tokio::test]
async fn an_outcome_is_told_also_where_the_store_keeps_no_row() {
    let sync = start_on(Queue::from_driver(Arc::new(Memory::waiting_pushes().keep_completed_rows(0).keep_failed_rows(0)))).await;
    sync.queue.dispatch_all((0..500).map(|n| Say::with(n.to_string()))).await.unwrap();
    let error = sync.queue.dispatch(Fails::with(9)).await.unwrap_err();
    assert!(matches!(&error, PushError::Job { state: JobState::Failed, .. }), "{error:?}");
    let error = sync.queue.dispatch(GivesUp::with()).await.unwrap_err();
    assert!(matches!(&error, PushError::Job { state: JobState::Cancelled, .. }), "{error:?}");
    sync.stop().await;
}

/// Another handle of the same store may end a job and remove its row between two looks.
#[tokio::test]
async fn a_job_that_is_gone_did_not_complete() {
    let driver = Arc::new(Memory::waiting_pushes());
    let other = Queue::from_driver(Arc::<Memory>::clone(&driver));
    let sync = start_on(Queue::from_driver(driver)).await;
    sync.queue.pause("default").await.unwrap();
    let push = sync.queue.dispatch(Say::with("never".into()));
    let row = other.jobs(&queue::job::Filter::new()).await.unwrap().pop().unwrap();
    other.cancel(row.id).await.unwrap();
    other.forget(row.id).await.unwrap();
    let error = push.await.unwrap_err();
    assert_eq!(
        format!("{error:?}"),
        format!("the store did not confirm the push: it no longer keeps job {}, so nobody knows how that ended", row.id)
    );
    sync.stop().await;
}

#[tokio::test]
async fn a_plain_thread_may_wait_and_a_runtime_may_not() {
    let sync = start().await;
    let queue = sync.queue.clone();
    let waited = std::thread::spawn(move || queue.dispatch(Say::with("thread".into())).wait());
    waited.join().unwrap().unwrap();
    assert_eq!(sync.probe.seen(), ["thread"]);

    let error = sync.queue.dispatch(Say::with("inside".into())).wait().unwrap_err();
    assert!(matches!(error, PushError::WouldBlock), "{error:?}");
    assert!(error.to_string().starts_with("the job is pushed") && error.to_string().contains("`.await`"), "{error}");
    sync.probe.wait_for("inside", 1).await;
    let queue = sync.queue.clone();
    let pooled = tokio::task::spawn_blocking(move || queue.dispatch(Say::with("pool".into())).wait()).await.unwrap();
    assert!(matches!(pooled, Err(PushError::WouldBlock)));
    sync.stop().await;
}

#[tokio::test]
async fn without_a_worker_nothing_is_pushed() {
    let queue = Queue::connect("sync:").await.unwrap();
    let refused = async |push: queue::Push<queue::Pushed>| {
        let error = push.await.unwrap_err();
        assert!(matches!(error, PushError::NoWorker));
        assert!(error.to_string().contains("Worker::builder"), "{error}");
    };
    refused(queue.dispatch(GivesUp::with())).await;
    assert!(queue.counts().await.unwrap().queues.is_empty());
    let sync = start_on(queue.clone()).await;
    sync.queue.dispatch(Say::with("x".into())).await.unwrap();
    sync.stop().await;
    refused(queue.dispatch(GivesUp::with())).await;
}

#[tokio::test]
async fn a_push_whose_worker_stops_does_not_wait_for_good() {
    let sync = start().await;
    let queue = sync.queue.clone();
    queue.pause("default").await.unwrap();
    let held_up = queue.dispatch(Say::with("late".into()));
    sync.stop().await;
    let error = held_up.await.expect_err("nobody runs it");
    assert!(matches!(&error, PushError::Job { error, .. } if error.contains("stays stored")), "{error:?}");
    assert_eq!(queue.counts().await.unwrap().total(JobState::Available), 1, "it is stored");
}

#[tokio::test]
async fn a_duplicate_waits_for_the_winner() {
    let sync = start().await;
    let winner = sync.queue.dispatch(Waits::with());
    sync.probe.wait_for("waits", 1).await;
    let mut duplicate = sync.queue.dispatch(Waits::with());
    assert!((&mut duplicate).now_or_never().is_none());
    sync.probe.open();
    let (winner, duplicate) = (winner.await.unwrap(), duplicate.await.unwrap());
    assert_eq!((duplicate.id, duplicate.is_duplicate, sync.probe.count("done")), (winner.id, true, 1));
    sync.stop().await;
}

#[tokio::test]
async fn a_cancel_ends_the_wait() {
    let sync = start().await;
    let queue = sync.queue.clone();
    queue.pause("default").await.unwrap();
    let push = queue.dispatch(Say::with("never".into()));
    let row = queue.jobs(&queue::job::Filter::new()).await.unwrap().pop().unwrap();
    queue.cancel(row.id).await.unwrap();
    assert!(matches!(push.await, Err(PushError::Job { state: JobState::Cancelled, .. })));
    sync.stop().await;
}

#[tokio::test]
async fn a_dropped_push_runs_and_its_failure_is_logged() {
    logs::keep();
    let sync = start().await;
    drop(sync.queue.dispatch(Fails::with(9)));
    sync.probe.wait_for("run", 3).await;
    // Another push of the same queue ends after it was settled.
    while logs::lines("a push that nobody awaits failed").is_empty() {
        sync.queue.dispatch(Say::with("turn".into())).await.unwrap();
    }
    assert!(logs::lines("attempt 3 went wrong").iter().any(|line| line.starts_with("ERROR")));
    sync.stop().await;
}

#[test]
fn it_works_without_a_runtime() {
    let sync = park::block_on(start());
    sync.queue.dispatch(Say::with("plain".into())).wait().unwrap();
    assert_eq!(sync.probe.seen(), ["plain"]);
    park::block_on(sync.stop());
}
