//! What a worker hears of other processes by `wake` alone: no maintenance ends, and no renewal comes in time. And what it finds without.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

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

/// Ends at once, but for one that waits at the gate.
#[derive(Queueable)]
#[queueable(queue = "held")]
struct Held {
    #[inject]
    probe: Arc<Probe>,
    number: usize,
    holds: bool,
}

impl Job for Held {
    async fn handle(&self) -> JobResult {
        self.probe.saw(format!("held {}", self.number));
        if self.holds {
            self.probe.pass().await;
        }
        Ok(())
    }
}

/// A worker in another process than the handle of the rig, as far as both can tell, and its own handle.
async fn start(rig: &Rig) -> (Worker, Queue, Arc<Relay>) {
    let relay = Relay::without_maintenance(Arc::clone(&rig.driver) as _);
    let queue = Queue::from_driver(Arc::<Relay>::clone(&relay));
    let builder = Worker::builder(&queue, rig.container()).lease(Duration::from_secs(100_000)).queue("held", 1);
    (builder.start().await.unwrap(), queue, relay)
}

#[tokio::test]
async fn a_cancel_reaches_the_run_and_so_does_the_next() {
    let rig = Rig::new();
    let (worker, ..) = start(&rig).await;
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
async fn a_pause_holds_what_was_fetched_and_not_started_until_the_queue_is_resumed() {
    const QUICK: usize = 150;
    let rig = Rig::new();
    let (worker, queue, relay) = start(&rig).await;
    // The quick ones teach the worker to fetch ahead.
    let all = rig.queue.dispatch_all((0..QUICK + 20).map(|number| Held::with(number, number == QUICK))).await.unwrap();
    rig.probe.wait_for(&format!("held {QUICK}"), 1).await;
    let woken = relay.probe.count("woken");
    rig.queue.pause("held").await.unwrap();
    relay.probe.wait_for("woken", woken + 1).await;
    // Rounds through its engine, which the news is ahead of.
    for _ in 0..3 {
        queue.counts().await.unwrap();
    }
    rig.probe.open();
    assert_eq!(rig.end(all[QUICK].id).await.state, JobState::Completed, "what runs goes on");
    for pushed in &all[QUICK + 1..] {
        assert_eq!(rig.until(pushed.id, JobState::Available).await.attempt, 0);
    }
    assert_eq!(rig.probe.seen().len(), QUICK + 1);
    rig.queue.resume("held").await.unwrap();
    for pushed in &all[QUICK + 1..] {
        assert_eq!(rig.end(pushed.id).await.state, JobState::Completed);
    }
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_queue_that_came_into_being_elsewhere_is_served() {
    let rig = Rig::new();
    let (worker, ..) = start(&rig).await;
    for queue in ["new", "newer"] {
        let id = rig.queue.dispatch(Held::with(1, false).queue(queue)).await.unwrap().id;
        assert_eq!(rig.end(id).await.state, JobState::Completed);
    }
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn what_no_news_tells_is_found_by_looking() {
    let rig = Rig::new();
    let relay = Relay::new(Arc::clone(&rig.driver) as _);
    relay.hold_news();
    let queue = Queue::from_driver(Arc::<Relay>::clone(&relay));
    let worker = Worker::builder(&queue, rig.container()).start().await.unwrap();
    // Its first looks are over.
    relay.probe.wait_for("maintained", 1).await;
    for _ in 0..3 {
        queue.counts().await.unwrap();
    }
    let id = rig.queue.dispatch(Waits::with(0).queue("new")).await.unwrap().id;
    rig.advance(Duration::from_secs(6));
    rig.probe.wait_for("runs 0", 1).await;
    rig.queue.cancel(id).await.unwrap();
    rig.advance(Duration::from_secs(10));
    assert_eq!(rig.end(id).await.state, JobState::Cancelled);
    assert_eq!(rig.probe.seen(), ["runs 0", "ends 0"]);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_cancel_that_is_asked_for_while_another_is_under_way_reaches_its_run() {
    let rig = Rig::new();
    let (worker, _, relay) = start(&rig).await;
    let all = rig.queue.dispatch_all((0..2).map(Waits::with)).await.unwrap();
    for number in 0..all.len() {
        rig.probe.wait_for(&format!("runs {number}"), 1).await;
    }
    // The news of the first has left the store and has not arrived, as on any way that takes time.
    relay.hold_news();
    let woken = relay.probe.count("woken");
    rig.queue.cancel(all[0].id).await.unwrap();
    relay.probe.wait_for("woken", woken + 1).await;
    rig.queue.cancel(all[1].id).await.unwrap();
    relay.probe.open();
    for pushed in all {
        assert_eq!(rig.end(pushed.id).await.state, JobState::Cancelled);
    }
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_push_while_other_news_is_under_way_is_fetched() {
    let rig = Rig::new();
    let (worker, _, relay) = start(&rig).await;
    let first = rig.queue.dispatch(Waits::with(0)).await.unwrap().id;
    rig.probe.wait_for("runs 0", 1).await;
    relay.hold_news();
    let woken = relay.probe.count("woken");
    rig.queue.cancel(first).await.unwrap();
    relay.probe.wait_for("woken", woken + 1).await;
    rig.queue.dispatch(Waits::with(1)).await.unwrap();
    relay.probe.open();
    rig.probe.wait_for("runs 1", 1).await;
    worker.shutdown(Duration::ZERO).await;
}
