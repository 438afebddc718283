//! The raw limits: the same rows inserted, claimed and completed by plain SQL in the driver's schema, in as few statements as there can be.

use std::time::{SystemTime, UNIX_EPOCH};

use queue::JobId;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor, Row};
use uuid::Uuid;

use super::greet::payload;
use super::server::Ended;

/// Microseconds since 1970.
fn micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_micros()).expect("the clock is before the year 294,000")
}

/// Rows as they are bound, a column after the other: each job may have its own of each.
const JOBS: &str =
    "unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[])
    AS job (id, kind, version, queue, priority, due_at, max_attempts, payload)";

async fn insert_rows(connection: &mut PgConnection, sql: &str, user_ids: std::ops::Range<usize>) {
    let now = micros();
    let rows = user_ids.len();
    let query = sqlx::query(AssertSqlSafe(sql))
        .bind(user_ids.clone().map(|_| Uuid::from_u128(JobId::new().as_u128())).collect::<Vec<Uuid>>())
        .bind(vec!["Greet"; rows])
        .bind(vec![0_i64; rows])
        .bind(vec!["default"; rows])
        .bind(vec![100_i64; rows])
        .bind(vec![now; rows])
        .bind(vec![20_i64; rows])
        .bind(user_ids.map(payload).collect::<Vec<String>>())
        .bind(now);
    connection.execute(query).await.expect("a statement for this schema");
}

/// Inserts jobs, so many a statement, each a transaction that also counts them.
pub(crate) async fn insert_many(connection: &mut PgConnection, jobs: usize, rows: usize) {
    let sql = format!(
        "WITH stored AS (
             INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, payload)
             SELECT id, kind, version, queue, 'available', priority, due_at, max_attempts, max_attempts, $9, payload FROM {JOBS}
             RETURNING queue
         )
         INSERT INTO queue_counts (queue, available) SELECT queue, count(*) FROM stored GROUP BY queue"
    );
    for from in (0..jobs).step_by(rows) {
        insert_rows(connection, &sql, from..jobs.min(from + rows)).await;
    }
}

/// Inserts jobs that have ended.
pub(crate) async fn insert_ended(connection: &mut PgConnection, jobs: usize) {
    let sql = format!(
        "WITH stored AS (
             INSERT INTO queue_ended (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
                 started_at, finished_at, payload)
             SELECT id, kind, version, queue, 'completed', priority, due_at, 1, max_attempts, max_attempts, 0, 1, $9, $9, $9, payload FROM {JOBS}
             RETURNING queue
         )
         INSERT INTO queue_counts (queue, completed) SELECT queue, count(*) FROM stored GROUP BY queue"
    );
    for from in (0..jobs).step_by(5_000) {
        insert_rows(connection, &sql, from..jobs.min(from + 5_000)).await;
    }
}

/// Inserts jobs, one a transaction.
pub(crate) async fn insert_single(connection: &mut PgConnection, jobs: usize) {
    for user_id in 0..jobs {
        insert_one(connection, user_id, "").await;
    }
}

/// Inserts a job and tells those who listen on this channel, where it has a name.
pub(crate) async fn insert_one(connection: &mut PgConnection, user_id: usize, channel: &str) {
    let now = micros();
    let sql = "WITH stored AS (
            INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, payload)
            VALUES ($1, 'Greet', 0, 'default', 'available', 100, $2, 20, 20, $2, $3)
        ), counted AS (
            INSERT INTO queue_counts (queue, available) VALUES ('default', 1)
        )
        SELECT CASE WHEN $4::text <> '' THEN pg_notify($4, 'default') END";
    let id = Uuid::from_u128(JobId::new().as_u128());
    let query = sqlx::query(sql).bind(id).bind(now).bind(payload(user_id)).bind(channel);
    connection.execute(query).await.expect("a statement for this schema");
}

/// Makes a database look as it does when nobody has written for a while.
pub(crate) async fn settle_down(connection: &mut PgConnection) {
    connection.execute("VACUUM (ANALYZE)").await.expect("the right to vacuum");
}

/// One who claims and completes, as the driver does: one statement completes what was claimed last and claims the next.
pub(crate) struct Claimer {
    connection: PgConnection,
    sql: String,
    held: (Vec<String>, Vec<Uuid>, Vec<i64>),
}

impl Claimer {
    pub(crate) fn new(connection: PgConnection, ended: Ended) -> Self {
        let columns = "id, kind, version, queue, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at, started_at, payload";
        let kept = match ended {
            Ended::Kept => format!(
                "kept AS (INSERT INTO queue_ended ({columns}, state, finished_at) SELECT {columns}, 'completed', $5 FROM gone),"
            ),
            Ended::Removed => String::new(),
        };
        let completed = if ended == Ended::Kept { "(SELECT count(*) FROM gone)" } else { "0" };
        let sql = format!(
            "WITH held AS MATERIALIZED (
                 SELECT place::tid AS place, id, token FROM unnest($1::text[], $2::uuid[], $3::bigint[]) AS held (place, id, token)
             ),
             gone AS (
                 DELETE FROM queue_jobs AS job USING held
                 WHERE job.ctid = held.place AND job.id = held.id AND job.token = held.token AND job.state = 'running' RETURNING job.*
             ),
             {kept}
             picked AS MATERIALIZED (
                 SELECT ctid AS place FROM queue_jobs WHERE queue = 'default' AND state = 'available'
                 ORDER BY priority, due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
             ),
             claimed AS (
                 UPDATE queue_jobs AS job SET state = 'running', attempt = attempt + 1, token = token + 1, worker = $6, started_at = $5,
                     lease_expires_at = $5 + 30000000
                 FROM picked WHERE job.ctid = picked.place
                 RETURNING job.ctid::text, job.id, job.token, job.kind, job.payload, job.attempt, job.max_attempts, job.priority, job.due_at
             ),
             counted AS (
                 INSERT INTO queue_counts (queue, available, running, completed)
                 SELECT 'default', -claimed, claimed - (SELECT count(*) FROM gone), {completed}
                 FROM (SELECT count(*) AS claimed FROM claimed) AS claimed
             )
             SELECT * FROM claimed"
        );
        Self { connection, sql, held: Default::default() }
    }

    /// Completes all that is held and claims so many; answers how many it claimed.
    pub(crate) async fn exchange(&mut self, limit: usize) -> usize {
        let (places, ids, tokens) = std::mem::take(&mut self.held);
        let query = sqlx::query(AssertSqlSafe(self.sql.as_str())).bind(places).bind(ids).bind(tokens);
        let query = query.bind(limit as i64).bind(micros()).bind(Uuid::nil());
        let rows = self.connection.fetch_all(query).await.expect("a statement for this schema");
        for row in &rows {
            self.held.0.push(row.get(0));
            self.held.1.push(row.get(1));
            self.held.2.push(row.get(2));
            // All that a worker needs of it.
            std::hint::black_box((row.get::<&str, _>(3), row.get::<&str, _>(4), row.get::<i64, _>(5), row.get::<i64, _>(6)));
        }
        rows.len()
    }

    /// Claims and completes until nothing is left. Answers how many.
    pub(crate) async fn drain(&mut self, batch: usize) -> usize {
        let mut done = 0;
        loop {
            let claimed = self.exchange(batch).await;
            if claimed == 0 {
                return done;
            }
            done += claimed;
        }
    }
}
