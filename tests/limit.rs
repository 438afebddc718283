//! A worker that starts so many runs and no more.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use queue::drivers::{Driver, Memory, NewJob, Sqlite};
use queue::job::Filter;
use queue::prelude::*;
use queue::{JobRow, JobState};
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::relay::Relay;
use queue_tests::rig::Rig;
use tokio::time::timeout;

/// Every run of a worker, by number.
#[derive(Default)]
struct Ledger(AtomicU64);

impl Ledger {
    fn note(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    fn runs(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Notes its run. Every other fails, and is available again at once.
#[derive(Queueable)]
#[queueable(backoff = "fixed(0s)")]
struct Notes {
    #[inject]
    ledger: Arc<Ledger>,
    fails: bool,
}

impl Job for Notes {
    async fn handle(&self) -> JobResult {
        let number = self.ledger.note();
        tokio::task::yield_now().await;
        if self.fails && number.is_multiple_of(2) { Err("again".into()) } else { Ok(()) }
    }
}

/// Waits at the gate.
#[derive(Queueable)]
#[queueable(queue = "slow")]
struct Waits {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Waits {
    async fn handle(&self) -> JobResult {
        self.probe.saw("waits");
        self.probe.pass().await;
        Ok(())
    }
}

fn container(rig: &Rig, ledger: &Arc<Ledger>) -> Container {
    Container::builder().instance(Arc::clone(&rig.probe)).instance(Arc::clone(ledger)).build()
}

/// A job that no worker knows.
fn unknown(number: usize) -> NewJob {
    NewJob { priority: 1, ..NewJob::new(&format!("Unknown{}", number % 3), "default", b"{}") }
}

async fn rows(queue: &Queue) -> Vec<JobRow> {
    queue.jobs(&Filter::new().limit(1_000)).await.unwrap()
}

/// 100 jobs, with others before them that nobody knows, and a worker that may start seven runs of ten at once.
async fn starts_exactly_seven(driver: Arc<dyn Driver>, fails: bool) {
    let stored = driver.push(&[queue::drivers::Group { jobs: (0..20).map(unknown).collect(), tick: None }]).await;
    assert!(stored[0].is_ok());
    let queue = Queue::from_driver(driver);
    let (rig, ledger) = (Rig::new(), Arc::<Ledger>::default());
    queue.dispatch_all((0..100).map(|_| Notes::with(fails))).await.unwrap();
    let worker = Worker::builder(&queue, container(&rig, &ledger)).concurrency(10).limit(7).start().await.unwrap();
    let handle = worker.handle();
    timeout(PATIENCE, handle.limit_reached()).await.unwrap();
    assert_eq!((ledger.runs(), handle.running().len()), (7, 0));
    // A worker that has reached its limit counts as idle when its outcomes are stored; more to do changes nothing.
    timeout(PATIENCE, handle.idle()).await.unwrap();
    queue.dispatch_all((0..10).map(|_| Notes::with(fails))).await.unwrap();
    let report = worker.shutdown(PATIENCE).await;
    assert_eq!((ledger.runs(), report.released), (7, 0));
    timeout(PATIENCE, handle.limit_reached()).await.unwrap();

    let rows = rows(&queue).await;
    let known: Vec<_> = rows.iter().filter(|row| row.kind == "Notes").collect();
    assert_eq!(known.len(), 110);
    assert_eq!(known.iter().map(|row| row.attempt).sum::<u32>(), 7, "each attempt in the store is a run in the ledger");
    if fails {
        return;
    }
    let untouched = known.iter().filter(|row| row.state == JobState::Available && row.attempt == 0).count();
    assert_eq!(untouched, 103);
    assert_eq!(known.iter().filter(|row| row.state == JobState::Completed).count(), 7);
    assert!(rows.iter().filter(|row| row.kind != "Notes").all(|row| row.attempt == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_so_many_runs_start_where_loops_fetch_themselves() {
    for fails in [false, true] {
        for _ in 0..20 {
            starts_exactly_seven(Arc::new(Memory::new()), fails).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_so_many_runs_start_on_a_file() {
    for fails in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        starts_exactly_seven(Arc::new(Sqlite::open(folder.path().join("jobs.db")).await.unwrap()), fails).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_so_many_runs_start_where_only_the_engine_fetches() {
    for fails in [false, true] {
        for _ in 0..20 {
            starts_exactly_seven(Relay::new(Arc::new(Memory::new())), fails).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_is_fetched_ahead_of_a_limit() {
    let (rig, ledger) = (Rig::new(), Arc::<Ledger>::default());
    let relay = Relay::new(Arc::clone(&rig.driver) as _);
    let queue = Queue::from_driver(Arc::<Relay>::clone(&relay));
    queue.dispatch_all((0..2_000).map(|_| Notes::with(false))).await.unwrap();
    let worker = Worker::builder(&queue, container(&rig, &ledger)).concurrency(1).limit(500).start().await.unwrap();
    timeout(PATIENCE, worker.handle().limit_reached()).await.unwrap();
    worker.shutdown(PATIENCE).await;
    assert_eq!((ledger.runs(), relay.probe.count("fetched"), relay.probe.count("released")), (500, 500, 0));
}

#[tokio::test]
async fn what_one_queue_leaves_of_a_limit_is_for_the_others() {
    let (rig, ledger) = (Rig::new(), Arc::<Ledger>::default());
    rig.probe.open();
    let builder = Worker::builder(&rig.queue, container(&rig, &ledger)).limit(1);
    // The queues before it are asked first, and have nothing.
    let names = ["a", "b", "default", "slow", "z"];
    let worker = names.iter().fold(builder, |builder, name| builder.queue(*name, 3)).start().await.unwrap();
    rig.queue.dispatch(Waits::with().queue("z")).await.unwrap();
    timeout(PATIENCE, worker.handle().limit_reached()).await.unwrap();
    assert_eq!(rig.probe.count("waits"), 1);
    worker.shutdown(PATIENCE).await;

    // And what they take of it together is no more than there is.
    let all = join_all(names.iter().map(|name| rig.queue.dispatch(Waits::with().queue(*name)))).await;
    let worker = Worker::builder(&rig.queue, container(&rig, &ledger)).limit(3).start().await.unwrap();
    timeout(PATIENCE, worker.handle().limit_reached()).await.unwrap();
    worker.shutdown(PATIENCE).await;
    assert_eq!(rig.probe.count("waits"), 4);
    let mut attempts = 0;
    for pushed in all {
        attempts += rig.row(pushed.unwrap().id).await.attempt;
    }
    assert_eq!(attempts, 3);
}

#[tokio::test]
async fn a_limit_is_reached_when_the_last_run_has_ended_and_others_run_the_rest() {
    let (rig, ledger) = (Rig::new(), Arc::<Ledger>::default());
    let limited = Worker::builder(&rig.queue, container(&rig, &ledger)).limit(2).start().await.unwrap();
    let handle = limited.handle();
    rig.queue.dispatch_all((0..3).map(|_| Waits::with())).await.unwrap();
    rig.probe.wait_for("waits", 2).await;
    assert!(handle.limit_reached().now_or_never().is_none());
    let other = Worker::builder(&rig.queue, container(&rig, &ledger)).start().await.unwrap();
    assert!(other.handle().limit_reached().now_or_never().is_none());
    rig.probe.wait_for("waits", 3).await;
    assert_eq!((handle.running().len(), other.handle().running().len()), (2, 1));
    rig.probe.open();
    timeout(PATIENCE, handle.limit_reached()).await.unwrap();
    other.shutdown(PATIENCE).await;
    limited.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn what_is_given_back_before_it_starts_does_not_count() {
    let (rig, ledger) = (Rig::new(), Arc::<Ledger>::default());
    let worker = Worker::builder(&rig.queue, container(&rig, &ledger)).concurrency(1).limit(300).start().await.unwrap();
    // Short runs teach it to fetch ahead; then its slot is taken for long, and what it holds is given back.
    rig.queue.dispatch_all((0..200).map(|_| Notes::with(false).queue("slow"))).await.unwrap();
    rig.queue.dispatch(Waits::with()).await.unwrap();
    let behind = rig.queue.dispatch_all((0..99).map(|_| Notes::with(false).queue("slow"))).await.unwrap();
    rig.probe.wait_for("waits", 1).await;
    rig.queue.pause("slow").await.unwrap();
    assert!(worker.handle().limit_reached().now_or_never().is_none());
    rig.probe.open();
    rig.queue.resume("slow").await.unwrap();
    timeout(PATIENCE, worker.handle().limit_reached()).await.unwrap();
    worker.shutdown(PATIENCE).await;
    assert_eq!(ledger.runs(), 299);
    for pushed in behind {
        assert_eq!(rig.row(pushed.id).await.attempt, 1);
    }
}

#[tokio::test]
async fn a_push_that_waits_for_its_job_waits_on_when_the_limit_is_reached() {
    let (rig, ledger) = (Rig::new(), Arc::<Ledger>::default());
    let queue = Queue::connect("sync:").await.unwrap();
    let worker = Worker::builder(&queue, container(&rig, &ledger)).limit(2).start().await.unwrap();
    let mut pushes: Vec<_> = (0..10).map(|_| queue.dispatch(Notes::with(false))).collect();
    timeout(PATIENCE, worker.handle().limit_reached()).await.unwrap();
    worker.shutdown(PATIENCE).await;
    let ended = pushes.iter_mut().filter_map(futures_util::FutureExt::now_or_never).filter(Result::is_ok).count();
    assert_eq!((ledger.runs(), ended), (2, 2));
}

#[tokio::test]
async fn a_worker_that_ends_before_its_limit_says_so() {
    let rig = Rig::new();
    let worker = rig.worker().only(["slow"]).limit(1).start().await.unwrap();
    let handle = worker.handle();
    let waiting = tokio::spawn(async move { handle.limit_reached().await });
    worker.shutdown(Duration::ZERO).await;
    timeout(PATIENCE, waiting).await.unwrap().unwrap();
    let report = rig.worker().only(["slow"]).limit(0).start().await.unwrap_err().to_string();
    assert!(report.contains("`limit(0)` would never run a job"), "{report}");
}
