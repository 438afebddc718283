//! Jobs run: what comes of a run, retries, order, and what a worker does not know.

use std::sync::Arc;
use std::time::Duration;

use queue::drivers::{Due, Group, NewJob};
use queue::prelude::*;
use queue::{JobId, JobState};
use queue_tests::gate::Gate;
use queue_tests::probe::Probe;
use queue_tests::rig::Rig;

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

#[derive(Queueable)]
#[queueable(max_attempts = 3, backoff = ["10s", "20s"])]
struct Fails {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
    how: String,
}

impl Job for Fails {
    async fn handle(&self) -> JobResult {
        self.probe.saw(format!("run {}", self.context.attempt()));
        match self.how.as_str() {
            "error" => Err(std::io::Error::other("no disk").into()),
            "text" => Err("just a text")?,
            "panic" => panic!("a loud panic"),
            "fail" => Err(JobError::fail("never again")),
            "cancel" => Err(JobError::cancel("no longer wanted")),
            "snooze" if self.probe.count("run 1") == 1 => Err(JobError::snooze(Duration::from_secs(50))),
            "retry_in" if self.context.attempt() == 1 => Err(JobError::retry_in(Duration::from_secs(500), "busy")),
            "once" if self.context.attempt() == 1 => Err("the first time".into()),
            _ => Ok(()),
        }
    }

    async fn failed(&self, error: &JobError) {
        self.probe.saw(format!("failed: {error}"));
    }
}

#[derive(Queueable)]
#[queueable(max_attempts = 2)]
struct OwnBackoff {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for OwnBackoff {
    async fn handle(&self) -> JobResult {
        Err("again")?
    }

    fn backoff(&self, attempt: u32, error: &JobError) -> Option<Duration> {
        self.probe.saw(format!("backoff {attempt} {error}"));
        Some(Duration::from_secs(7))
    }
}

#[derive(Queueable)]
#[queueable(blocking)]
struct SayBlocking {
    #[inject]
    probe: Arc<Probe>,
    panics: bool,
}

impl BlockingJob for SayBlocking {
    fn handle(&self) -> JobResult {
        assert!(!self.panics, "a blocking panic");
        self.probe.saw(format!("blocking on {}", std::thread::current().name().unwrap_or_default()));
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(timeout = "100ms", max_attempts = 1)]
struct Hangs {
    #[inject]
    probe: Arc<Probe>,
}

struct SaysWhenDropped<'a>(&'a Probe);

impl Drop for SaysWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.saw("dropped");
    }
}

impl Job for Hangs {
    async fn handle(&self) -> JobResult {
        let _guard = SaysWhenDropped(&self.probe);
        self.probe.saw("hangs");
        std::future::pending().await
    }
}

#[derive(Queueable)]
#[queueable(version = 2, upgrade = upgrade)]
struct Versioned {
    #[inject]
    probe: Arc<Probe>,
    full_name: String,
}

fn upgrade(mut payload: serde_json::Value, from: u16) -> Result<serde_json::Value, std::convert::Infallible> {
    payload["full_name"] = format!("{} (from version {from})", payload["name"].as_str().unwrap_or_default()).into();
    Ok(payload)
}

impl Job for Versioned {
    async fn handle(&self) -> JobResult {
        self.probe.saw(self.full_name.clone());
        Ok(())
    }
}

/// A job as another program, or another version of this one, may have stored it.
async fn store(rig: &Rig, kind: &str, version: u16, payload: &str) -> JobId {
    let job = NewJob {
        id: JobId::new(),
        kind: kind.into(),
        queue: "default".into(),
        payload: payload.as_bytes().into(),
        version,
        priority: 100,
        max_attempts: 20,
        due: Due::Now,
        extra: None,
    };
    let id = job.id;
    let memory = queue::drivers::Driver::push(&*rig.driver, &[Group { jobs: vec![job], tick: None }]).await;
    memory.into_iter().for_each(|stored| drop(stored.expect("stored")));
    id
}

#[tokio::test]
async fn a_pushed_job_runs_and_is_completed() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let pushed = rig.queue.dispatch(Say::with("hello".into())).await.unwrap();
    let row = rig.end(pushed.id).await;
    assert_eq!(row.state, JobState::Completed);
    assert_eq!((row.attempt, row.kind.as_str(), row.queue.as_str()), (1, "Say", "default"));
    assert_eq!(rig.probe.seen(), ["hello"]);
    let report = worker.shutdown(Duration::from_secs(5)).await;
    assert_eq!((report.completed, report.released, report.abandoned), (0, 0, 0));
}

#[tokio::test]
async fn jobs_that_wait_when_the_worker_starts_run() {
    let rig = Rig::new();
    let all: Vec<_> = rig.queue.dispatch_all((0..500).map(|n| Say::with(n.to_string()))).await.unwrap();
    let _worker = rig.worker().start().await.unwrap();
    for pushed in all {
        assert_eq!(rig.end(pushed.id).await.state, JobState::Completed);
    }
    let mut seen: Vec<usize> = rig.probe.seen().iter().map(|n| n.parse().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_slot_runs_by_priority_and_then_in_order() {
    let rig = Rig::new();
    for (what, priority) in [("c", 100), ("d", 100), ("a", 1), ("e", 200), ("b", 1)] {
        rig.queue.dispatch(Say::with(what.into()).priority(priority)).await.unwrap();
    }
    let _worker = rig.worker().concurrency(1).start().await.unwrap();
    rig.probe.wait_for("e", 1).await;
    assert_eq!(rig.probe.seen(), ["a", "b", "c", "d", "e"]);
}

#[tokio::test]
async fn a_job_that_fails_is_tried_again_and_fails_for_good() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Fails::with("error".into())).await.unwrap().id;
    let row = rig.until(id, JobState::Retryable).await;
    assert_eq!(row.errors[0].message, "no disk");
    rig.advance(Duration::from_secs(12));
    rig.probe.wait_for("run 2", 1).await;
    rig.until(id, JobState::Retryable).await;
    rig.advance(Duration::from_secs(23));
    let row = rig.end(id).await;
    assert_eq!(row.state, JobState::Failed);
    assert_eq!(row.errors.iter().map(|error| error.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(rig.probe.seen(), ["run 1", "run 2", "run 3", "failed: no disk"]);
}

#[tokio::test]
async fn a_panic_costs_the_attempt_and_nothing_else() {
    let rig = Rig::new();
    let _worker = rig.worker().concurrency(1).start().await.unwrap();
    let id = rig.queue.dispatch(Fails::with("panic".into())).await.unwrap().id;
    let row = rig.until(id, JobState::Retryable).await;
    assert_eq!(row.errors[0].message, "a loud panic");
    let next = rig.queue.dispatch(Say::with("still here".into())).await.unwrap().id;
    assert_eq!(rig.end(next).await.state, JobState::Completed);
}

#[tokio::test]
async fn each_verdict_of_a_handler_ends_in_its_state() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();

    let id = rig.queue.dispatch(Fails::with("fail".into())).await.unwrap().id;
    let row = rig.end(id).await;
    assert_eq!((row.state, row.attempt), (JobState::Failed, 1));
    assert_eq!(rig.probe.count("failed: never again"), 1);

    let id = rig.queue.dispatch(Fails::with("cancel".into())).await.unwrap().id;
    let row = rig.end(id).await;
    assert_eq!((row.state, row.errors[0].message.as_str()), (JobState::Cancelled, "no longer wanted"));

    let id = rig.queue.dispatch(Fails::with("retry_in".into())).await.unwrap().id;
    let row = rig.until(id, JobState::Retryable).await;
    let wait = row.due_at.duration_since(rig.clock.now()).unwrap();
    assert!(wait > Duration::from_secs(400), "due in {wait:?}");
}

#[tokio::test]
async fn a_snooze_does_not_count_the_attempt() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Fails::with("snooze".into())).await.unwrap().id;
    let row = rig.until(id, JobState::Scheduled).await;
    assert_eq!(row.attempt, 0);
    rig.advance(Duration::from_secs(51));
    let row = rig.end(id).await;
    assert_eq!((row.state, row.attempt), (JobState::Completed, 1));
    assert_eq!(rig.probe.seen(), ["run 1", "run 1"]);
}

#[tokio::test]
async fn the_backoff_of_the_job_goes_before_its_attribute() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(OwnBackoff::with()).await.unwrap().id;
    let row = rig.until(id, JobState::Retryable).await;
    let wait = row.due_at.duration_since(rig.clock.now()).unwrap();
    assert!(wait <= Duration::from_secs(7), "due in {wait:?}");
    assert_eq!(rig.probe.seen(), ["backoff 1 again"]);
}

#[tokio::test]
async fn blocking_jobs_run_off_the_async_threads_and_their_panics_are_caught() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(SayBlocking::with(false)).await.unwrap().id;
    assert_eq!(rig.end(id).await.state, JobState::Completed);
    let id = rig.queue.dispatch(SayBlocking::with(true)).await.unwrap().id;
    assert_eq!(rig.until(id, JobState::Retryable).await.errors[0].message, "a blocking panic");
}

#[tokio::test]
async fn a_timeout_drops_the_handler_and_says_so() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Hangs::with()).await.unwrap().id;
    rig.probe.wait_for("hangs", 1).await;
    rig.advance(Duration::from_millis(101));
    let row = rig.end(id).await;
    assert_eq!((row.state, row.errors[0].message.as_str()), (JobState::Failed, "timed out after 100ms"));
    assert_eq!(rig.probe.seen(), ["hangs", "dropped"]);
}

#[tokio::test]
async fn a_payload_that_does_not_decode_fails_at_once_with_the_path() {
    let rig = Rig::new();
    let failures = Arc::new(Probe::default());
    let told = Arc::clone(&failures);
    let _worker = rig.worker().on_failure(move |row| told.saw(row.kind.clone())).start().await.unwrap();
    for payload in ["{\"what\": 7}", "{}", "no json", "[1,2", "\u{0}"] {
        let id = store(&rig, "Say", 1, payload).await;
        let row = rig.end(id).await;
        assert_eq!((row.state, row.attempt), (JobState::Failed, 1), "{payload}");
        assert!(row.errors[0].message.contains("cannot be decoded"), "{}", row.errors[0].message);
    }
    let first = rig.queue.jobs(&queue::job::Filter::new().limit(1)).await.unwrap();
    assert!(first[0].errors[0].message.contains("`what`"), "{}", first[0].errors[0].message);
    assert_eq!(failures.count("Say"), 5);
    assert!(rig.probe.seen().is_empty());
}

#[tokio::test]
async fn an_older_payload_is_upgraded_and_a_newer_one_is_left_to_others() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let old = store(&rig, "Versioned", 1, "{\"name\": \"Ada\"}").await;
    assert_eq!(rig.end(old).await.state, JobState::Completed);
    assert_eq!(rig.probe.seen(), ["Ada (from version 1)"]);

    let new = store(&rig, "Versioned", 3, "{\"name\": \"Ada\"}").await;
    let row = rig.until(new, JobState::Scheduled).await;
    assert_eq!((row.attempt, row.errors.len()), (0, 0));
}

#[tokio::test]
async fn an_unknown_kind_is_given_back_and_left_alone_for_a_minute() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let id = store(&rig, "SomebodyElses", 1, "{}").await;
    let row = rig.until(id, JobState::Scheduled).await;
    assert_eq!((row.attempt, row.rescues, row.errors.len()), (0, 0, 0));
    rig.advance(Duration::from_secs(6));
    rig.until(id, JobState::Available).await;
    // It stays where it is while others run.
    let next = rig.queue.dispatch(Say::with("mine".into())).await.unwrap().id;
    assert_eq!(rig.end(next).await.state, JobState::Completed);
    assert_eq!(rig.row(id).await.state, JobState::Available);
}

#[tokio::test]
async fn a_delayed_job_runs_when_it_is_due() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Say::with("later".into()).delay(Duration::from_secs(3600))).await.unwrap().id;
    assert_eq!(rig.row(id).await.state, JobState::Scheduled);
    rig.advance(Duration::from_secs(3601));
    assert_eq!(rig.end(id).await.state, JobState::Completed);
}

#[tokio::test]
async fn a_queue_that_nobody_declared_is_served_from_its_first_push() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Say::with("vip".into()).queue("vip")).await.unwrap().id;
    let row = rig.end(id).await;
    assert_eq!((row.state, row.queue.as_str()), (JobState::Completed, "vip"));
}

#[tokio::test]
async fn a_handler_can_push_to_the_queue_that_it_came_from() {
    #[derive(Queueable)]
    struct Parent {
        #[inject]
        queue: Queue,
    }
    impl Job for Parent {
        async fn handle(&self) -> JobResult {
            self.queue.dispatch(Say::with("by the handle".into())).await?;
            Say::with("by the current one".into()).push().await?;
            Ok(())
        }
    }
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    rig.queue.dispatch(Parent::with()).await.unwrap();
    rig.probe.wait_for("by the handle", 1).await;
    rig.probe.wait_for("by the current one", 1).await;
}

#[tokio::test]
async fn time_that_passes_while_the_store_is_maintained_counts() {
    let (gate, probe) = (Gate::new(), Arc::<Probe>::default());
    let queue = Queue::from_driver(Arc::<Gate>::clone(&gate));
    queue.dispatch(Say::with("due".into()).delay(Duration::from_secs(3600))).await.unwrap();
    gate.skip_at_maintain(Duration::from_secs(7200));
    let container = Container::builder().instance(Arc::clone(&probe)).build();
    let worker = Worker::builder(&queue, container).start().await.unwrap();
    // Less than the 5 s after which every worker looks again.
    tokio::time::timeout(Duration::from_secs(3), probe.wait_for("due", 1)).await.expect("it is due, and runs");
    worker.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn a_queue_that_ceases_to_exist_is_served_no_longer_and_again_when_it_comes_back() {
    let clock = queue::Clock::manual();
    let driver = Arc::new(queue::drivers::Memory::with_clock(clock.clone()).keep_completed_rows(0));
    let (queue, probe) = (Queue::from_driver(driver), Arc::<Probe>::default());
    let container = Container::builder().instance(Arc::clone(&probe)).instance(Arc::new(clock.clone())).build();
    let worker = Worker::builder(&queue, container).start().await.unwrap();
    let serves = async || queue.workers().await.unwrap()[0].queues.iter().any(|(name, _)| &**name == "of one tenant");
    for round in 1..=2 {
        queue.dispatch(Say::with("done".into()).queue("of one tenant")).await.unwrap();
        probe.wait_for("done", round).await;
        let ceased = async {
            // Past the next maintenance, and the next renewal of the worker's row.
            loop {
                clock.advance(Duration::from_secs(11));
                tokio::task::yield_now().await;
                if !serves().await {
                    return;
                }
            }
        };
        tokio::time::timeout(queue_tests::probe::PATIENCE, ceased).await.expect("it is served no longer");
    }
    let report = worker.shutdown(Duration::from_secs(1)).await;
    assert_eq!(report.abandoned, 0);
}
