//! The counts that are kept are those that counting gives.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use queue::drivers::{
    Action, Delivery, Driver as _, Due, Except, Extra, FetchRequest, Group, Lease, MaintainLimits, NewJob, QueueRequest,
    Settlement, Sqlite, Tick, WorkerId,
};
use queue::job::Outcome;
use queue::{JobId, JobState};
use sqlx::sqlite::SqlitePool;
use sqlx::{Executor, Row, SqliteConnection};

use crate::store::{LEASE, Place, Verbs, job, job_in, jobs, number, request_of, run};

/// Counts the rows, and compares that with what the driver says.
pub(crate) async fn check(driver: &Sqlite, stranger: &mut SqliteConnection, what: &str) {
    let kept = driver.inside().counts().await.unwrap();
    let kept: BTreeMap<_, _> =
        kept.queues.into_iter().map(|(name, queue)| (name, queue.states)).filter(|(_, states)| !states.is_empty()).collect();
    assert_eq!(kept, count(stranger).await, "{what}");
}

/// How many rows of each state a queue has.
async fn count(stranger: &mut SqliteConnection) -> BTreeMap<String, BTreeMap<JobState, u64>> {
    let rows = stranger.fetch_all("SELECT queue, state, count(*) FROM queue_jobs GROUP BY queue, state").await.unwrap();
    let mut counts: BTreeMap<String, BTreeMap<JobState, u64>> = BTreeMap::new();
    for row in rows {
        let word: String = row.get(1);
        let state = JobState::ALL.into_iter().find(|state| state.as_str() == word).unwrap();
        counts.entry(row.get(0)).or_default().insert(state, u64::try_from(row.get::<i64, _>(2)).unwrap());
    }
    counts
}

/// A walk of random verbs, from a seed.
struct Walk {
    random: fastrand::Rng,
    place: Place,
    driver: Sqlite,
    stranger: SqliteConnection,
    pool: SqlitePool,
    held: Vec<Delivery>,
    known: Vec<NewJob>,
}

const QUEUES: [&str; 3] = ["mail", "images", "reports"];
const KINDS: [&str; 3] = ["Known", "New", "Old"];

impl Walk {
    async fn new(seed: u64) -> Self {
        let place = Place::new();
        let (driver, stranger, pool) = (place.open().await, place.stranger().await, place.pool());
        Self { random: fastrand::Rng::with_seed(seed), place, driver, stranger, pool, held: Vec::new(), known: Vec::new() }
    }

    fn job(&mut self) -> NewJob {
        let unique_key = self.random.bool().then(|| format!("key:{}", self.random.u8(..12)));
        let extra = Extra { unique_key, held: self.random.u8(..8) == 0, ..Extra::default() };
        let due = if self.random.u8(..3) == 0 { Due::In(Duration::from_secs(self.random.u64(..60))) } else { Due::Now };
        let kind = self.random.choice(KINDS).unwrap().into();
        NewJob { kind, queue: self.random.choice(QUEUES).unwrap().into(), due, extra: Some(extra.into()), ..job() }
    }

    fn jobs(&mut self) -> Vec<NewJob> {
        let count = if self.random.u8(..20) == 0 { 300 } else { self.random.usize(1..6) };
        let mut jobs: Vec<_> = (0..count).map(|_| self.job()).collect();
        self.known.extend_from_slice(&jobs);
        if self.random.u8(..4) == 0 {
            // One that was pushed before, or stands in this batch already.
            jobs.extend(self.random.choice(&self.known).cloned());
        }
        jobs
    }

    fn group(&mut self) -> Group {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(self.random.u64(..5));
        let tick = (self.random.u8(..6) == 0).then(|| Tick { entry: "nightly".into(), at });
        Group { jobs: self.jobs(), tick }
    }

    fn request(&mut self) -> FetchRequest {
        let queues = QUEUES.iter().map(|queue| QueueRequest {
            queue: (*queue).into(),
            free: self.random.usize(..4),
            ahead: self.random.usize(..4),
        });
        let queues = queues.collect();
        let kind = self.random.choice(KINDS).unwrap().into();
        let except = if self.random.bool() { vec![Except { kind, from_version: None }] } else { Vec::new() };
        FetchRequest { queues, except, ..crate::store::request(0) }
    }

    fn settlements(&mut self) -> Vec<Settlement> {
        let count = self.random.usize(..=self.held.len().min(6));
        let lost: Vec<_> = self.random.choice(&self.held).map(|one| one.lease).into_iter().collect();
        let ended: Vec<_> = self.held.drain(..count).map(|one| one.lease).chain(lost).collect();
        ended.into_iter().map(|lease| self.settlement(lease)).collect()
    }

    fn settlement(&mut self, lease: Lease) -> Settlement {
        let delay = Duration::from_secs(self.random.u64(..20));
        let outcome = match self.random.u8(..6) {
            0 => Outcome::Retry { delay, error: "again".to_owned() },
            1 => Outcome::Fail { error: "no hope".to_owned() },
            2 => Outcome::Snooze { delay },
            3 => Outcome::Release { delay },
            4 => Outcome::Cancel { reason: None },
            _ => Outcome::Complete,
        };
        let mut settlement = Settlement::new(lease, outcome);
        if self.random.u8(..4) == 0 {
            settlement.follow_ups = self.jobs();
        }
        settlement
    }

    /// One verb.
    async fn step(&mut self) -> &'static str {
        let known = self.random.choice(&self.known).map_or_else(JobId::new, |job| job.id);
        let queue = self.random.choice(QUEUES).unwrap();
        match self.random.u8(..17) {
            0 | 1 => {
                let groups: Vec<_> = (0..self.random.usize(1..4)).map(|_| self.group()).collect();
                assert!(self.driver.push(&groups).await.iter().all(Result::is_ok));
                "push"
            }
            2 => {
                self.driver.push(&[Group { jobs: (0..5).map(|_| job_in(queue)).collect(), tick: None }]).await.remove(0).unwrap();
                "push of one lane"
            }
            3 => {
                let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
                let jobs = self.jobs();
                self.driver.push_in(&mut transaction, jobs).await.unwrap();
                let settlements = self.settlements();
                self.driver.settle_in(&mut transaction, settlements).await.unwrap();
                if self.random.bool() { transaction.commit().await } else { transaction.rollback().await }.unwrap();
                "push and settle in a transaction"
            }
            4 | 5 => {
                let request = self.request();
                self.held.extend(self.driver.fetch(&request).await.unwrap());
                "fetch"
            }
            6 => {
                let settlements = self.settlements();
                self.driver.settle(&settlements).await.unwrap();
                "settle"
            }
            7 => {
                let (settlements, request) = (self.settlements(), self.request());
                let exchanged = self.driver.exchange(&settlements, &request).await;
                exchanged.settled.unwrap();
                self.held.extend(exchanged.deliveries.unwrap());
                "exchange"
            }
            8 | 9 => {
                // At times long enough for a rescue, or for what ended to be pruned.
                self.place.clock.advance(Duration::from_secs(self.random.choice([1, 10, 10, 10, 90_000]).unwrap()));
                let mut limits = MaintainLimits::default();
                (limits.batch, limits.max_rescues) = (self.random.usize(1..50), 2);
                self.driver.maintain(&limits).await.unwrap();
                "maintain"
            }
            10 => {
                drop(self.driver.inside().cancel(known).await);
                "cancel"
            }
            11 => {
                drop(self.driver.inside().retry(known).await);
                "retry"
            }
            12 => {
                drop(self.driver.inside().forget(known).await);
                "forget"
            }
            13 => {
                self.held.extend(self.driver.inside().claim(known, WorkerId::from_u128(1), LEASE).await);
                "claim"
            }
            14 | 15 => {
                // Some are named twice.
                let some: Vec<_> = (0..20).filter_map(|_| self.random.choice(&self.known)).map(|job| job.id).collect();
                let action = self.random.choice([Action::Cancel, Action::Retry, Action::Forget]).unwrap();
                assert_eq!(self.driver.inside().act(action, &some).await.unwrap().len(), some.len());
                "act on many"
            }
            _ => {
                self.driver.inside().pause(queue).await.unwrap();
                self.driver.inside().resume(queue).await.unwrap();
                "pause and resume"
            }
        }
    }
}

#[tokio::test]
async fn the_counts_that_are_kept_are_those_that_counting_gives() {
    for seed in 0..6 {
        let mut walk = Walk::new(seed).await;
        let mut trail = Vec::new();
        for _ in 0..120 {
            trail.push(walk.step().await);
            let what = format!("seed {seed}, {:?}", &trail[trail.len().saturating_sub(5)..]);
            check(&walk.driver, &mut walk.stranger, &what).await;
        }
        assert!(
            number(&mut walk.stranger, "SELECT count(*) FROM queue_jobs WHERE rescues > 0 OR is_parked").await > 0,
            "it went far"
        );
    }
}

/// A row that a stranger stored is not counted when it comes, and what goes with it ends there.
#[tokio::test]
async fn a_row_that_was_stored_past_the_driver_makes_no_lasting_difference() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    for queue in ["mail", "new"] {
        let columns = "id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, payload";
        let row = format!("randomblob(16), 'Known', 1, '{queue}', 'available', 100, 0, 3, 3, 0, '{{}}'");
        run(&mut stranger, &format!("INSERT INTO queue_jobs ({columns}) VALUES ({row})")).await;
    }
    driver.store(jobs(3)).await;
    let taken = driver.fetch(&request_of(&["mail", "new"], 9)).await.unwrap();
    assert_eq!(taken.len(), 5);
    check(&driver, &mut stranger, "claimed").await;
    driver.tend().await;
    driver.end(&taken, Outcome::Retry { delay: LEASE, error: "again".to_owned() }).await;
    check(&driver, &mut stranger, "ended").await;
    driver.tend().await;
    assert_eq!(driver.queues().await.unwrap().len(), 2);
}
