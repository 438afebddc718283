//! What a worker hears of other processes by `wake` alone: no maintenance ends, and no renewal comes in time.

use std::sync::Arc;
use std::time::Duration;

use queue::prelude::*;
use queue::{CancelReason, JobState};
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::relay::Relay;
use queue_tests::rig::Rig;

/// Runs until it is told to end, and says why.
#[derive(Queueable)]
struct Waits {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
    number: usize,
}

impl Job for Waits {
    async fn handle(&self) -> JobResult {
        self.probe.saw(format!("runs {}", self.number));
        self.context.cancelled().await;
        assert_eq!(self.context.cancel_reason(), Some(CancelReason::Requested));
        self.probe.saw(format!("ends {}", self.number));
        Ok(())
    }
}

/// Runs until the gate opens.
#[derive(Queueable)]
#[queueable(queue = "gated")]
struct Gated {
    #[inject]
    probe: Arc<Probe>,
    number: usize,
}

impl Job for Gated {
    async fn handle(&self) -> JobResult {
        self.probe.saw(format!("gated {}", self.number));
        self.probe.pass().await;
        Ok(())
    }
}

/// A worker in another process than the handle of the rig, as far as both can tell.
async fn start(rig: &Rig) -> (Worker, Arc<Relay>) {
    let relay = Relay::without_maintenance(Arc::clone(&rig.driver) as _);
    let queue = Queue::from_driver(Arc::<Relay>::clone(&relay));
    let builder = Worker::builder(&queue, rig.container()).lease(Duration::from_secs(100_000)).concurrency(4);
    (builder.start().await.unwrap(), relay)
}

#[tokio::test]
async fn a_cancel_reaches_the_run_and_so_does_the_next() {
    let rig = Rig::new();
    let (worker, _) = start(&rig).await;
    let all = rig.queue.dispatch_all((0..4).map(Waits::with)).await.unwrap();
    for number in 0..all.len() {
        rig.probe.wait_for(&format!("runs {number}"), 1).await;
    }
    for (number, pushed) in all.iter().enumerate() {
        rig.queue.cancel(pushed.id).await.unwrap();
        rig.probe.wait_for(&format!("ends {number}"), 1).await;
        assert_eq!(rig.end(pushed.id).await.state, JobState::Cancelled);
    }
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_pause_is_in_force_there_until_the_queue_is_resumed() {
    let rig = Rig::new();
    let (worker, relay) = start(&rig).await;
    let first = rig.queue.dispatch(Gated::with(1)).await.unwrap().id;
    rig.probe.wait_for("gated 1", 1).await;
    let woken = relay.probe.count("woken");
    rig.queue.pause("gated").await.unwrap();
    relay.probe.wait_for("woken", woken + 1).await;
    let second = rig.queue.dispatch(Gated::with(2)).await.unwrap().id;
    rig.probe.open();
    assert_eq!(rig.end(first).await.state, JobState::Completed, "what runs goes on");
    assert_eq!((rig.row(second).await.state, rig.probe.count("gated 2")), (JobState::Available, 0));
    rig.queue.resume("gated").await.unwrap();
    assert_eq!(rig.end(second).await.state, JobState::Completed);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_queue_that_came_into_being_elsewhere_is_served() {
    let rig = Rig::new();
    let (worker, _) = start(&rig).await;
    rig.probe.open();
    for queue in ["new", "newer"] {
        let id = rig.queue.dispatch(Gated::with(3).queue(queue)).await.unwrap().id;
        assert_eq!(rig.end(id).await.state, JobState::Completed);
    }
    worker.shutdown(PATIENCE).await;
}
