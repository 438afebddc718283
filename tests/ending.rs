//! A run that should end: what its handler is told, and what is recorded of it.

use std::sync::Arc;
use std::time::Duration;

use queue::JobState;
use queue::prelude::*;
use queue_tests::logs;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::rig::Rig;

/// Waits until it is told to end, and ends in one of many ways.
#[derive(Queueable)]
struct Ends {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
    how: String,
}

impl Job for Ends {
    async fn handle(&self) -> JobResult {
        self.probe.saw(self.how.clone());
        self.context.cancelled().await;
        match self.how.as_str() {
            "error" => Err("half done".into()),
            "fail" => Err(JobError::fail("never again")),
            "retry_in" => Err(JobError::retry_in(Duration::from_secs(1), "busy")),
            "snooze" => Err(JobError::snooze(Duration::from_secs(1))),
            "panic" => panic!("a loud panic"),
            _ => Ok(()),
        }
    }
}

/// Blocks its thread: until it is told to end, and then until the gate opens.
#[derive(Queueable)]
#[queueable(queue = "blockers", blocking, timeout = "30m", max_attempts = 1)]
struct Blocks {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
}

impl BlockingJob for Blocks {
    fn handle(&self) -> JobResult {
        self.probe.saw("blocks");
        while !self.context.is_cancelled() {
            std::thread::yield_now();
        }
        self.probe.saw(format!("told {:?}", self.context.cancel_reason()));
        self.probe.pass_blocking();
        Err("too late".into())
    }
}

/// Hears nothing, and says why it was dropped.
#[derive(Queueable)]
#[queueable(timeout = "30m", max_attempts = 1)]
struct Deaf {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
}

struct SaysWhy<'a>(&'a Deaf);

impl Drop for SaysWhy<'_> {
    fn drop(&mut self) {
        self.0.probe.saw(format!("dropped {:?}", self.0.context.cancel_reason()));
    }
}

impl Job for Deaf {
    async fn handle(&self) -> JobResult {
        let _says_why = SaysWhy(self);
        self.probe.saw("deaf");
        std::future::pending().await
    }
}

#[derive(Queueable)]
struct Quick;

impl Job for Quick {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

#[tokio::test]
async fn whatever_a_cancelled_run_returns_it_is_recorded_as_cancelled() {
    let rig = Rig::new();
    let failures = Arc::new(Probe::default());
    let told = Arc::clone(&failures);
    let worker = rig.worker().on_failure(move |row| told.saw(row.kind.clone())).start().await.unwrap();
    let reasons = [
        ("ok", None),
        ("error", Some("half done")),
        ("fail", Some("never again")),
        ("retry_in", Some("busy")),
        ("panic", Some("a loud panic")),
    ];
    for (how, reason) in reasons {
        let id = rig.queue.dispatch(Ends::with(how.into()).max_attempts(1)).await.unwrap().id;
        rig.probe.wait_for(how, 1).await;
        rig.queue.cancel(id).await.unwrap();
        let row = rig.end(id).await;
        assert_eq!((row.state, row.errors.first().map(|error| &*error.message)), (JobState::Cancelled, reason), "{how}");
    }
    let id = rig.queue.dispatch(Ends::with("snooze".into())).await.unwrap().id;
    rig.probe.wait_for("snooze", 1).await;
    rig.queue.cancel(id).await.unwrap();
    assert_eq!(rig.end(id).await.state, JobState::Cancelled);
    worker.shutdown(PATIENCE).await;
    assert!(failures.seen().is_empty(), "a cancelled job has not failed");
}

#[tokio::test]
async fn a_blocking_run_is_told_of_its_cancel_and_keeps_slot_and_lease_until_it_returns() {
    let rig = Rig::new();
    let worker = rig.worker().queue("blockers", 1).start().await.unwrap();
    let (first, second) = rig.queue.dispatch((Blocks::with(), Blocks::with())).await.map(|(a, b)| (a.id, b.id)).unwrap();
    rig.probe.wait_for("blocks", 1).await;
    rig.queue.cancel(first).await.unwrap();
    rig.probe.wait_for("told Some(Requested)", 1).await;
    for _ in 0..12 {
        rig.advance(Duration::from_secs(5));
        let other = rig.queue.dispatch(Quick::with()).await.unwrap().id;
        rig.end(other).await;
    }
    let row = rig.row(first).await;
    assert_eq!((row.state, row.rescues), (JobState::Running, 0), "its lease is renewed");
    assert_eq!((rig.row(second).await.state, rig.probe.count("blocks")), (JobState::Available, 1), "its slot is taken");
    rig.probe.open();
    let row = rig.end(first).await;
    assert_eq!((row.state, row.errors[0].message.as_str()), (JobState::Cancelled, "too late"));
    rig.probe.wait_for("blocks", 2).await;
    rig.queue.cancel(second).await.unwrap();
    rig.end(second).await;
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_blocking_run_that_should_have_ended_is_named_in_the_log_every_minute() {
    logs::keep();
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Blocks::with()).await.unwrap().id;
    rig.probe.wait_for("blocks", 1).await;
    rig.advance(Duration::from_secs(30 * 60));
    rig.probe.wait_for("told Some(TimedOut)", 1).await;
    let named = || logs::lines(&format!("job={id} kind=\"Blocks\" reason=TimedOut")).len();
    // The first naming may have been due with the jump.
    let start = named();
    for minutes in 1..=3 {
        for _ in 0..12 {
            rig.advance(Duration::from_secs(5));
            let other = rig.queue.dispatch(Quick::with()).await.unwrap().id;
            rig.end(other).await;
        }
        assert!((start + minutes - 1..=start + minutes + 1).contains(&named()), "{} after {minutes} minutes", named());
    }
    rig.probe.open();
    rig.end(id).await;
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn an_async_run_is_dropped_when_its_time_is_over_and_may_read_why() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Deaf::with()).await.unwrap().id;
    rig.probe.wait_for("deaf", 1).await;
    rig.advance(Duration::from_secs(30 * 60));
    rig.probe.wait_for("dropped Some(TimedOut)", 1).await;
    assert_eq!(rig.end(id).await.errors[0].message, "timed out after 1800s");
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_worker_that_is_dropped_says_what_it_left() {
    logs::keep();
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let all = rig.queue.dispatch_all((0..7).map(|_| Deaf::with())).await.unwrap();
    rig.probe.wait_for("deaf", 7).await;
    drop(worker);
    for pushed in all {
        rig.until(pushed.id, JobState::Available).await;
    }
    let said = logs::lines("a worker was dropped without `run` or `shutdown`");
    assert_eq!(said.iter().filter(|line| line.contains("running=7")).count(), 1, "{said:?}");
}
