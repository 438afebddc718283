//! A file of a test, its driver, a connection of a stranger, and the few verbs that make tests short.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use queue::drivers::{
    Delivery, Driver, Due, Extra, FetchRequest, Group, Inspect, MaintainLimits, Maintained, NewJob, Pushed, QueueRequest,
    Renewal, Renewed, Settled, Settlement, Sqlite, WorkerId, WorkerRow, WorkerState,
};
use queue::job::Outcome;
use queue::{Clock, JobId, JobRow};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, Row, SqliteConnection};
use tempfile::TempDir;

pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// A folder of its own, where the file of a test lies.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) clock: Clock,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: Clock::manual() }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("jobs.db")
    }

    pub(crate) async fn open(&self) -> Sqlite {
        Sqlite::open(self.file()).go_by(self.clock.clone()).await.unwrap()
    }

    /// One whose statements wait for the lock of the file for 10 ms only.
    pub(crate) async fn open_impatient(&self) -> Sqlite {
        let options = SqliteConnectOptions::new().filename(self.file()).create_if_missing(true).busy_timeout(BRIEF);
        Sqlite::from_pool(&SqlitePool::connect_lazy_with(options)).go_by(self.clock.clone()).await.unwrap()
    }

    /// A connection that is not the driver's.
    pub(crate) async fn stranger(&self) -> SqliteConnection {
        stranger(self.file()).await
    }

    /// Connections of a user.
    pub(crate) fn pool(&self) -> SqlitePool {
        SqlitePool::connect_lazy_with(SqliteConnectOptions::new().filename(self.file()).busy_timeout(Duration::from_secs(20)))
    }

    /// Now on the clock of the test, as the file has it.
    pub(crate) fn now(&self) -> i64 {
        let now = (SystemTime::now() + self.clock.offset()).duration_since(SystemTime::UNIX_EPOCH).unwrap();
        i64::try_from(now.as_micros()).unwrap()
    }

    /// The names in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

const BRIEF: Duration = Duration::from_millis(10);

pub(crate) async fn stranger(file: PathBuf) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).busy_timeout(Duration::from_secs(20));
    options.connect().await.unwrap()
}

/// Statements of a stranger.
pub(crate) async fn run(connection: &mut SqliteConnection, sql: &str) {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The first column of what a stranger reads.
pub(crate) async fn numbers(connection: &mut SqliteConnection, sql: &str) -> Vec<i64> {
    let rows = connection.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter().map(|row| row.try_get(0).unwrap()).collect()
}

pub(crate) async fn number(connection: &mut SqliteConnection, sql: &str) -> i64 {
    numbers(connection, sql).await[0]
}

pub(crate) fn job() -> NewJob {
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

pub(crate) fn jobs(count: usize) -> Vec<NewJob> {
    (0..count).map(|_| job()).collect()
}

pub(crate) fn job_in(queue: &str) -> NewJob {
    NewJob { queue: queue.into(), ..job() }
}

pub(crate) fn later(delay: Duration) -> NewJob {
    NewJob { due: Due::In(delay), ..job() }
}

pub(crate) fn keyed(key: &str) -> NewJob {
    NewJob { extra: Some(Box::new(Extra { unique_key: Some(key.to_owned()), ..Extra::default() })), ..job() }
}

pub(crate) fn request(free: usize) -> FetchRequest {
    request_of(&["mail"], free)
}

pub(crate) fn request_of(queues: &[&str], free: usize) -> FetchRequest {
    let queues = queues.iter().map(|queue| QueueRequest { queue: (*queue).into(), free, ahead: 0 }).collect();
    FetchRequest { worker: WorkerId::from_u128(1), lease: LEASE, queues, except: Vec::new() }
}

pub(crate) fn worker() -> WorkerRow {
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
        state: WorkerState::Running,
    }
}

pub(crate) fn fail() -> Outcome {
    Outcome::Fail { error: "no hope".to_owned() }
}

pub(crate) fn settlements(deliveries: &[Delivery], outcome: &Outcome) -> Vec<Settlement> {
    deliveries.iter().map(|one| Settlement::new(one.lease, outcome.clone())).collect()
}

/// The verbs, as short as tests want them; an error is a panic.
pub(crate) trait Verbs {
    async fn store(&self, jobs: Vec<NewJob>) -> Vec<Pushed>;
    async fn take(&self, count: usize) -> Vec<Delivery>;
    async fn end(&self, deliveries: &[Delivery], outcome: Outcome) -> Vec<Settled>;
    async fn keep(&self, deliveries: &[Delivery]) -> Renewed;
    async fn tend(&self) -> Maintained;
    async fn look(&self, id: JobId) -> Option<JobRow>;
    fn inside(&self) -> &dyn Inspect;
}

impl Verbs for Sqlite {
    async fn store(&self, jobs: Vec<NewJob>) -> Vec<Pushed> {
        self.push(&[Group { jobs, tick: None }]).await.remove(0).unwrap()
    }

    async fn take(&self, count: usize) -> Vec<Delivery> {
        self.fetch(&request(count)).await.unwrap()
    }

    async fn end(&self, deliveries: &[Delivery], outcome: Outcome) -> Vec<Settled> {
        self.settle(&settlements(deliveries, &outcome)).await.unwrap()
    }

    async fn keep(&self, deliveries: &[Delivery]) -> Renewed {
        self.renew(&worker(), &renewals(deliveries)).await.unwrap()
    }

    async fn tend(&self) -> Maintained {
        self.maintain(&MaintainLimits::default()).await.unwrap()
    }

    async fn look(&self, id: JobId) -> Option<JobRow> {
        self.inside().job(id).await.unwrap()
    }

    fn inside(&self) -> &dyn Inspect {
        Driver::inspect(self).unwrap()
    }
}

pub(crate) fn renewals(deliveries: &[Delivery]) -> Vec<Renewal> {
    deliveries.iter().map(|one| Renewal { lease: one.lease, progress: None }).collect()
}

pub(crate) fn ids(deliveries: &[Delivery]) -> Vec<JobId> {
    deliveries.iter().map(|one| one.lease.id).collect()
}
