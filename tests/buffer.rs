//! What a worker holds beyond its running jobs.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;

use queue::JobState;
use queue::prelude::*;
use queue::worker::WorkerBuilder;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::relay::Relay;
use queue_tests::rig::Rig;

/// Ends at once, but for one that waits at the gate of its worker's probe.
#[derive(Queueable)]
struct Held {
    #[inject]
    probe: Arc<Probe>,
    number: usize,
    holds: bool,
}

impl Job for Held {
    async fn handle(&self) -> JobResult {
        self.probe.saw(self.number.to_string());
        if self.holds {
            self.probe.pass().await;
        }
        Ok(())
    }
}

/// So many that a slow turn of the machine among them is forgotten in the measured run time.
const QUICK: usize = 150;
const ALL: usize = 170;

/// A worker in a process of its own, as far as the store can tell: with one slot, and what goes on in it told to its own probes.
async fn start(rig: &Rig, describe: impl FnOnce(WorkerBuilder) -> WorkerBuilder) -> (Worker, Arc<Relay>, Arc<Probe>) {
    let (relay, probe) = (Relay::new(Arc::clone(&rig.driver) as _), Arc::<Probe>::default());
    let queue = Queue::from_driver(Arc::<Relay>::clone(&relay));
    let container = Container::builder().instance(Arc::clone(&probe)).build();
    let worker = describe(Worker::builder(&queue, container).concurrency(1)).start().await.unwrap();
    (worker, relay, probe)
}

#[tokio::test]
async fn what_waits_behind_a_slow_job_is_given_back_and_runs_elsewhere() {
    let rig = Rig::new();
    let jobs = (0..ALL).map(|number| Held::with(number, number == QUICK));
    let all = rig.queue.dispatch_all(jobs).await.unwrap();
    let (slow, store, ran) = start(&rig, |builder| builder).await;
    ran.wait_for(&QUICK.to_string(), 1).await;
    store.probe.wait_for("fetched", ALL).await;
    // The quick jobs taught it to fetch ahead; now its slot is taken for long, and nothing is left for anybody else.
    let (other, _, ran_there) = start(&rig, |builder| builder).await;
    for pushed in &all[QUICK + 1..] {
        let row = rig.end(pushed.id).await;
        assert_eq!((row.state, row.attempt, row.rescues), (JobState::Completed, 1, 0), "given back, and that costs nothing");
    }
    let rest = (QUICK + 1..ALL).map(|number| number.to_string()).collect::<Vec<_>>();
    assert_eq!(ran_there.seen(), rest);
    assert_eq!(rig.row(all[QUICK].id).await.state, JobState::Running);
    assert_eq!((store.probe.count("fetched"), store.probe.count("released")), (ALL, rest.len()), "it took nothing again");
    ran.open();
    assert_eq!(rig.end(all[QUICK].id).await.state, JobState::Completed);
    assert_eq!(ran.seen().len(), QUICK + 1);
    for worker in [slow, other] {
        worker.shutdown(PATIENCE).await;
    }
}

#[tokio::test]
async fn nothing_is_fetched_ahead_before_a_run_time_is_known_or_where_the_worker_says_so() {
    let rig = Rig::new();
    let (worker, store, ran) = start(&rig, |builder| builder).await;
    let all = rig.queue.dispatch_all((0..20).map(|number| Held::with(number, number == 0))).await.unwrap();
    ran.wait_for("0", 1).await;
    // Another queue has its turn in the same exchange; then this one had its chance.
    let other = rig.queue.dispatch(Held::with(100, false).queue("other")).await.unwrap().id;
    rig.end(other).await;
    assert_eq!(store.probe.count("fetched"), 2);
    ran.open();
    rig.end(all[19].id).await;
    worker.shutdown(PATIENCE).await;

    let (worker, store, ran) = start(&rig, |builder| builder.prefetch(0)).await;
    let jobs = (0..ALL).map(|number| Held::with(number, number == QUICK));
    let all = rig.queue.dispatch_all(jobs).await.unwrap();
    ran.wait_for(&QUICK.to_string(), 1).await;
    let other = rig.queue.dispatch(Held::with(100, false).queue("other")).await.unwrap().id;
    rig.end(other).await;
    assert_eq!(store.probe.count("fetched"), QUICK + 2);
    ran.open();
    rig.end(all[ALL - 1].id).await;
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_better_priority_overtakes_what_is_buffered() {
    let rig = Rig::new();
    let jobs = (0..ALL).map(|number| Held::with(number, number == QUICK));
    let all = rig.queue.dispatch_all(jobs).await.unwrap();
    let (worker, store, ran) = start(&rig, |builder| builder).await;
    store.probe.wait_for("fetched", ALL).await;
    ran.wait_for(&QUICK.to_string(), 1).await;
    let urgent = rig.queue.dispatch(Held::with(1_000, false).priority(1)).await.unwrap().id;
    // It is in the buffer, or, on a slow machine, the buffer was given back before it came.
    while rig.row(urgent).await.state != JobState::Running && store.probe.count("released") == 0 {
        tokio::task::yield_now().await;
    }
    ran.open();
    rig.end(urgent).await;
    rig.end(all[ALL - 1].id).await;
    assert_eq!(ran.seen()[QUICK..QUICK + 3], [QUICK, 1_000, QUICK + 1].map(|number| number.to_string()));
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn at_a_stop_what_is_buffered_is_given_back_and_what_runs_may_end() {
    let rig = Rig::new();
    let jobs = (0..ALL).map(|number| Held::with(number, number == QUICK));
    let all = rig.queue.dispatch_all(jobs).await.unwrap();
    let (worker, store, ran) = start(&rig, |builder| builder).await;
    store.probe.wait_for("fetched", ALL).await;
    ran.wait_for(&QUICK.to_string(), 1).await;
    let stop = tokio::spawn(worker.shutdown(PATIENCE));
    for pushed in &all[QUICK + 1..] {
        let row = rig.until(pushed.id, JobState::Available).await;
        assert_eq!((row.attempt, row.rescues), (0, 0));
    }
    ran.open();
    let report = stop.await.unwrap();
    assert_eq!((report.completed, report.abandoned, ran.seen().len()), (1, 0, QUICK + 1));
    assert_eq!(store.probe.count("released"), ALL - QUICK - 1, "each once");
}
