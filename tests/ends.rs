//! The end of a queue: shutdown, who closes the driver, and the last handle.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;

use futures_util::FutureExt as _;
use queue::prelude::*;
use queue::{JobState, PushError};
use queue_tests::gate::{Answer, Gate};
use queue_tests::logs;
use queue_tests::probe::{PATIENCE, Probe};

#[derive(Queueable)]
struct Note {
    n: u32,
}

impl Job for Note {
    async fn handle(&self) -> JobResult {
        let _ = self.n;
        Ok(())
    }
}

/// Waits at the gate of the probe, then pushes a note.
#[derive(Queueable)]
struct Waits {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Waits {
    async fn handle(&self) -> JobResult {
        self.probe.saw("waits");
        self.probe.pass().await;
        let error = Note::with(1).push().await.expect_err("the queue is shut down");
        self.probe.saw(error.to_string());
        Ok(())
    }
}

fn start() -> (Arc<Gate>, Queue) {
    let gate = Gate::new();
    let queue = Queue::from_driver(Arc::<Gate>::clone(&gate));
    (gate, queue)
}

async fn stored(gate: &Gate) -> u64 {
    let inspect = queue::drivers::Driver::inspect(gate).unwrap();
    inspect.counts().await.unwrap().total(JobState::Available)
}

async fn work(queue: &Queue, probe: &Arc<Probe>) -> Worker {
    Worker::builder(queue, Container::builder().instance(Arc::clone(probe)).build()).start().await.unwrap()
}

#[tokio::test]
async fn a_shutdown_stores_what_waits_closes_the_driver_once_and_ends_the_pushing() {
    let (gate, queue) = start();
    gate.hold();
    let pushes: Vec<_> = (0..10).map(|n| queue.dispatch(Note::with(n))).collect();
    let mut shutdown = Box::pin(queue.shutdown());
    assert!((&mut shutdown).now_or_never().is_none());
    assert!(matches!(queue.dispatch(Note::with(10)).now_or_never(), Some(Err(PushError::Closed))), "from the call on");
    gate.until_called(1).await;
    assert_eq!(gate.closed(), 0);
    gate.open();
    shutdown.await.unwrap();
    for push in pushes {
        push.await.unwrap();
    }
    assert_eq!((gate.closed(), stored(&gate).await), (1, 10));
    let error = queue.dispatch(Note::with(10)).await.unwrap_err();
    assert!(matches!(error, PushError::Closed), "{error:?}");
    assert!(matches!(queue.dispatch_all((0..0).map(Note::with)).await, Err(PushError::Closed)));
    queue.shutdown().await.unwrap();
    queue.flush().await.unwrap();
    drop(queue);
    assert_eq!(gate.closed(), 1);
}

#[tokio::test]
async fn a_shutdown_waits_for_what_a_callers_thread_is_storing() {
    let (gate, queue) = start();
    let probe = Arc::new(Probe::default());
    gate.answer_now(Some(Answer::Stores));
    gate.hold_now(Arc::clone(&probe));
    let pusher = std::thread::spawn({
        let queue = queue.clone();
        move || queue.dispatch(Note::with(1)).wait()
    });
    probe.wait_for("push_now", 1).await;
    let mut shutdown = Box::pin(queue.shutdown());
    assert!((&mut shutdown).now_or_never().is_none());
    // Round trips through the engine, where the shutdown began before them: it has had its turns.
    for _ in 0..100 {
        queue.flush().await.unwrap();
    }
    assert_eq!(gate.closed(), 0, "it waits");
    probe.open();
    pusher.join().unwrap().unwrap();
    shutdown.await.unwrap();
    assert_eq!((gate.closed(), stored(&gate).await), (1, 1));
}

#[tokio::test]
async fn a_shutdown_that_is_given_up_goes_on() {
    let (gate, queue) = start();
    gate.hold();
    drop(queue.dispatch(Note::with(0)));
    assert!(queue.shutdown().now_or_never().is_none());
    gate.open();
    gate.until_closed().await;
    assert_eq!(stored(&gate).await, 1);
}

#[tokio::test]
async fn after_the_shutdown_workers_keep_the_driver_until_they_stop() {
    let (gate, queue) = start();
    let probe = Arc::<Probe>::default();
    let worker = work(&queue, &probe).await;
    let other = work(&queue, &probe).await;
    let id = queue.dispatch(Waits::with()).await.unwrap().id;
    probe.wait_for("waits", 1).await;
    queue.shutdown().await.unwrap();
    assert_eq!(gate.closed(), 0);
    probe.open();
    assert_eq!(queue.wait(id, PATIENCE).await.unwrap().state, JobState::Completed);
    assert_eq!(probe.count(&PushError::Closed.to_string()), 1);
    worker.shutdown(PATIENCE).await;
    assert_eq!(gate.closed(), 0);
    other.shutdown(PATIENCE).await;
    assert_eq!(gate.closed(), 1);
}

#[tokio::test]
async fn workers_that_stop_before_leave_the_driver_open() {
    let (gate, queue) = start();
    let worker = work(&queue, &Arc::default()).await;
    worker.shutdown(PATIENCE).await;
    assert_eq!(gate.closed(), 0);
    queue.dispatch(Note::with(0)).await.unwrap();
    queue.shutdown().await.unwrap();
    assert_eq!((gate.closed(), stored(&gate).await), (1, 1));
}

#[tokio::test]
async fn a_worker_that_stops_during_the_shutdown_does_not_close_the_driver_over_what_waits() {
    let (gate, queue) = start();
    let worker = work(&queue, &Arc::default()).await;
    gate.hold();
    drop(queue.dispatch(Note::with(0)));
    let mut shutdown = Box::pin(queue.shutdown());
    assert!((&mut shutdown).now_or_never().is_none());
    let mut stop = Box::pin(worker.shutdown(PATIENCE));
    assert!((&mut stop).now_or_never().is_none());
    gate.until_called(1).await;
    gate.open();
    shutdown.await.unwrap();
    stop.await;
    assert_eq!((gate.closed(), stored(&gate).await), (1, 1));
}

#[tokio::test]
async fn the_last_handle_may_go_inside_a_runtime_and_what_waits_is_stored() {
    let (gate, queue) = start();
    gate.hold();
    for n in 0..100 {
        drop(queue.dispatch(Note::with(n)));
    }
    drop(queue.clone());
    drop(queue);
    gate.open();
    gate.until_closed().await;
    assert_eq!((gate.closed(), stored(&gate).await), (1, 100));
}

#[tokio::test]
async fn a_push_outlives_the_last_handle() {
    let (gate, queue) = start();
    gate.hold();
    let push = queue.dispatch(Note::with(0));
    drop(queue);
    gate.open();
    push.await.unwrap();
    gate.until_closed().await;
    assert_eq!(gate.closed(), 1);
}

#[tokio::test]
async fn a_running_worker_keeps_the_queue() {
    let (gate, queue) = start();
    let probe = Arc::<Probe>::default();
    let worker = work(&queue, &probe).await;
    drop(queue);
    let other = Queue::from_driver(Arc::<Gate>::clone(&gate));
    other.dispatch(Waits::with()).await.unwrap();
    probe.wait_for("waits", 1).await;
    assert_eq!(gate.closed(), 0);
    worker.shutdown(std::time::Duration::ZERO).await;
    gate.until_closed().await;
}

#[tokio::test]
async fn a_driver_that_panics_when_it_is_closed_is_logged() {
    logs::keep();
    let (gate, queue) = start();
    gate.answer(Answer::Panics);
    queue.shutdown().await.unwrap();
    assert_eq!(gate.closed(), 1);
    assert_eq!(logs::lines("closing the driver panicked").len(), 1);
}

#[tokio::test]
async fn the_memory_driver_says_once_how_many_jobs_die() {
    logs::keep();
    let queue = Queue::connect("memory:").await.unwrap();
    queue.dispatch_all((0..777).map(Note::with)).await.unwrap();
    queue.shutdown().await.unwrap();
    let logged = logs::lines("777");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(
        logged[0].starts_with("WARN") && logged[0].contains("777 jobs in memory did not end, and die with the process"),
        "{logged:?}"
    );
}
