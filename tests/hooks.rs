//! What is called when jobs go wrong: the job's own `failed`, and the hooks of its worker.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::time::Duration;

use queue::drivers::{Driver as _, Lease, Settled, Settlement};
use queue::job::Outcome;
use queue::prelude::*;
use queue::worker::WorkerBuilder;
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

#[derive(Queueable)]
struct Says;

impl Job for Says {
    async fn handle(&self) -> JobResult {
        Ok(())
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

/// What runs tell the hooks of their beginning and their end.
async fn told(rig: &Rig, describe: impl FnOnce(WorkerBuilder) -> WorkerBuilder) -> (Worker, Arc<Probe>) {
    let hooks = Arc::<Probe>::default();
    let (starts, ends) = (Arc::clone(&hooks), Arc::clone(&hooks));
    let on_start = move |row: &JobRow| {
        assert!(row.state == JobState::Running && row.payload.is_some() && row.errors.is_empty(), "{row:?}");
        starts.saw(format!("{} begins {} of {}", row.kind, row.attempt, row.max_attempts));
    };
    let on_end = move |row: &JobRow, outcome: &Outcome, run_time: Duration| {
        assert_eq!(row.state, JobState::Running);
        let errors: Vec<_> = row.errors.iter().map(|error| &*error.message).collect();
        let minutes = run_time.as_secs() / 60;
        let how = match outcome {
            Outcome::Retry { error, .. } => format!("retries: {error}"),
            Outcome::Fail { error } => format!("fails: {error}"),
            other => format!("{other:?}"),
        };
        ends.saw(format!("{} {how} {errors:?} {minutes}min", row.kind));
    };
    let container = Container::builder().instance(Arc::clone(&rig.probe)).try_transient(|| Err::<Broken, _>("not today")).build();
    let worker = describe(Worker::builder(&rig.queue, container).on_start(on_start).on_end(on_end)).start().await.unwrap();
    (worker, hooks)
}

#[tokio::test]
async fn each_run_is_told_when_it_begins_and_when_it_has_ended() {
    let rig = Rig::new();
    let errors = Arc::<Probe>::default();
    let on_error = Arc::clone(&errors);
    let (worker, hooks) = told(&rig, |builder| builder.on_error(move |_, _| on_error.saw("error"))).await;
    let id = rig.queue.dispatch(Fails::with("twice".into())).await.unwrap().id;
    rig.until(id, JobState::Retryable).await;
    assert_eq!(hooks.seen(), ["Fails begins 1 of 2", r#"Fails retries: no disk ["no disk"] 0min"#]);
    rig.advance(Duration::from_secs(2 * 3600));
    rig.end(id).await;
    assert_eq!(hooks.seen()[2..], ["Fails begins 2 of 2", r#"Fails fails: no disk ["no disk"] 0min"#]);
    assert_eq!(errors.count("error"), 2);

    let id = rig.queue.dispatch(Fails::with("deaf".into()).max_attempts(1)).await.unwrap().id;
    rig.probe.wait_for("deaf", 1).await;
    assert_eq!(hooks.seen()[4..], ["Fails begins 1 of 1"], "before its handler has ended");
    rig.advance(Duration::from_secs(30 * 60));
    rig.probe.open();
    rig.end(id).await;
    assert_eq!(hooks.seen()[5..], [r#"Fails fails: timed out after 1800s ["timed out after 1800s"] 30min"#]);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn every_way_to_end_is_told_and_a_job_that_could_not_be_built_too() {
    let rig = Rig::new();
    let (worker, hooks) = told(&rig, |builder| builder).await;
    let id = rig.queue.dispatch(NeedsBroken::with()).await.unwrap().id;
    let message = rig.end(id).await.errors[0].message.clone();
    let ended = format!("NeedsBroken fails: {message} [{message:?}] 0min");
    assert_eq!(hooks.seen(), ["NeedsBroken begins 1 of 1".to_owned(), ended]);
    let id = rig.queue.dispatch(Fails::with("snooze".into())).await.unwrap().id;
    rig.until(id, JobState::Scheduled).await;
    let id = rig.queue.dispatch(Fails::with("cancel".into())).await.unwrap().id;
    rig.end(id).await;
    let id = rig.queue.dispatch(Says::with()).await.unwrap().id;
    rig.end(id).await;
    let ends: Vec<_> = hooks.seen().into_iter().skip(2).filter(|line| !line.contains("begins")).collect();
    assert_eq!(
        ends,
        [
            "Fails Snooze { delay: 3600s } [] 0min",
            r#"Fails Cancel { reason: Some("no longer wanted") } ["no longer wanted"] 0min"#,
            "Says Complete [] 0min",
        ]
    );
    let id = rig.queue.dispatch(Fails::with("deaf".into())).await.unwrap().id;
    rig.probe.wait_for("deaf", 1).await;
    worker.shutdown(Duration::ZERO).await;
    assert_eq!(rig.row(id).await.state, JobState::Available);
    assert_eq!(hooks.count("Fails Release { delay: 0ns } [] 0min"), 1);
}

#[tokio::test]
async fn the_end_of_a_run_whose_lease_was_lost_is_not_told() {
    let rig = Rig::new();
    let (worker, hooks) = told(&rig, |builder| builder).await;
    let id = rig.queue.dispatch(Fails::with("deaf".into())).await.unwrap().id;
    rig.probe.wait_for("deaf", 1).await;
    // Somebody else ends it: its next renewal finds the lease gone.
    let settlement = |place| Settlement::new(Lease { id, place, token: 1 }, Outcome::Complete);
    let settled = rig.driver.settle(&(0..100).map(settlement).collect::<Vec<_>>()).await.unwrap();
    assert!(settled.contains(&Settled::Stored));
    rig.advance(Duration::from_secs(10));
    let handle = worker.handle();
    tokio::time::timeout(PATIENCE, handle.idle()).await.unwrap();
    assert_eq!(hooks.seen(), ["Fails begins 1 of 2"]);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_hook_that_panics_is_logged_and_changes_nothing() {
    logs::keep();
    let rig = Rig::new();
    let worker = rig.worker().on_start(|_| panic!("at the start")).on_end(|_, _, _| panic!("at the end"));
    let worker = worker.jobs::<(Says,)>().start().await.unwrap();
    let id = rig.queue.dispatch(Says::with()).await.unwrap().id;
    assert_eq!(rig.end(id).await.state, JobState::Completed);
    for (hook, panic) in [("on_start", "at the start"), ("on_end", "at the end")] {
        let said = logs::lines(&format!("`{hook}` panicked"));
        assert!(said.len() == 1 && said[0].contains(panic), "{said:?}");
    }
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn the_time_of_a_hook_is_not_that_of_the_next_run() {
    let rig = Rig::new();
    let all = rig.queue.dispatch_all((0..20).map(|_| Says::with())).await.unwrap();
    let (clock, times) = (rig.clock.clone(), Arc::<Probe>::default());
    let told = Arc::clone(&times);
    let on_end = move |_: &JobRow, _: &Outcome, run_time: Duration| {
        told.saw(format!("{}min", run_time.as_secs() / 60));
        clock.advance(Duration::from_secs(60));
    };
    let worker = rig.worker().on_end(on_end).jobs::<(Says,)>().concurrency(1).start().await.unwrap();
    for pushed in all {
        rig.end(pushed.id).await;
    }
    assert_eq!(times.count("0min"), 20, "{:?}", times.seen());
    worker.shutdown(PATIENCE).await;
}
