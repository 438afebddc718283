//! The way a worker stops.

use std::sync::Arc;
use std::time::Duration;

use queue::prelude::*;
use queue::{CancelReason, JobState};
use queue_tests::probe::Probe;
use queue_tests::rig::Rig;

#[derive(Queueable)]
struct Gated {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
}

impl Job for Gated {
    async fn handle(&self) -> JobResult {
        self.probe.saw("gated");
        self.probe.pass().await;
        self.probe.saw(format!("stopping {}", self.context.is_stopping()));
        Ok(())
    }
}

/// Ends when it is told to, with an error: the work is not done.
#[derive(Queueable)]
struct GivesUp {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
    is_done: bool,
}

impl Job for GivesUp {
    async fn handle(&self) -> JobResult {
        self.probe.saw("runs");
        self.context.cancelled().await;
        assert_eq!(self.context.cancel_reason(), Some(CancelReason::Stopping));
        if self.is_done { Ok(()) } else { Err("not done".into()) }
    }
}

#[derive(Queueable)]
struct Deaf {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Deaf {
    async fn handle(&self) -> JobResult {
        self.probe.saw("deaf");
        std::future::pending().await
    }
}

#[derive(Queueable)]
#[queueable(blocking)]
struct Blocks {
    #[inject]
    probe: Arc<Probe>,
}

impl BlockingJob for Blocks {
    fn handle(&self) -> JobResult {
        self.probe.saw("blocks");
        self.probe.pass_blocking();
        Ok(())
    }
}

#[tokio::test]
async fn running_jobs_end_within_the_grace_and_the_rest_stays() {
    let rig = Rig::new();
    let worker = rig.worker().concurrency(1).start().await.unwrap();
    let all = rig.queue.dispatch((Gated::with(), Gated::with(), Gated::with())).await.unwrap();
    rig.probe.wait_for("gated", 1).await;
    let stop = tokio::spawn(worker.shutdown(Duration::from_secs(60)));
    // The store hears of the stop before anything ends.
    loop {
        let workers = rig.queue.workers().await.unwrap();
        if workers.iter().all(|worker| worker.state == queue::drivers::WorkerState::Stopping) {
            break;
        }
        tokio::task::yield_now().await;
    }
    rig.probe.open();
    let report = stop.await.unwrap();
    assert_eq!((report.completed, report.released, report.abandoned), (1, 0, 0));
    assert_eq!(rig.probe.seen(), ["gated", "stopping true"]);
    assert_eq!(rig.row(all.0.id).await.state, JobState::Completed);
    for id in [all.1.id, all.2.id] {
        let row = rig.row(id).await;
        assert_eq!((row.state, row.attempt), (JobState::Available, 0));
    }
    assert!(rig.queue.workers().await.unwrap().is_empty(), "the worker's row is removed");
}

#[tokio::test]
async fn when_the_grace_runs_out_ok_completes_and_an_error_or_the_drop_gives_back() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let done = rig.queue.dispatch(GivesUp::with(true)).await.unwrap().id;
    let undone = rig.queue.dispatch(GivesUp::with(false)).await.unwrap().id;
    let deaf = rig.queue.dispatch(Deaf::with()).await.unwrap().id;
    rig.probe.wait_for("runs", 2).await;
    rig.probe.wait_for("deaf", 1).await;
    let stop = tokio::spawn(worker.shutdown(Duration::ZERO));
    while rig.row(undone).await.state == JobState::Running || rig.row(done).await.state == JobState::Running {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.row(deaf).await.state, JobState::Running, "it has a second more");
    rig.advance(Duration::from_secs(1));
    let report = stop.await.unwrap();
    assert_eq!((report.completed, report.released, report.abandoned), (1, 2, 0));
    assert_eq!(rig.row(done).await.state, JobState::Completed);
    for id in [undone, deaf] {
        let row = rig.row(id).await;
        assert_eq!((row.state, row.attempt, row.rescues, row.errors.len()), (JobState::Available, 0, 0, 0));
    }
}

#[tokio::test]
async fn a_blocking_handler_that_goes_on_is_abandoned() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Blocks::with()).await.unwrap().id;
    rig.probe.wait_for("blocks", 1).await;
    let stop = tokio::spawn(worker.shutdown(Duration::ZERO));
    while !stop.is_finished() {
        rig.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    let report = stop.await.unwrap();
    assert_eq!((report.completed, report.released, report.abandoned), (0, 0, 1));
    assert_eq!(rig.row(id).await.state, JobState::Running, "its lease runs out");
    rig.probe.open();
    // Another worker runs it when the lease has run out.
    let next = rig.worker().start().await.unwrap();
    for _ in 0..14 {
        rig.advance(Duration::from_secs(5));
        tokio::task::yield_now().await;
        rig.queue.counts().await.unwrap();
    }
    let row = rig.end(id).await;
    assert_eq!((row.state, row.rescues), (JobState::Completed, 1));
    next.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_worker_that_is_dropped_gives_its_jobs_back() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Deaf::with()).await.unwrap().id;
    rig.probe.wait_for("deaf", 1).await;
    drop(worker);
    let row = rig.until(id, JobState::Available).await;
    assert_eq!(row.attempt, 0);
}

#[tokio::test]
async fn two_workers_of_one_queue_stop_each_for_itself() {
    let rig = Rig::new();
    let first = rig.worker().start().await.unwrap();
    let second = rig.worker().start().await.unwrap();
    first.shutdown(Duration::from_secs(5)).await;
    rig.probe.open();
    let id = rig.queue.dispatch(Gated::with()).await.unwrap().id;
    assert_eq!(rig.end(id).await.state, JobState::Completed);
    second.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_stop_under_load_loses_nothing_and_runs_nothing_twice() {
    #[derive(Queueable)]
    struct Counts {
        #[inject]
        probe: Arc<Probe>,
        number: usize,
    }
    impl Job for Counts {
        async fn handle(&self) -> JobResult {
            self.probe.saw(self.number.to_string());
            if self.number.is_multiple_of(7) {
                tokio::task::yield_now().await;
            }
            Ok(())
        }
    }
    const JOBS: usize = 20_000;
    let rig = Rig::new();
    let all = rig.queue.dispatch_all((0..JOBS).map(Counts::with)).await.unwrap();
    let mut rounds = 0;
    while rig.probe.seen().len() < JOBS {
        let worker = rig.worker().start().await.unwrap();
        let goal = (rig.probe.seen().len() + 1_500).min(JOBS);
        while rig.probe.seen().len() < goal {
            tokio::task::yield_now().await;
        }
        let report = worker.shutdown(Duration::from_secs(30)).await;
        assert_eq!(report.abandoned, 0);
        rounds += 1;
    }
    assert!(rounds > 1, "the stops came in the middle");
    let mut numbers: Vec<usize> = rig.probe.seen().iter().map(|number| number.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..JOBS).collect::<Vec<_>>(), "each ran once");
    let counts = rig.queue.counts().await.unwrap();
    assert_eq!(counts.total(JobState::Running) + counts.total(JobState::Available), 0);
    assert_eq!(rig.row(all[JOBS - 1].id).await.state, JobState::Completed);
}
