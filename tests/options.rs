//! Who decides a timeout and a delay: the attribute, then the worker's fallback, then the default.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use queue::job::{Backoff, JobOptions};
use queue::prelude::*;
use queue::{JobId, JobRow, JobState};
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::rig::Rig;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

#[derive(Queueable)]
struct Silent {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
    hangs: bool,
}

#[derive(Queueable)]
#[queueable(timeout = "10m", backoff = "fixed(1h)")]
struct Explicit {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
    hangs: bool,
}

async fn run(probe: &Probe, context: &JobContext, hangs: bool) -> JobResult {
    probe.saw(format!("run {}", context.attempt()));
    match hangs {
        true => std::future::pending().await,
        false => Err("wrong".into()),
    }
}

impl Job for Silent {
    async fn handle(&self) -> JobResult {
        run(&self.probe, &self.context, self.hangs).await
    }
}

impl Job for Explicit {
    async fn handle(&self) -> JobResult {
        run(&self.probe, &self.context, self.hangs).await
    }
}

/// The delay before the next attempt, as the store has it, with the jitter of 10 % allowed for.
fn assert_waits(row: &JobRow, seconds: u64) {
    let delay = row.due_at.duration_since(row.errors.last().unwrap().at).unwrap();
    let allowed: RangeInclusive<_> = Duration::from_millis(seconds * 900)..=Duration::from_millis(seconds * 1100);
    assert!(allowed.contains(&delay), "it waits {delay:?}, and not about {seconds} s");
}

/// Lets a run time out after this, and not before.
async fn time_out(rig: &Rig, id: JobId, timeout: u64) -> JobRow {
    rig.probe.wait_for("run 1", 1).await;
    rig.advance(Duration::from_secs(timeout / 2));
    // A job that runs meanwhile, so that an alarm that was due would have rung.
    let other = rig.queue.dispatch(Silent::with(false)).await.unwrap().id;
    rig.until(other, JobState::Retryable).await;
    assert_eq!(rig.row(id).await.state, JobState::Running);
    rig.advance(Duration::from_secs(timeout / 2));
    rig.until(id, JobState::Retryable).await
}

#[tokio::test]
async fn where_nothing_is_said_it_is_fifteen_minutes_and_fifteen_seconds_doubled_each_time() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Silent::with(false)).await.unwrap().id;
    for (attempt, delay) in [(1, 15), (2, 30), (3, 60), (4, 120)] {
        rig.probe.wait_for(&format!("run {attempt}"), 1).await;
        assert_waits(&rig.until(id, JobState::Retryable).await, delay);
        rig.advance(Duration::from_secs(delay * 2));
    }
    rig.probe.wait_for("run 5", 1).await;
    worker.shutdown(PATIENCE).await;

    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Silent::with(true)).await.unwrap().id;
    assert_eq!(time_out(&rig, id, 15 * MINUTE).await.errors[0].message, "timed out after 900s");
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn the_fallback_of_the_worker_speaks_where_the_attributes_are_silent() {
    let rig = Rig::new();
    let fallback = JobOptions::DEFAULT
        .timeout(Some(Duration::from_secs(40 * MINUTE)))
        .backoff(Backoff::Fixed { delay: Duration::from_secs(100 * HOUR) });
    let worker = rig.worker().fallback(fallback).start().await.unwrap();
    let id = rig.queue.dispatch(Silent::with(true)).await.unwrap().id;
    let row = time_out(&rig, id, 40 * MINUTE).await;
    assert_eq!(row.errors[0].message, "timed out after 2400s");
    assert_waits(&row, 100 * HOUR);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn an_attribute_goes_before_the_fallback() {
    let rig = Rig::new();
    let fallback = JobOptions::DEFAULT.timeout(None).backoff(Backoff::Fixed { delay: Duration::from_secs(100 * HOUR) });
    let worker = rig.worker().fallback(fallback).start().await.unwrap();
    let id = rig.queue.dispatch(Explicit::with(true)).await.unwrap().id;
    let row = time_out(&rig, id, 10 * MINUTE).await;
    assert_eq!(row.errors[0].message, "timed out after 600s");
    assert_waits(&row, HOUR);
    worker.shutdown(PATIENCE).await;
}

#[derive(Queueable)]
#[queueable(max_attempts = 3, backoff = "fixed(0s)")]
struct ThreeTimes;

impl Job for ThreeTimes {
    async fn handle(&self) -> JobResult {
        Err("wrong".into())
    }
}

#[derive(Queueable)]
#[queueable(backoff = "fixed(0s)")]
struct NothingSaid {
    #[inject]
    context: JobContext,
}

impl Job for NothingSaid {
    async fn handle(&self) -> JobResult {
        Err(format!("of {}", self.context.max_attempts()).into())
    }
}

#[tokio::test]
async fn fallback_attempts_count_for_jobs_of_which_nobody_has_said_it() {
    let rig = Rig::new();
    let worker = rig.worker().fallback_attempts(2).start().await.unwrap();
    let silent = rig.queue.dispatch(NothingSaid::with()).await.unwrap().id;
    let pushed = rig.queue.dispatch(NothingSaid::with().max_attempts(4)).await.unwrap().id;
    let attribute = rig.queue.dispatch(ThreeTimes::with()).await.unwrap().id;
    let row = rig.end(silent).await;
    assert_eq!((row.state, row.attempt, row.max_attempts), (JobState::Failed, 2, 20), "the store keeps what was pushed");
    assert_eq!(row.errors[1].message, "of 2");
    for (id, attempts) in [(pushed, 4), (attribute, 3)] {
        let row = rig.end(id).await;
        assert_eq!((row.state, row.attempt, row.max_attempts), (JobState::Failed, attempts, attempts));
    }
    // A retry gives more, and those are said.
    rig.queue.retry(silent).await.unwrap();
    let row = rig.end(silent).await;
    assert_eq!((row.attempt, row.max_attempts), (40, 40));
    worker.shutdown(PATIENCE).await;

    for attempts in [0, 1_001] {
        let report = rig.worker().fallback_attempts(attempts).start().await.unwrap_err().to_string();
        assert!(report.contains(&format!("`fallback_attempts({attempts})` must be between 1 and 1000")), "{report}");
    }
}
