//! What becomes of jobs whose worker died, or lost its store.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::time::Duration;

use queue::prelude::*;
use queue::worker::WorkerBuilder;
use queue::{JobId, JobRow, JobState};
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::relay::Relay;
use queue_tests::rig::Rig;

/// In that time a job runs again after the death of its worker.
const AGAIN: Duration = Duration::from_secs(45);
/// No two turns of a worker's maintenance lie further apart.
const TURN: Duration = Duration::from_secs(6);

/// Runs until the gate of its worker's probe opens.
#[derive(Queueable)]
#[queueable(timeout = "none")]
struct Runs {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
}

struct SaysWhy<'a>(&'a Runs);

impl Drop for SaysWhy<'_> {
    fn drop(&mut self) {
        self.0.probe.saw(format!("dropped {:?}", self.0.context.cancel_reason()));
    }
}

impl Job for Runs {
    async fn handle(&self) -> JobResult {
        let says_why = SaysWhy(self);
        self.probe.saw("runs");
        self.probe.pass().await;
        std::mem::forget(says_why);
        Ok(())
    }
}

/// Blocks its thread until it is told to end, or to go on.
#[derive(Queueable)]
#[queueable(blocking, timeout = "none")]
struct Blocks {
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
}

impl BlockingJob for Blocks {
    fn handle(&self) -> JobResult {
        self.probe.saw("runs");
        while !self.context.is_cancelled() && self.probe.count("go on") == 0 {
            std::thread::yield_now();
        }
        self.probe.saw(format!("returns {:?}", self.context.cancel_reason()));
        Ok(())
    }
}

/// For workers that shall run nothing of the others.
#[derive(Queueable)]
#[queueable(queue = "elsewhere")]
struct Elsewhere;

impl Job for Elsewhere {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

/// A worker in a process of its own, as far as the store can tell.
struct Process {
    queue: Queue,
    worker: Worker,
    store: Arc<Relay>,
    ran: Arc<Probe>,
}

impl Process {
    async fn start(rig: &Rig, describe: impl FnOnce(WorkerBuilder) -> WorkerBuilder) -> Self {
        let (store, ran) = (Relay::new(Arc::clone(&rig.driver) as _), Arc::<Probe>::default());
        let queue = Queue::from_driver(Arc::<Relay>::clone(&store));
        let container = Container::builder().instance(Arc::clone(&ran)).build();
        let worker = describe(Worker::builder(&queue, container)).start().await.unwrap();
        Self { queue, worker, store, ran }
    }

    async fn start_plain(rig: &Rig) -> Self {
        Self::start(rig, |builder| builder).await
    }

    /// Lets time pass, until the worker did something of this sort again.
    async fn pass(&self, rig: &Rig, time: Duration, what: &str) {
        // Rounds through its engine, so that what runs there has come to its sleep, which the new time then ends.
        for _ in 0..3 {
            self.queue.counts().await.unwrap();
        }
        let before = self.store.probe.count(what);
        rig.advance(time);
        self.store.probe.wait_for(what, before + 1).await;
    }

    /// Lets time pass until this worker has maintained the store.
    async fn next_turn(&self, rig: &Rig) {
        self.pass(rig, TURN, "maintained").await;
    }

    /// Lets time pass until this worker has taken the job back from a dead one, which happened by now `rescues` times.
    async fn rescues(&self, rig: &Rig, id: JobId, rescues: u32) -> JobRow {
        // The time of the test alone: how fast the machine is does not count.
        let start = rig.clock.offset();
        loop {
            self.next_turn(rig).await;
            let waited = rig.clock.offset() - start;
            assert!(waited <= AGAIN, "it was not taken back for {waited:?}");
            let row = rig.row(id).await;
            if row.rescues == rescues {
                return row;
            }
        }
    }
}

#[tokio::test]
async fn a_job_that_kills_its_process_fails_and_the_hook_of_another_hears_of_it() {
    let rig = Rig::new();
    let heard = Arc::new(Probe::default());
    let told = Arc::clone(&heard);
    let hook = move |row: &JobRow| {
        told.saw(format!("{} {:?} {:?}", row.kind, row.state, row.errors.last().map(|error| &*error.message)));
    };
    let survivor = Process::start(&rig, |builder| builder.only(["elsewhere"]).on_failure(hook)).await;
    let id = rig.queue.dispatch(Runs::with()).await.unwrap().id;
    let mut dead = Vec::new();
    for rescues in 1..=5 {
        let process = Process::start_plain(&rig).await;
        process.ran.wait_for("runs", 1).await;
        process.store.cut_off();
        let row = survivor.rescues(&rig, id, rescues).await;
        if rescues < 5 {
            assert_eq!((row.state, row.attempt, row.errors.len()), (JobState::Available, 0, 0), "it costs no attempt");
        }
        dead.push(process);
    }
    let row = rig.end(id).await;
    let message = "its process died while running it";
    assert_eq!((row.state, row.errors.len(), row.errors[0].message.as_str()), (JobState::Failed, 1, message));
    heard.wait_for(&format!("Runs Failed {:?}", Some(message)), 1).await;
    survivor.worker.shutdown(PATIENCE).await;
    assert_eq!(heard.seen().len(), 1, "once");
}

#[tokio::test]
async fn how_often_a_job_is_rescued_is_a_setting_of_the_worker() {
    let rig = Rig::new();
    let survivor = Process::start(&rig, |builder| builder.only(["elsewhere"]).max_rescues(1)).await;
    let dead = Process::start(&rig, |builder| builder.max_rescues(1)).await;
    let id = rig.queue.dispatch(Runs::with()).await.unwrap().id;
    dead.ran.wait_for("runs", 1).await;
    dead.store.cut_off();
    let row = survivor.rescues(&rig, id, 1).await;
    assert_eq!((row.state, row.errors.len()), (JobState::Failed, 1));
}

#[tokio::test]
async fn how_long_ended_jobs_are_kept_is_a_setting_of_the_worker() {
    let rig = Rig::new();
    let keeps = |builder: WorkerBuilder| builder.keep_completed(Duration::from_secs(60)).keep_failed(Duration::from_secs(600));
    let process = Process::start(&rig, keeps).await;
    process.ran.open();
    let completed = rig.queue.dispatch(Runs::with()).await.unwrap().id;
    rig.end(completed).await;
    let cancelled = rig.queue.dispatch(Runs::with().delay(AGAIN)).await.unwrap().id;
    rig.queue.cancel(cancelled).await.unwrap();
    process.pass(&rig, Duration::from_secs(50), "maintained").await;
    assert!(rig.queue.job(completed).await.unwrap().is_some() && rig.queue.job(cancelled).await.unwrap().is_some());
    process.pass(&rig, Duration::from_secs(11), "maintained").await;
    process.next_turn(&rig).await;
    assert!(rig.queue.job(completed).await.unwrap().is_none() && rig.queue.job(cancelled).await.unwrap().is_none());
}

#[tokio::test]
async fn the_job_of_a_dead_worker_runs_again_soon() {
    let rig = Rig::new();
    let dead = Process::start_plain(&rig).await;
    let id = rig.queue.dispatch(Runs::with()).await.unwrap().id;
    dead.ran.wait_for("runs", 1).await;
    let next = Process::start_plain(&rig).await;
    dead.store.cut_off();
    next.rescues(&rig, id, 1).await;
    next.ran.wait_for("runs", 1).await;
    next.ran.open();
    let row = rig.end(id).await;
    assert_eq!((row.state, row.attempt, row.rescues, row.errors.len()), (JobState::Completed, 1, 1, 0));
}

#[tokio::test]
async fn where_no_worker_lived_it_runs_soon_after_the_next_one_started() {
    let rig = Rig::new();
    let dead = Process::start_plain(&rig).await;
    let id = rig.queue.dispatch(Runs::with()).await.unwrap().id;
    dead.ran.wait_for("runs", 1).await;
    dead.store.cut_off();
    rig.advance(Duration::from_secs(3600));
    let next = Process::start_plain(&rig).await;
    next.rescues(&rig, id, 1).await;
    next.ran.wait_for("runs", 1).await;
}

#[tokio::test]
async fn after_a_time_in_which_nobody_could_write_every_live_worker_keeps_its_jobs() {
    let rig = Rig::new();
    let (first, second) = (Process::start_plain(&rig).await, Process::start(&rig, |builder| builder.only(["elsewhere"])).await);
    let id = rig.queue.dispatch(Runs::with()).await.unwrap().id;
    first.ran.wait_for("runs", 1).await;
    first.store.cut_off();
    second.store.cut_off();
    rig.advance(Duration::from_secs(100));
    // The other one is back before it.
    second.store.join_up();
    second.next_turn(&rig).await;
    second.next_turn(&rig).await;
    assert_eq!(rig.row(id).await.rescues, 0, "it may still come back");
    first.store.join_up();
    first.pass(&rig, Duration::from_secs(1), "renewed").await;
    for _ in 0..4 {
        second.next_turn(&rig).await;
    }
    first.ran.open();
    let row = rig.end(id).await;
    assert_eq!((row.state, row.attempt, row.rescues), (JobState::Completed, 1, 0));
    assert_eq!(first.ran.seen(), ["runs"]);
}

#[tokio::test]
async fn one_call_every_ten_seconds_renews_all_that_a_worker_holds() {
    let rig = Rig::new();
    let process = Process::start_plain(&rig).await;
    process.store.probe.wait_for("0 leases", 1).await;
    let all = rig.queue.dispatch_all((0..9).map(|_| Runs::with())).await.unwrap();
    process.ran.wait_for("runs", all.len()).await;
    for _ in 0..5 {
        process.pass(&rig, Duration::from_secs(10), "9 leases").await;
    }
    let (calls, whole) = (process.store.probe.count("renewed"), process.store.probe.count("9 leases"));
    assert_eq!(calls, whole + process.store.probe.count("0 leases"), "no call carries a part");
    process.ran.open();
    for pushed in all {
        let row = rig.end(pushed.id).await;
        assert_eq!((row.state, row.rescues), (JobState::Completed, 0));
    }
    process.worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_renewal_that_failed_is_tried_again_every_second_and_the_health_says_so() {
    let rig = Rig::new();
    // A renewal is due every 1,000 s; the trying again does not wait for that.
    let process = Process::start(&rig, |builder| builder.lease(Duration::from_secs(3_000))).await;
    process.store.probe.wait_for("renewed", 1).await;
    assert!(process.worker.health().is_healthy());
    process.store.cut_off();
    process.pass(&rig, Duration::from_secs(1_000), "refused").await;
    for _ in 0..10 {
        process.pass(&rig, Duration::from_secs(1), "refused").await;
    }
    assert!(process.worker.health().renew_failing.is_some() && !process.worker.health().is_healthy());
    process.store.join_up();
    process.pass(&rig, Duration::from_secs(1), "renewed").await;
    // The health is told after the store has answered.
    process.queue.counts().await.unwrap();
    assert!(process.worker.health().renew_failing.is_none());
    process.worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_run_whose_lease_was_lost_ends_and_nothing_of_it_is_recorded() {
    let rig = Rig::new();
    let first = Process::start_plain(&rig).await;
    let pushed = rig.queue.dispatch((Runs::with(), Blocks::with())).await.unwrap();
    let ids = [pushed.0.id, pushed.1.id];
    first.ran.wait_for("runs", 2).await;
    let second = Process::start_plain(&rig).await;
    first.store.cut_off();
    for id in ids {
        if rig.row(id).await.rescues == 0 {
            second.rescues(&rig, id, 1).await;
        }
    }
    second.ran.wait_for("runs", 2).await;
    assert_eq!(first.ran.seen(), ["runs", "runs"], "it does not know yet");
    first.store.join_up();
    first.pass(&rig, Duration::from_secs(1), "renewed").await;
    first.ran.wait_for("dropped Some(LeaseLost)", 1).await;
    first.ran.wait_for("returns Some(LeaseLost)", 1).await;
    let report = first.worker.shutdown(PATIENCE).await;
    assert_eq!((report.completed, report.released, report.abandoned), (0, 0, 0));
    for outcome in ["completed", "retried", "failed", "snoozed", "released", "cancelled"] {
        assert_eq!(first.store.probe.count(outcome), 0, "{outcome}");
    }
    second.ran.open();
    second.ran.saw("go on");
    for id in ids {
        let row = rig.end(id).await;
        assert_eq!((row.state, row.attempt, row.rescues, row.errors.len()), (JobState::Completed, 1, 1, 0));
    }
}
