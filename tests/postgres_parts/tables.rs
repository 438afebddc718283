//! A driver on a schema of its own, and rows that a test writes into its tables.

use std::time::{Duration, SystemTime};

use queue::drivers::{Driver, Group, Inspect, NewJob, Postgres, WorkerId, WorkerRow, WorkerState};
use queue::{JobId, JobState};
use queue_tests::postgres::Schema;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

/// How long a lease lasts that is to last.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// The driver, and the SQL of the test.
pub(crate) struct Tables {
    pub(crate) driver: Postgres,
    pub(crate) stranger: PgConnection,
    /// Removed last.
    pub(crate) schema: Schema,
}

impl Tables {
    /// As a program has them, and as one behind a pooler; none where there is no server.
    pub(crate) async fn both() -> Vec<Self> {
        let mut both = Vec::new();
        for is_pooled in [false, true] {
            let Some(schema) = Schema::new() else { continue };
            let open = Postgres::from_options(schema.plain_url().parse().unwrap()).schema(schema.name());
            let driver = if is_pooled { open.behind_pooler() } else { open }.await.unwrap();
            both.push(Self { driver, stranger: schema.connect().await, schema });
        }
        both
    }

    /// As a program has them.
    pub(crate) async fn one() -> Option<Self> {
        Self::both().await.into_iter().next()
    }

    pub(crate) async fn run(&mut self, sql: &str) {
        run(&mut self.stranger, sql).await;
    }

    /// Jobs that have not ended, with the ids that the expression `id` makes of `n` from 1 to `count`.
    pub(crate) async fn fill(&mut self, count: u32, id: &str, columns: &str) {
        let sql = format!(
            "INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, payload, lease_expires_at)
             SELECT {}, {columns}, n FROM generate_series(1, {count}) AS n",
            number(id)
        );
        self.run(&sql).await;
    }

    /// Jobs that have ended, likewise.
    pub(crate) async fn fill_ended(&mut self, count: u32, id: &str, state: &str) {
        let sql = format!(
            "INSERT INTO queue_ended (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
                 finished_at, payload)
             SELECT {}, 'Common', 1, 'mail', '{state}', 100, 1, 1, 3, 3, 0, 1, 1, n, '{{}}' FROM generate_series(1, {count}) AS n",
            number(id)
        );
        self.run(&sql).await;
    }

    pub(crate) async fn push(&self, jobs: Vec<NewJob>) {
        self.driver.push(&[Group { jobs, tick: None }]).await.pop().unwrap().unwrap();
    }

    pub(crate) fn inside(&self) -> &dyn Inspect {
        self.driver.inspect().unwrap()
    }

    /// How many jobs of all queues are in a state, by what is counted.
    pub(crate) async fn count_of(&self, state: JobState) -> u64 {
        self.inside().counts().await.unwrap().total(state)
    }
}

/// What waits, of a kind that most have.
pub(crate) const WAITING: &str = "'Common', 1, 'mail', 'available', 100, 1, 3, 3, 1, '{}'";

/// An id of a number, in SQL.
fn number(expression: &str) -> String {
    format!("lpad(to_hex({expression}), 32, '0')::uuid")
}

/// The id of a number.
pub(crate) fn id(number: u128) -> JobId {
    JobId::from_u128(number)
}

pub(crate) async fn run(connection: &mut PgConnection, sql: &str) {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// What a worker says of itself.
pub(crate) fn worker(id: WorkerId) -> WorkerRow {
    WorkerRow {
        id,
        name: "of a test".to_owned(),
        host: "here".to_owned(),
        pid: 1,
        started_at: SystemTime::now(),
        seen_at: SystemTime::now(),
        queues: vec![("mail".into(), 3)],
        kinds: vec!["Common".into(), "Rare \"one\"".into()],
        running: 0,
        lease: LEASE,
        state: WorkerState::Running,
    }
}
