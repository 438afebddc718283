//! A snapshot that somebody holds: rows that are dead cannot be removed, and claims must not walk over them.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use queue::Clock;
use queue::drivers::{
    Delivery, Driver, FetchRequest, Group, MaintainLimits, NewJob, Postgres, QueueRequest, Settled, Settlement, WorkerId,
};
use queue::job::{JobId, Outcome};
use queue_tests::postgres::Schema;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

/// More than the driver takes for many.
const DEAD: usize = 6_000;
/// How long anything may take that should be soon.
const SOON: Duration = Duration::from_secs(60);

fn job(priority: u8) -> NewJob {
    NewJob { priority, ..NewJob::new("Plain", "default", b"{}") }
}

/// A driver among dead rows, and what it handed out.
struct Held {
    schema: Schema,
    driver: Arc<Postgres>,
    clock: Clock,
    worker: WorkerId,
    /// For SQL of the test's own.
    connection: PgConnection,
    /// Whose snapshot is held.
    _holder: PgConnection,
    runs: BTreeMap<JobId, usize>,
}

impl Held {
    async fn new(schema: Schema) -> Self {
        let clock = Clock::manual();
        let open = Postgres::from_options(schema.plain_url().parse().unwrap()).schema(schema.name()).go_by(clock.clone());
        let driver = Arc::new(open.await.unwrap());
        let connection = schema.connect().await;
        let mut holder = schema.connect().await;
        holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM queue_jobs").await.unwrap();
        let mut held =
            Self { schema, driver, clock, worker: WorkerId::now_v7(), connection, _holder: holder, runs: BTreeMap::new() };
        held.push((0..DEAD).map(|_| job(100)).collect()).await;
        held.drain(DEAD).await;
        held.notice().await;
        held
    }

    async fn push(&self, jobs: Vec<NewJob>) -> Vec<JobId> {
        let ids = jobs.iter().map(|job| job.id).collect();
        self.driver.push(&[Group { jobs, tick: None }]).await.pop().unwrap().unwrap();
        ids
    }

    async fn fetch(&mut self, free: usize) -> Vec<Delivery> {
        let queues = vec![QueueRequest { queue: "default".into(), free, ahead: 0 }];
        let request = FetchRequest { worker: self.worker, lease: Duration::from_secs(30), queues, except: Vec::new() };
        let deliveries = self.driver.fetch(&request).await.unwrap();
        for delivery in &deliveries {
            *self.runs.entry(delivery.lease.id).or_default() += 1;
        }
        deliveries
    }

    async fn settle(&self, deliveries: &[Delivery], outcome: &Outcome) {
        let settlements: Vec<_> = deliveries.iter().map(|delivery| Settlement::new(delivery.lease, outcome.clone())).collect();
        let settled = self.driver.settle(&settlements).await.unwrap();
        assert!(settled.iter().all(|settled| *settled == Settled::Stored));
    }

    /// Runs so many jobs, whenever they are handed out, and completes them.
    async fn drain(&mut self, mut jobs: usize) {
        let began = Instant::now();
        while jobs > 0 {
            assert!(began.elapsed() < SOON, "{jobs} jobs were not handed out");
            let queues = [Arc::from("default")];
            let driver = Arc::clone(&self.driver);
            let wake = driver.wake(&queues);
            let deliveries = self.fetch(500).await;
            if deliveries.is_empty() {
                // Somebody tells when there is something.
                tokio::time::timeout(SOON, wake).await.expect("somebody tells of the jobs that are there").unwrap();
            }
            self.settle(&deliveries, &Outcome::Complete).await;
            jobs -= deliveries.len();
        }
    }

    /// Has the driver look until it counts many dead rows.
    async fn notice(&mut self) {
        let dead = format!("SELECT pg_stat_get_dead_tuples('{}.queue_jobs'::regclass)", self.schema.name());
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < SOON, "the server does not count its dead rows");
            let row = self.connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(dead.clone()))).await.unwrap();
            self.driver.maintain(&MaintainLimits::default()).await.unwrap();
            if usize::try_from(row.get::<i64, _>(0)).unwrap() >= DEAD {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// How many entries of the index of what can be claimed have been read; what the driver's connections read counts once they are closed.
    async fn read(&mut self) -> i64 {
        let text = "SELECT coalesce(idx_tup_read, 0) FROM pg_stat_user_indexes WHERE indexrelname = 'queue_jobs_ready' AND schemaname = $1";
        self.connection.fetch_one(sqlx::query(text).bind(self.schema.name().to_owned())).await.unwrap().get(0)
    }

    fn assert_each_ran_once(&self, jobs: &[JobId]) {
        for id in jobs {
            assert_eq!(self.runs.get(id), Some(&1), "job {id}");
        }
    }
}

fn run(body: impl AsyncFnOnce(Held)) {
    let Some(schema) = Schema::new() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { body(Held::new(schema).await).await });
}

#[test]
fn claims_do_not_walk_over_dead_rows() {
    run(async |mut held| {
        // The first claim that knows of the dead rows still walks over them; the sweeps go on, a twentieth of the time.
        held.push(vec![job(100)]).await;
        held.drain(1).await;
        held.clock.advance(Duration::from_secs(2));
        let claims = 60;
        let mut jobs = Vec::new();
        for _ in 0..claims {
            jobs.extend(held.push(vec![job(100)]).await);
            held.drain(1).await;
        }
        held.assert_each_ran_once(&jobs);
        held.driver.close().await.unwrap();
        let began = Instant::now();
        let mut read = held.read().await;
        // What a connection read is counted when it has ended.
        while began.elapsed() < Duration::from_secs(2) {
            read = held.read().await.max(read);
            tokio::task::yield_now().await;
        }
        let naive = i64::try_from(DEAD * claims).unwrap();
        assert!(read < naive / 2, "{read} entries were read; {naive} would be if each claim walked over all");
    });
}

#[test]
fn a_job_that_is_committed_late_is_swept_up() {
    run(async |mut held| {
        let mut user = held.schema.connect().await;
        let mut transaction = user.begin().await.unwrap();
        let late = job(100);
        let mut jobs = vec![late.id];
        held.driver.push_in(&mut transaction, vec![late]).await.unwrap();
        // So far ahead of it that no lag of the claims covers it.
        held.clock.advance(Duration::from_secs(60));
        jobs.extend(held.push((0..10).map(|_| job(100)).collect()).await);
        held.drain(10).await;
        held.clock.advance(Duration::from_secs(60));
        jobs.extend(held.push(vec![job(100)]).await);
        held.drain(1).await;
        assert!(held.fetch(10).await.is_empty());
        transaction.commit().await.unwrap();
        held.drain(1).await;
        held.assert_each_ran_once(&jobs);
    });
}

#[test]
fn many_that_are_committed_late_are_claimed_as_well() {
    run(async |mut held| {
        let mut user = held.schema.connect().await;
        let mut transaction = user.begin().await.unwrap();
        let late: Vec<_> = (0..2_000).map(|_| job(100)).collect();
        let mut jobs: Vec<_> = late.iter().map(|job| job.id).collect();
        held.driver.push_in(&mut transaction, late).await.unwrap();
        held.clock.advance(Duration::from_secs(60));
        jobs.extend(held.push(vec![job(100)]).await);
        held.drain(1).await;
        transaction.commit().await.unwrap();
        held.drain(2_000).await;
        held.assert_each_ran_once(&jobs);
    });
}

#[test]
fn a_job_of_another_priority_is_found() {
    run(async |mut held| {
        held.push(vec![job(100)]).await;
        held.drain(1).await;
        assert!(held.fetch(10).await.is_empty());
        // By this handle, and by another one that it does not hear in time.
        let mut jobs = held.push(vec![job(7)]).await;
        held.drain(1).await;
        let open =
            Postgres::from_options(held.schema.plain_url().parse().unwrap()).schema(held.schema.name()).go_by(held.clock.clone());
        let other = open.await.unwrap();
        let urgent = job(3);
        jobs.push(urgent.id);
        other.push(&[Group { jobs: vec![urgent], tick: None }]).await.pop().unwrap().unwrap();
        held.drain(1).await;
        held.assert_each_ran_once(&jobs);
    });
}

#[test]
fn what_is_released_retried_and_rescued_comes_again() {
    run(async |mut held| {
        let jobs = held.push((0..3).map(|_| job(100)).collect()).await;
        let deliveries = held.fetch(3).await;
        assert_eq!(deliveries.len(), 3);
        held.settle(&deliveries[..1], &Outcome::Release { delay: Duration::ZERO }).await;
        held.settle(&deliveries[1..2], &Outcome::Retry { delay: Duration::from_secs(40), error: "no luck".to_owned() }).await;
        // Others go ahead.
        let others = held.push((0..5).map(|_| job(100)).collect()).await;
        held.drain(6).await;
        // Somebody looks often enough, so that leases may be taken back.
        for _ in 0..5 {
            held.clock.advance(Duration::from_secs(10));
            held.driver.maintain(&MaintainLimits::default()).await.unwrap();
        }
        held.drain(2).await;
        held.assert_each_ran_once(&others);
        assert!(jobs.iter().all(|id| held.runs[id] == 2), "each of these ran twice: {:?}", held.runs);
    });
}
