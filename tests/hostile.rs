//! What code of the user's does to its worker at worst: it costs the attempt, and nothing else.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use queue::drivers::WorkerState;
use queue::prelude::*;
use queue::{Clock, JobState};
use queue_tests::probe::{PATIENCE, Probe};
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

/// A job that asks for the longest delay there is.
#[derive(Queueable)]
struct NeverAgain {
    how: String,
}

impl Job for NeverAgain {
    async fn handle(&self) -> JobResult {
        match self.how.as_str() {
            "snooze" => Err(JobError::snooze(Duration::MAX)),
            "retry_in" => Err(JobError::retry_in(Duration::MAX, "never again")),
            _ => Err("never again".into()),
        }
    }

    fn backoff(&self, _attempt: u32, _error: &JobError) -> Option<Duration> {
        Some(Duration::MAX)
    }
}

#[tokio::test]
async fn a_delay_without_end_stops_nobody_else() {
    for (how, state) in [("snooze", JobState::Scheduled), ("retry_in", JobState::Retryable), ("backoff", JobState::Retryable)] {
        let rig = Rig::new();
        let worker = rig.worker().start().await.unwrap();
        let never = rig.queue.dispatch(NeverAgain::with(how.into())).await.unwrap();
        rig.until(never.id, state).await;
        let other = rig.queue.dispatch(Say::with("the other".into())).await.unwrap();
        assert_eq!(rig.end(other.id).await.state, JobState::Completed, "{how}");
        let stopped = tokio::time::timeout(PATIENCE, worker.shutdown(Duration::from_secs(1))).await;
        assert!(stopped.is_ok(), "{how}");
    }
}

#[derive(Queueable)]
struct PassesTheGate {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for PassesTheGate {
    async fn handle(&self) -> JobResult {
        self.probe.saw("at the gate");
        self.probe.pass().await;
        Ok(())
    }
}

#[tokio::test]
async fn a_stop_waits_without_end_when_it_is_told_to() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    rig.queue.dispatch(PassesTheGate::with()).await.unwrap();
    rig.probe.wait_for("at the gate", 1).await;
    let stop = tokio::spawn(worker.shutdown(Duration::MAX));
    let begins = async {
        while rig.queue.workers().await.unwrap()[0].state != WorkerState::Stopping {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, begins).await.expect("the stop begins");
    rig.probe.open();
    let report = tokio::time::timeout(PATIENCE, stop).await.unwrap().unwrap();
    assert_eq!((report.completed, report.released, report.abandoned), (1, 0, 0));
    assert!(rig.queue.workers().await.unwrap().is_empty());
}

/// An error that panics wherever it is touched.
struct Hostile {
    how: String,
}

impl fmt::Debug for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.how)
    }
}

impl fmt::Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert_ne!(self.how, "display", "a hostile display");
        f.write_str("hostile")
    }
}

impl std::error::Error for Hostile {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        assert_ne!(self.how, "source", "a hostile source");
        None
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        assert_ne!(self.how, "drop", "a hostile drop");
    }
}

/// A panic that panics when it is dropped, so many times.
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 > 0 {
            std::panic::panic_any(Bomb(self.0 - 1));
        }
    }
}

fn misbehave(how: &str) -> JobResult {
    match how.strip_prefix("bomb ") {
        Some(depth) => std::panic::panic_any(Bomb(depth.parse()?)),
        None => Err(Hostile { how: how.to_owned() }.into()),
    }
}

#[derive(Queueable)]
#[queueable(max_attempts = 2, backoff = "fixed(1s)")]
struct Misbehaves {
    how: String,
}

impl Job for Misbehaves {
    async fn handle(&self) -> JobResult {
        misbehave(&self.how)
    }
}

#[derive(Queueable)]
#[queueable(max_attempts = 2, backoff = "fixed(1s)", blocking)]
struct MisbehavesBlocking {
    how: String,
}

impl BlockingJob for MisbehavesBlocking {
    fn handle(&self) -> JobResult {
        misbehave(&self.how)
    }
}

#[tokio::test]
async fn hostile_errors_and_panics_cost_an_attempt_each() {
    let rig = Rig::new();
    let failures = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&failures);
    let worker = rig
        .worker()
        .concurrency(2)
        .on_failure(move |_| {
            seen.fetch_add(1, Ordering::SeqCst);
        })
        .start()
        .await
        .unwrap();
    let mut expected = 0;
    for how in ["display", "source", "drop", "bomb 0", "bomb 1", "bomb 3", "bomb 5"] {
        let of_async = rig.queue.dispatch(Misbehaves::with(how.into())).await.unwrap();
        let of_blocking = rig.queue.dispatch(MisbehavesBlocking::with(how.into())).await.unwrap();
        for id in [of_async.id, of_blocking.id] {
            rig.until(id, JobState::Retryable).await;
        }
        rig.advance(Duration::from_secs(2));
        for id in [of_async.id, of_blocking.id] {
            let row = rig.end(id).await;
            assert_eq!((row.state, row.attempt, row.errors.len()), (JobState::Failed, 2, 2), "{how}");
        }
        expected += 2;
        assert_eq!(failures.load(Ordering::SeqCst), expected, "{how}");
    }
    let other = rig.queue.dispatch(Say::with("the other".into())).await.unwrap();
    assert_eq!(rig.end(other.id).await.state, JobState::Completed);
    let report = worker.shutdown(Duration::from_secs(5)).await;
    assert_eq!(report.abandoned, 0);
}

#[test]
fn the_jobs_of_a_runtime_that_ends_run_elsewhere() {
    let own = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let handlers = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    own.block_on(async {
        let rig = Rig::new();
        let first = rig.worker().concurrency(2).on(handlers.handle().clone()).start().await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..6 {
            ids.push(rig.queue.dispatch(PassesTheGate::with()).await.unwrap().id);
        }
        rig.probe.wait_for("at the gate", 2).await;
        handlers.shutdown_background();
        rig.probe.open();
        let lost = async {
            while !first.health().has_lost_handlers {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, lost).await.expect("the worker notices");
        assert!(!first.health().is_healthy());
        let second = rig.worker().start().await.unwrap();
        // What was running is given back for five seconds; no lease has to run out.
        rig.advance(Duration::from_secs(6));
        for id in ids {
            assert_eq!(rig.end(id).await.state, JobState::Completed);
        }
        first.shutdown(Duration::from_secs(1)).await;
        second.shutdown(Duration::from_secs(1)).await;
    });
}

/// An async handler that never yields.
#[derive(Queueable)]
#[queueable(timeout = "1m", max_attempts = 1)]
struct NeverYields {
    #[inject]
    clock: Arc<Clock>,
}

impl Job for NeverYields {
    async fn handle(&self) -> JobResult {
        self.clock.advance(Duration::from_secs(61));
        Ok(())
    }
}

/// One that goes on until it is told.
#[derive(Queueable)]
#[queueable(timeout = "1m", max_attempts = 1)]
struct OnlyAsks {
    #[inject]
    clock: Arc<Clock>,
    #[inject]
    context: JobContext,
}

impl Job for OnlyAsks {
    async fn handle(&self) -> JobResult {
        self.clock.advance(Duration::from_secs(61));
        // The timer tells it, from another thread.
        while !self.context.is_cancelled() {
            std::thread::yield_now();
        }
        Ok(())
    }
}

#[tokio::test]
async fn an_async_handler_that_blocks_past_its_timeout_has_timed_out() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let silent = rig.queue.dispatch(NeverYields::with()).await.unwrap();
    let asking = rig.queue.dispatch(OnlyAsks::with()).await.unwrap();
    for id in [silent.id, asking.id] {
        let row = rig.end(id).await;
        assert_eq!((row.state, &*row.errors[0].message), (JobState::Failed, "timed out after 60s"));
    }
    worker.shutdown(Duration::from_secs(1)).await;
}
