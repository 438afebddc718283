//! What is particular to the memory driver: what it keeps, and that it gives back what it no longer needs. The contract itself
//! is proved by the conformance suite.

#[path = "memory/walk.rs"]
mod walk;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use queue::drivers::{
    Capabilities, Delivery, Driver, Due, Durability, Except, Extra, FetchRequest, Group, Inspect, MaintainLimits, Maintained,
    Memory, NewJob, Pushed, QueueRequest, Settled, Settlement, Tick, WorkerId, WorkerRow, WorkerState,
};
use queue::job::Outcome;
use queue::{Clock, ErrorKind, JobId, JobRow, JobState};

const LEASE: Duration = Duration::from_secs(30);

fn job() -> NewJob {
    NewJob {
        id: JobId::new(),
        kind: "Known".into(),
        queue: "mail".into(),
        payload: Arc::from(&br#"{"user_id":1}"#[..]),
        version: 1,
        priority: 100,
        max_attempts: 3,
        due: Due::Now,
        extra: None,
    }
}

fn jobs(count: usize) -> Vec<NewJob> {
    (0..count).map(|_| job()).collect()
}

fn keyed(key: &str) -> NewJob {
    NewJob { extra: Some(Box::new(Extra { unique_key: Some(key.to_owned()), ..Extra::default() })), ..job() }
}

fn request(free: usize) -> FetchRequest {
    let queues = vec![QueueRequest { queue: "mail".into(), free, ahead: 0 }];
    FetchRequest { worker: WorkerId::from_u128(1), lease: LEASE, queues, except: Vec::new() }
}

fn worker(state: WorkerState) -> WorkerRow {
    WorkerRow {
        id: WorkerId::from_u128(1),
        name: "one".to_owned(),
        host: "here".to_owned(),
        pid: 1,
        started_at: SystemTime::now(),
        seen_at: SystemTime::now(),
        queues: vec![("mail".into(), 10)],
        kinds: Vec::new(),
        running: 0,
        lease: LEASE,
        state,
    }
}

/// The few verbs that make the tests short.
trait Verbs {
    fn store(&self, jobs: Vec<NewJob>) -> Vec<Pushed>;
    async fn take(&self, count: usize) -> Vec<Delivery>;
    async fn end(&self, deliveries: &[Delivery], outcome: Outcome);
    async fn tend(&self) -> Maintained;
    async fn look(&self, id: JobId) -> Option<JobRow>;
    fn inside(&self) -> &dyn Inspect;
}

impl Verbs for Memory {
    fn store(&self, jobs: Vec<NewJob>) -> Vec<Pushed> {
        let mut groups = vec![Group { jobs, tick: None }];
        let mut results = self.push_now(&mut groups).expect("it never waits");
        assert!(groups.is_empty() && results.len() == 1);
        results.remove(0).expect("the memory driver answers")
    }

    async fn take(&self, count: usize) -> Vec<Delivery> {
        self.fetch(&request(count)).await.expect("the memory driver answers")
    }

    async fn end(&self, deliveries: &[Delivery], outcome: Outcome) {
        let settlements: Vec<_> = deliveries.iter().map(|one| Settlement::new(one.lease, outcome.clone())).collect();
        let settled = self.settle(&settlements).await.expect("the memory driver answers");
        assert!(settled.iter().all(|one| *one == Settled::Stored));
    }

    async fn tend(&self) -> Maintained {
        self.maintain(&MaintainLimits::default()).await.expect("the memory driver answers")
    }

    async fn look(&self, id: JobId) -> Option<JobRow> {
        self.inside().job(id).await.expect("the memory driver answers")
    }

    fn inside(&self) -> &dyn Inspect {
        Driver::inspect(self).expect("it can be looked into")
    }
}

fn fail() -> Outcome {
    Outcome::Fail { error: "no hope".to_owned() }
}

#[test]
fn it_says_what_it_can() {
    let mut expected = Capabilities::full(Durability::Process);
    expected.in_transaction = false;
    assert_eq!(Memory::new().capabilities(), expected);
    expected.push_waits = true;
    assert_eq!(Memory::waiting_pushes().capabilities(), expected);
}

#[tokio::test]
async fn each_value_is_a_store_of_its_own() {
    let (one, other) = (Memory::new(), Memory::new());
    one.store(jobs(1));
    assert!(other.take(10).await.is_empty());
    assert_eq!(one.take(10).await.len(), 1);
}

#[tokio::test]
async fn the_last_completed_jobs_are_kept_without_their_payloads() {
    let driver = Memory::new().keep_completed_rows(3);
    let ids: Vec<_> = driver.store(jobs(5)).iter().map(|pushed| pushed.id).collect();
    let deliveries = driver.take(5).await;
    driver.end(&deliveries, Outcome::Complete).await;
    assert!(driver.look(ids[0]).await.is_some(), "whoever waits for it can look at it");
    driver.tend().await;
    for id in &ids[..2] {
        assert!(driver.look(*id).await.is_none());
    }
    for id in &ids[2..] {
        let row = driver.look(*id).await.expect("it is one of the last three");
        assert_eq!(row.state, JobState::Completed);
        assert!(row.payload.is_none() && row.started_at.is_some() && row.finished_at.is_some());
    }
    assert_eq!(driver.inside().counts().await.unwrap().total(JobState::Completed), 3);
}

#[tokio::test]
async fn the_last_failed_and_cancelled_jobs_are_kept_whole() {
    let driver = Memory::new().keep_failed_rows(2);
    for outcome in [fail(), Outcome::Cancel { reason: None }] {
        let ids: Vec<_> = driver.store(jobs(3)).iter().map(|pushed| pushed.id).collect();
        driver.end(&driver.take(3).await, outcome).await;
        assert!(driver.look(ids[0]).await.is_some(), "whoever waits for it can look at it");
        driver.tend().await;
        assert!(driver.look(ids[0]).await.is_none());
        for id in &ids[1..] {
            assert!(driver.look(*id).await.is_some_and(|row| row.payload.is_some()));
        }
    }
    let counts = driver.inside().counts().await.unwrap();
    assert_eq!((counts.total(JobState::Failed), counts.total(JobState::Cancelled)), (2, 2));
    assert_eq!(driver.footprint().ended, 4);
}

#[tokio::test]
async fn everything_goes_back_when_the_queue_is_drained() {
    let driver = Memory::with_clock(Clock::manual()).keep_completed_rows(0);
    let start = driver.footprint();
    driver.store(jobs(20_000));
    driver.store((0..1_000).map(|number| keyed(&format!("Known:{number}"))).collect());
    assert!(driver.footprint().segments >= 20_000 / 512);
    loop {
        let deliveries = driver.take(700).await;
        if deliveries.is_empty() {
            break;
        }
        driver.end(&deliveries, Outcome::Complete).await;
        assert!(driver.footprint().ended <= 700, "only those of the last call are still there");
    }
    driver.tend().await;
    assert_eq!(driver.footprint(), start);
}

/// One job that runs for hours, and others that wait for theirs, must not hold the memory of those that went by.
#[tokio::test]
async fn old_rows_do_not_pin_those_that_came_after_them() {
    let driver = Memory::with_clock(Clock::manual()).keep_completed_rows(0);
    driver.store(vec![job()]);
    let long = driver.take(1).await;
    let mut asides = 0;
    for _ in 0..20 {
        let held = Some(Box::new(Extra { held: true, ..Extra::default() }));
        driver.store(vec![NewJob { due: Due::In(Duration::from_secs(3600)), ..job() }, NewJob { extra: held, ..job() }]);
        driver.store(jobs(1_000));
        let deliveries = driver.take(1_000).await;
        driver.end(&deliveries[..1], Outcome::Retry { delay: Duration::from_secs(3600), error: "no luck".to_owned() }).await;
        driver.end(&deliveries[1..], Outcome::Complete).await;
        asides += 3;
    }
    let footprint = driver.footprint();
    assert_eq!((footprint.segments, footprint.running, footprint.aside), (0, 1, asides));
    driver.end(&long, Outcome::Complete).await;
}

#[tokio::test]
async fn cancelled_waiting_jobs_give_their_memory_back() {
    let driver = Memory::new().keep_failed_rows(0);
    let pushed = driver.store(jobs(5_120));
    for (_, pushed) in pushed.iter().enumerate().filter(|(index, _)| index % 512 != 7) {
        assert_eq!(driver.inside().cancel(pushed.id).await.unwrap(), JobState::Cancelled);
    }
    let left: Vec<_> = driver.take(100).await.iter().map(|delivery| delivery.lease.id).collect();
    let expected: Vec<_> = pushed.iter().skip(7).step_by(512).map(|pushed| pushed.id).collect();
    assert_eq!(left, expected);
    assert!(driver.footprint().segments <= 1);
}

/// Jobs that one worker leaves alone keep their turn for those who know them.
#[tokio::test]
async fn excepted_jobs_are_met_once_and_keep_their_turn() {
    let driver = Memory::new();
    let all: Vec<_> = (0..3_000)
        .map(|number| NewJob { kind: if number % 3 == 0 { "Known" } else { "New" }.into(), version: number % 5, ..job() })
        .collect();
    let ids = |known: bool| all.iter().filter(|job| (&*job.kind == "Known") == known).map(|job| job.id).collect::<Vec<_>>();
    driver.store(all.clone());
    let old = FetchRequest { except: vec![Except { kind: "New".into(), from_version: None }], ..request(400) };
    let mut known = Vec::new();
    loop {
        let deliveries = driver.fetch(&old).await.unwrap();
        if deliveries.is_empty() {
            break;
        }
        driver.end(&deliveries, Outcome::Complete).await;
        known.extend(deliveries.iter().map(|delivery| delivery.lease.id));
    }
    assert_eq!(known, ids(true));

    let half = FetchRequest { except: vec![Except { kind: "New".into(), from_version: Some(3) }], ..request(5_000) };
    let below: Vec<_> = driver.fetch(&half).await.unwrap();
    assert!(below.iter().all(|delivery| delivery.version < 3) && below.is_sorted_by_key(Delivery::order));
    let rest = driver.take(5_000).await;
    assert!(rest.iter().all(|delivery| delivery.version >= 3) && rest.is_sorted_by_key(Delivery::order));
    assert_eq!(below.len() + rest.len(), ids(false).len());
    driver.end(&below, Outcome::Complete).await;
    driver.end(&rest, Outcome::Complete).await;
    assert!(driver.footprint().segments <= 1);
}

/// Pushers make their ids before they come to the lock, and overtake each other on the way.
#[tokio::test]
async fn ids_may_come_in_any_order_and_again() {
    let driver = Memory::new();
    let mut all = jobs(2_000);
    all.reverse();
    let (first, second) = all.split_at(1_000);
    for batch in [second, first, second, first] {
        let pushed = driver.store(batch.to_vec());
        assert_eq!(pushed, batch.iter().map(|job| Pushed::stored(job.id)).collect::<Vec<_>>());
    }
    let deliveries = driver.take(5_000).await;
    assert_eq!(deliveries.len(), 2_000);
    assert!(deliveries.is_sorted_by_key(Delivery::order));
    driver.store(all.clone());
    driver.end(&deliveries, Outcome::Complete).await;
    driver.store(all);
    assert!(driver.take(1).await.is_empty(), "neither while they run nor after it");
}

#[test]
fn many_threads_push_each_job_once() {
    let driver = Memory::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let batch = jobs(20);
                    driver.store(batch.clone());
                    driver.store(batch);
                }
            });
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let deliveries = runtime.block_on(driver.take(10_000));
    assert_eq!(deliveries.len(), 4 * 50 * 20);
    assert!(deliveries.is_sorted_by_key(Delivery::order));
}

#[tokio::test]
async fn ticks_and_dead_workers_are_forgotten_after_a_day() {
    let clock = Clock::manual();
    let driver = Memory::with_clock(clock.clone());
    let tick = Some(Tick { entry: "nightly".into(), at: SystemTime::now() });
    for stored in [1, 0] {
        let mut groups = vec![Group { jobs: jobs(1), tick: tick.clone() }];
        let results = driver.push_now(&mut groups).unwrap();
        assert_eq!(results[0].as_ref().map(Vec::len).ok(), Some(stored));
    }
    driver.renew(&worker(WorkerState::Running), &[]).await.unwrap();
    clock.advance(Duration::from_secs(23 * 3600));
    driver.tend().await;
    assert_eq!((driver.footprint().ticks, driver.inside().workers().await.unwrap().len()), (1, 1));
    clock.advance(Duration::from_secs(2 * 3600));
    driver.tend().await;
    assert_eq!((driver.footprint().ticks, driver.inside().workers().await.unwrap().len()), (0, 0));
}

#[tokio::test]
async fn a_dropped_wake_leaves_nothing_behind() {
    let driver = Memory::new();
    let queues: [Arc<str>; 1] = ["mail".into()];
    let (kept, dropped) = (driver.wake(&queues), driver.wake(&queues));
    assert_eq!(driver.footprint().waiters, 2);
    drop(dropped);
    driver.store(jobs(1));
    let wake = kept.await.unwrap();
    assert!(wake.work && wake.queues);
    assert_eq!(driver.footprint().waiters, 0);
}

fn job_in(queue: &str) -> NewJob {
    NewJob { queue: queue.into(), ..job() }
}

/// A program may have a queue for each of its users.
#[tokio::test]
async fn a_queue_without_jobs_goes_and_comes_again() {
    let driver = Memory::with_clock(Clock::manual()).keep_completed_rows(0);
    let start = driver.footprint();
    for round in 0..3 {
        let names: Vec<_> = (0..3_000).map(|user| format!("user:{}", user + round * 1_000)).collect();
        driver.store(names.iter().map(|name| job_in(name)).collect());
        assert_eq!(driver.footprint().queues, 3_000);
        let queues = names.iter().map(|name| QueueRequest { queue: name.as_str().into(), free: 1, ahead: 0 }).collect();
        let deliveries = driver.fetch(&FetchRequest { queues, ..request(0) }).await.unwrap();
        assert!(deliveries.iter().map(|one| &*one.queue).eq(names.iter()), "each from its own queue");
        driver.end(&deliveries[..2_000], Outcome::Complete).await;
        while driver.tend().await.next_due.is_some() {}
        assert_eq!(driver.footprint().queues, 1_000, "those whose jobs still run");
        driver.end(&deliveries[2_000..], Outcome::Complete).await;
        while driver.tend().await.next_due.is_some() {}
        assert!(driver.queues().await.unwrap().is_empty() && driver.inside().counts().await.unwrap().queues.is_empty());
        assert_eq!(driver.footprint(), start);
    }
}

#[tokio::test]
async fn a_queue_stays_while_it_is_paused_or_has_a_row() {
    let driver = Memory::new();
    driver.inside().pause("paused").await.unwrap();
    driver.inside().pause("resumed").await.unwrap();
    driver.inside().resume("resumed").await.unwrap();
    let resumed = driver.queues().await.unwrap().into_iter().find(|row| &*row.name == "resumed");
    assert_eq!(resumed.map(|row| row.is_paused), Some(false), "whoever paused its work sees that it may go on");
    let held = Some(Box::new(Extra { held: true, ..Extra::default() }));
    driver.store(vec![
        job(),
        NewJob { due: Due::In(LEASE), ..job_in("scheduled") },
        NewJob { extra: held, ..job_in("held") },
        job_in("waits"),
    ]);
    driver.end(&driver.take(1).await, Outcome::Complete).await;
    driver.tend().await;
    let mut names: Vec<_> = driver.queues().await.unwrap().into_iter().map(|row| row.name.to_string()).collect();
    names.sort();
    assert_eq!(names, ["held", "mail", "paused", "scheduled", "waits"]);
}

#[tokio::test]
async fn whoever_waits_for_a_queue_that_went_is_woken_when_it_comes_again() {
    let driver = Memory::new().keep_completed_rows(0);
    driver.store(vec![job(), job_in("other")]);
    driver.end(&driver.take(1).await, Outcome::Complete).await;
    let (both, mail) = (["mail".into(), "other".into()], ["mail".into()]);
    let mut wake = driver.wake(&both);
    driver.tend().await;
    assert_eq!(driver.footprint().queues, 1);
    assert!(futures_util::FutureExt::now_or_never(&mut wake).is_none(), "that it went is no event");
    driver.store(vec![job_in("new")]);
    let wake = wake.await.unwrap();
    assert!(wake.queues && !wake.work, "another has its place");
    let wake = driver.wake(&mail);
    driver.store(jobs(1));
    let wake = wake.await.unwrap();
    assert!(wake.queues && wake.work);
    assert_eq!(driver.take(1).await.len(), 1);
}

#[tokio::test]
async fn a_key_that_is_taken_refuses_a_retry_by_name() {
    let driver = Memory::new();
    let first = driver.store(vec![keyed("Known:1")])[0].id;
    driver.end(&driver.take(1).await, fail()).await;
    let winner = driver.store(vec![keyed("Known:1")])[0].id;
    let error = driver.inside().retry(first).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&winner.to_string()), "{error}");
    driver.inside().cancel(winner).await.unwrap();
    driver.inside().retry(first).await.unwrap();
    assert!(driver.store(vec![keyed("Known:1")])[0].is_duplicate);
}

#[tokio::test]
async fn only_a_job_that_is_due_before_all_others_is_announced() {
    let memory = Memory::new();
    let queues = ["mail".into()];
    let later = |delay: u64| vec![NewJob { due: Due::In(Duration::from_secs(delay)), ..job() }];
    memory.store(jobs(1));
    for (delay, is_announced) in [(60, true), (120, false), (60, false), (30, true)] {
        let wake = memory.wake(&queues);
        memory.store(later(delay));
        let woken = futures_util::FutureExt::now_or_never(wake).map(|wake| wake.expect("it answers").scheduled);
        assert_eq!(woken, is_announced.then_some(true), "{delay} s");
    }
}
