//! What is called when jobs go wrong: the job's own `failed`, and the hooks of its worker.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::time::Duration;

use queue::prelude::*;
use queue::{JobRow, JobState};
use queue_tests::logs;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::rig::Rig;

#[derive(Debug)]
struct NoDisk;

impl std::fmt::Display for NoDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no disk")
    }
}

impl std::error::Error for NoDisk {}

/// Fails, and what its `failed` does is its payload.
#[derive(Queueable)]
#[queueable(max_attempts = 2, backoff = "fixed(1h)", timeout = "30m")]
struct Fails {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    queue: Queue,
    #[inject]
    context: JobContext,
    how: String,
}

impl Job for Fails {
    async fn handle(&self) -> JobResult {
        match self.how.as_str() {
            "snooze" => Err(JobError::snooze(Duration::from_secs(3600))),
            "cancel" => Err(JobError::cancel("no longer wanted")),
            "deaf" => {
                self.probe.saw("deaf");
                std::future::pending().await
            }
            _ => Err(NoDisk.into()),
        }
    }

    async fn failed(&self, error: &JobError) {
        assert_eq!(error.downcast_ref::<NoDisk>().is_some(), self.how != "deaf");
        let row = self.queue.job(self.context.id()).await.unwrap().unwrap();
        self.probe.saw(format!("failed while {:?}", row.state));
        match self.how.as_str() {
            "hang" => std::future::pending().await,
            "deaf" => self.probe.pass().await,
            _ => {}
        }
        self.probe.saw("failed has ended");
    }
}

#[derive(Queueable)]
#[queueable(max_attempts = 1, blocking)]
struct FailsBlocking {
    #[inject]
    probe: Arc<Probe>,
}

impl BlockingJob for FailsBlocking {
    fn handle(&self) -> JobResult {
        Err(NoDisk.into())
    }

    fn failed(&self, error: &JobError) {
        self.probe.saw(format!("failed: {error}"));
    }
}

/// Built for each run, and never.
struct Broken;

#[derive(Queueable)]
#[queueable(queue = "broken", max_attempts = 1)]
struct NeedsBroken {
    #[inject]
    _broken: Arc<Broken>,
}

impl Job for NeedsBroken {
    async fn handle(&self) -> JobResult {
        Ok(())
    }

    async fn failed(&self, _error: &JobError) {
        unreachable!("it was never built");
    }
}

/// A worker that tells its hooks' probe what they are called with.
async fn start(rig: &Rig) -> (Worker, Arc<Probe>) {
    let hooks = Arc::<Probe>::default();
    let (errors, failures) = (Arc::clone(&hooks), Arc::clone(&hooks));
    let on_error = move |row: &JobRow, error: &JobError| {
        errors.saw(format!(
            "{} error {} of {} {}",
            row.kind,
            row.attempt,
            row.max_attempts,
            error.downcast_ref::<NoDisk>().is_some()
        ));
    };
    let on_failure = move |row: &JobRow| failures.saw(format!("{} {:?}: {}", row.kind, row.state, row.errors[0].message));
    let container = Container::builder().instance(Arc::clone(&rig.probe)).try_transient(|| Err::<Broken, _>("not today")).build();
    let worker = Worker::builder(&rig.queue, container).on_error(on_error).on_failure(on_failure).start().await.unwrap();
    (worker, hooks)
}

#[tokio::test]
async fn each_error_and_each_failure_is_told_and_failed_comes_before_the_failure_is_stored() {
    let rig = Rig::new();
    let (worker, hooks) = start(&rig).await;
    let id = rig.queue.dispatch(Fails::with("twice".into())).await.unwrap().id;
    rig.until(id, JobState::Retryable).await;
    assert_eq!((hooks.seen(), rig.probe.seen()), (vec!["Fails error 1 of 2 true".to_owned()], Vec::new()));
    rig.advance(Duration::from_secs(2 * 3600));
    assert_eq!(rig.end(id).await.state, JobState::Failed);
    assert_eq!(hooks.seen(), ["Fails error 1 of 2 true", "Fails error 2 of 2 true", "Fails Failed: no disk"]);
    assert_eq!(rig.probe.seen(), ["failed while Running", "failed has ended"]);

    let id = rig.queue.dispatch(FailsBlocking::with()).await.unwrap().id;
    assert_eq!(rig.end(id).await.state, JobState::Failed);
    assert_eq!(hooks.seen()[3..], ["FailsBlocking error 1 of 1 true", "FailsBlocking Failed: no disk"]);
    assert_eq!(rig.probe.seen()[2..], ["failed: no disk"]);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_job_that_could_not_be_built_is_told_to_the_hooks_alone() {
    let rig = Rig::new();
    let (worker, hooks) = start(&rig).await;
    let id = rig.queue.dispatch(NeedsBroken::with()).await.unwrap().id;
    let row = rig.end(id).await;
    assert!(row.state == JobState::Failed && row.errors[0].message.contains("not today"), "{row:?}");
    assert_eq!(
        hooks.seen(),
        ["NeedsBroken error 1 of 1 false".to_owned(), format!("NeedsBroken Failed: {}", row.errors[0].message)]
    );
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_snooze_and_a_cancel_are_no_errors() {
    let rig = Rig::new();
    let (worker, hooks) = start(&rig).await;
    let id = rig.queue.dispatch(Fails::with("snooze".into())).await.unwrap().id;
    rig.until(id, JobState::Scheduled).await;
    let id = rig.queue.dispatch(Fails::with("cancel".into())).await.unwrap().id;
    assert_eq!(rig.end(id).await.state, JobState::Cancelled);
    worker.shutdown(PATIENCE).await;
    assert!(hooks.seen().is_empty() && rig.probe.seen().is_empty());
}

#[tokio::test]
async fn failed_runs_under_the_timeout_of_its_job() {
    logs::keep();
    let rig = Rig::new();
    let (worker, hooks) = start(&rig).await;
    let id = rig.queue.dispatch(Fails::with("hang".into()).max_attempts(1)).await.unwrap().id;
    rig.probe.wait_for("failed while Running", 1).await;
    rig.advance(Duration::from_secs(30 * 60));
    let row = rig.end(id).await;
    assert_eq!((row.state, row.errors.len(), row.errors[0].message.as_str()), (JobState::Failed, 1, "no disk"));
    assert_eq!(hooks.count("Fails Failed: no disk"), 1);
    let said = logs::lines("`failed` did not end within the job's timeout");
    assert_eq!((said.len(), rig.probe.count("failed has ended")), (1, 0), "{said:?}");
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn failed_has_its_time_also_after_a_run_that_had_none_left() {
    let rig = Rig::new();
    let (worker, _) = start(&rig).await;
    let id = rig.queue.dispatch(Fails::with("deaf".into()).max_attempts(1)).await.unwrap().id;
    rig.probe.wait_for("deaf", 1).await;
    rig.advance(Duration::from_secs(30 * 60));
    rig.probe.wait_for("failed while Running", 1).await;
    rig.advance(Duration::from_secs(20 * 60));
    rig.probe.open();
    assert_eq!(rig.end(id).await.errors[0].message, "timed out after 1800s");
    assert_eq!(rig.probe.count("failed has ended"), 1);
    worker.shutdown(PATIENCE).await;
}
