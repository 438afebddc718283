//! Ending runs from outside: cancel, timeout of a blocking handler, pause and resume.

use std::sync::Arc;
use std::time::Duration;

use queue::prelude::*;
use queue::{CancelReason, ErrorKind, JobState};
use queue_tests::probe::Probe;
use queue_tests::rig::Rig;

/// Waits until it is told to end, and says why.
#[derive(Queueable)]
struct Waits {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
}

impl Job for Waits {
    async fn handle(&self) -> JobResult {
        self.probe.saw("waits");
        self.context.cancelled().await;
        self.probe.saw(format!("{:?}", self.context.cancel_reason()));
        Ok(())
    }
}

/// Hears nothing.
#[derive(Queueable)]
struct Deaf {
    #[inject]
    probe: Arc<Probe>,
}

struct Dropped<'a>(&'a Probe);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.saw("dropped");
    }
}

impl Job for Deaf {
    async fn handle(&self) -> JobResult {
        let _guard = Dropped(&self.probe);
        self.probe.saw("deaf");
        std::future::pending().await
    }
}

/// Blocks its thread until the gate opens.
#[derive(Queueable)]
#[queueable(blocking, timeout = "1s", max_attempts = 1)]
struct Blocks {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
}

impl BlockingJob for Blocks {
    fn handle(&self) -> JobResult {
        self.probe.saw("blocks");
        self.probe.pass_blocking();
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

#[tokio::test]
async fn a_waiting_job_is_cancelled_at_once() {
    let rig = Rig::new();
    let id = rig.queue.dispatch(Quick::with()).await.unwrap().id;
    rig.queue.cancel(id).await.unwrap();
    assert_eq!(rig.row(id).await.state, JobState::Cancelled);
    let _worker = rig.worker().start().await.unwrap();
    let next = rig.queue.dispatch(Quick::with()).await.unwrap().id;
    rig.end(next).await;
    assert_eq!(rig.probe.count("quick"), 1);
    assert_eq!(rig.queue.cancel(id).await.unwrap_err().kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn a_running_job_gets_the_signal_and_is_cancelled_whatever_it_returns() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Waits::with()).await.unwrap().id;
    rig.probe.wait_for("waits", 1).await;
    rig.queue.cancel(id).await.unwrap();
    assert_eq!(rig.end(id).await.state, JobState::Cancelled);
    assert_eq!(rig.probe.seen(), ["waits".to_owned(), format!("{:?}", Some(CancelReason::Requested))]);
}

#[tokio::test]
async fn a_handler_that_does_not_hear_is_dropped_five_seconds_later() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Deaf::with()).await.unwrap().id;
    rig.probe.wait_for("deaf", 1).await;
    rig.queue.cancel(id).await.unwrap();
    rig.advance(Duration::from_millis(4_000));
    let other = rig.queue.dispatch(Quick::with()).await.unwrap().id;
    rig.end(other).await;
    assert_eq!((rig.row(id).await.state, rig.probe.count("dropped")), (JobState::Running, 0));
    rig.advance(Duration::from_millis(1_100));
    assert_eq!(rig.end(id).await.state, JobState::Cancelled);
    assert_eq!(rig.probe.count("dropped"), 1);
}

#[tokio::test]
async fn a_blocking_handler_that_is_late_is_recorded_as_timed_out_when_it_returns() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Blocks::with()).await.unwrap().id;
    rig.probe.wait_for("blocks", 1).await;
    rig.advance(Duration::from_millis(1_100));
    // It keeps its slot and its lease: it is still running.
    let other = rig.queue.dispatch(Quick::with()).await.unwrap().id;
    rig.end(other).await;
    assert_eq!(rig.row(id).await.state, JobState::Running);
    rig.probe.open();
    let row = rig.end(id).await;
    assert_eq!((row.state, row.errors[0].message.as_str()), (JobState::Failed, "timed out after 1s"));
    assert_eq!(rig.probe.count("Some(TimedOut)"), 1);
}

#[tokio::test]
async fn the_lease_of_a_long_run_is_renewed_and_its_progress_shows() {
    #[derive(Queueable)]
    #[queueable(timeout = "none")]
    struct Long {
        #[inject]
        probe: Arc<Probe>,
        #[inject]
        context: JobContext,
    }
    impl Job for Long {
        async fn handle(&self) -> JobResult {
            self.probe.saw("long");
            self.context.progress(40, "nearly half");
            self.probe.pass().await;
            Ok(())
        }
    }
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Long::with()).await.unwrap().id;
    rig.probe.wait_for("long", 1).await;
    for _ in 0..40 {
        rig.advance(Duration::from_secs(5));
        // A round through the engine, so that its timers have seen the new time.
        let other = rig.queue.dispatch(Quick::with()).await.unwrap().id;
        rig.end(other).await;
    }
    let progress = rig.row(id).await.progress.expect("progress was renewed");
    assert_eq!((progress.percent, progress.message.as_str()), (40, "nearly half"));
    rig.probe.open();
    let row = rig.end(id).await;
    assert_eq!((row.state, row.rescues, row.attempt), (JobState::Completed, 0, 1));
    assert_eq!(rig.probe.count("long"), 1);
}

#[tokio::test]
async fn nothing_starts_in_a_paused_queue_until_it_is_resumed() {
    let rig = Rig::new();
    let _worker = rig.worker().start().await.unwrap();
    rig.queue.pause("default").await.unwrap();
    let id = rig.queue.dispatch(Quick::with()).await.unwrap().id;
    let elsewhere = rig.queue.dispatch(Quick::with().queue("other")).await.unwrap().id;
    rig.end(elsewhere).await;
    assert_eq!(rig.row(id).await.state, JobState::Available);
    rig.queue.resume("default").await.unwrap();
    assert_eq!(rig.end(id).await.state, JobState::Completed);
}

#[tokio::test]
async fn a_pause_gives_back_what_was_fetched_and_not_started() {
    #[derive(Queueable)]
    struct Gated {
        #[inject]
        probe: Arc<Probe>,
        number: usize,
    }
    impl Job for Gated {
        async fn handle(&self) -> JobResult {
            self.probe.saw(format!("gated {}", self.number));
            // The first runs are quick, so that the worker fetches ahead; then one holds the only slot.
            if self.number == 50 {
                self.probe.pass().await;
            }
            Ok(())
        }
    }
    let rig = Rig::new();
    let _worker = rig.worker().concurrency(1).start().await.unwrap();
    let all = rig.queue.dispatch_all((0..100).map(Gated::with)).await.unwrap();
    rig.probe.wait_for("gated 50", 1).await;
    rig.queue.pause("default").await.unwrap();
    for pushed in &all[51..] {
        let row = rig.until(pushed.id, JobState::Available).await;
        assert_eq!(row.attempt, 0);
    }
    rig.probe.open();
    rig.end(all[50].id).await;
    assert_eq!(rig.probe.seen().len(), 51);
    rig.queue.resume("default").await.unwrap();
    rig.end(all[99].id).await;
}

#[tokio::test]
async fn a_cancel_takes_a_job_from_the_buffer() {
    #[derive(Queueable)]
    struct Held {
        #[inject]
        probe: Arc<Probe>,
        number: usize,
    }
    impl Job for Held {
        async fn handle(&self) -> JobResult {
            self.probe.saw(format!("held {}", self.number));
            if self.number == 50 {
                self.probe.pass().await;
            }
            Ok(())
        }
    }
    let rig = Rig::new();
    let _worker = rig.worker().concurrency(1).start().await.unwrap();
    let all = rig.queue.dispatch_all((0..60).map(Held::with)).await.unwrap();
    rig.probe.wait_for("held 50", 1).await;
    rig.queue.cancel(all[55].id).await.unwrap();
    assert_eq!(rig.end(all[55].id).await.state, JobState::Cancelled);
    rig.probe.open();
    rig.end(all[59].id).await;
    assert_eq!((rig.probe.count("held 55"), rig.probe.count("held 56")), (0, 1));
}
