//! The second way: jobs are appended to the newest of some tables and never changed. What becomes of them is appended elsewhere, a row for a
//! batch, and a table is emptied whole when all of its jobs have ended and no snapshot stands in the way.
//!
//! A claim takes what follows the last one in the order of transactions, and only what no open transaction can come before: a transaction that
//! writes holds back all that is pushed after it began. There is one order, so priorities need a ring each.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use uuid::Uuid;

use super::claim::{Claimed, Push, QUEUE, Tend, Way};
use super::micros;

/// How many jobs a table takes before the next is used.
const FULL: i64 = 5_000;

const TABLES: &str = "
CREATE SEQUENCE ring_seq CACHE 50;
CREATE TABLE ring_jobs (
    child integer NOT NULL, xid xid8 NOT NULL DEFAULT pg_current_xact_id(), seq bigint NOT NULL DEFAULT nextval('ring_seq'),
    id uuid NOT NULL, kind text NOT NULL, version integer NOT NULL, queue text NOT NULL, priority smallint NOT NULL, due_at bigint NOT NULL,
    max_attempts bigint NOT NULL, budget bigint NOT NULL, created_at bigint NOT NULL, payload text NOT NULL
) PARTITION BY LIST (child);
CREATE INDEX ring_jobs_order ON ring_jobs (queue, xid, seq);
-- A row for each claim; `n` is the fence, and two claims at once cannot both have it.
CREATE TABLE ring_claims (
    child integer NOT NULL, queue text NOT NULL, n bigint NOT NULL, xid xid8 NOT NULL, seq bigint NOT NULL, jobs bigint NOT NULL,
    worker uuid NOT NULL, lease_expires_at bigint NOT NULL
) PARTITION BY LIST (child);
CREATE UNIQUE INDEX ring_claims_n ON ring_claims (queue, n, child);
CREATE TABLE ring_done (child integer NOT NULL, n bigint NOT NULL, jobs bigint NOT NULL, ended_at bigint NOT NULL) PARTITION BY LIST (child);
";

/// The statements that make one more of each table.
fn child(nth: i32) -> String {
    let one = |table: &str| {
        format!(
            "CREATE TABLE {table}_{nth} (LIKE {table} INCLUDING ALL) WITH (autovacuum_enabled = off);
             ALTER TABLE {table} ATTACH PARTITION {table}_{nth} FOR VALUES IN ({nth});"
        )
    };
    ["ring_jobs", "ring_claims", "ring_done"].map(one).concat()
}

/// The tables with so many children.
pub(crate) fn tables(children: i32) -> String {
    format!("SET search_path = trial; {TABLES} {}", (0..children).map(child).collect::<String>())
}

/// A claim that was made: the table, its number, how many jobs, and the places of its first and its last.
#[derive(Debug, Clone)]
struct Held {
    child: i32,
    n: i64,
    jobs: i64,
    first: (String, i64),
    last: (String, i64),
}

/// The queue as a worker has it.
pub(crate) struct Ring {
    connection: PgConnection,
    sql: String,
    newest: Arc<AtomicI32>,
    held: Option<Held>,
}

impl Ring {
    pub(crate) fn new(connection: PgConnection, is_kept: bool) -> Self {
        Self { connection, sql: exchange(is_kept), newest: Arc::default(), held: None }
    }

    pub(crate) fn tender(&self, connection: PgConnection, children: i32) -> Tender {
        Tender { connection, newest: Arc::clone(&self.newest), oldest_first: (0..children).collect(), turned: 0, added: 0 }
    }
}

fn exchange(is_kept: bool) -> String {
    let columns = "id, kind, version, queue, priority, due_at, max_attempts, budget, created_at, payload";
    let kept = if is_kept {
        format!(
            "kept AS (INSERT INTO queue_ended ({columns}, state, attempt, rescues, token, finished_at) SELECT {columns}, 'completed', 1, 0, 1, $6 FROM ring_jobs
             WHERE child = $1 AND queue = $4 AND (xid, seq) >= ($9::text::xid8, $10::bigint) AND (xid, seq) <= ($11::text::xid8, $12::bigint)),"
        )
    } else {
        "unused AS (SELECT $9::text, $10::bigint, $11::text, $12::bigint),".to_owned()
    };
    format!(
        "WITH ended AS (INSERT INTO ring_done (child, n, jobs, ended_at) SELECT $1::integer, $2::bigint, $3::bigint, $6::bigint WHERE $1 IS NOT NULL), {kept}
         head AS MATERIALIZED (SELECT * FROM ((SELECT n, xid, seq FROM ring_claims WHERE queue = $4 ORDER BY n DESC LIMIT 1)
             UNION ALL SELECT 0, '0'::xid8, 0) AS heads LIMIT 1),
         ready AS MATERIALIZED (SELECT child, xid, seq, id, kind, payload, due_at, created_at FROM ring_jobs
             WHERE queue = $4 AND (xid, seq) > ((SELECT xid FROM head), (SELECT seq FROM head)) AND xid < pg_snapshot_xmin(pg_current_snapshot())
             ORDER BY xid, seq LIMIT $5),
         -- A claim is of one table.
         one AS MATERIALIZED (SELECT child FROM ready LIMIT 1),
         cut AS MATERIALIZED (SELECT xid, seq FROM ready WHERE child <> (SELECT child FROM one) LIMIT 1),
         picked AS MATERIALIZED (SELECT * FROM ready WHERE NOT EXISTS (SELECT FROM cut) OR (xid, seq) < ((SELECT xid FROM cut), (SELECT seq FROM cut))),
         claim AS (INSERT INTO ring_claims (child, queue, n, xid, seq, jobs, worker, lease_expires_at)
             SELECT child, $4, (SELECT n FROM head) + 1, xid, seq, (SELECT count(*) FROM picked), $7, $8
             FROM picked ORDER BY xid DESC, seq DESC LIMIT 1 ON CONFLICT DO NOTHING RETURNING n)
         SELECT claim.n, child, xid::text, seq, due_at, created_at, id, kind, payload FROM picked, claim"
    )
}

/// Inserts into the newest table.
struct Pusher(Arc<AtomicI32>);

impl Push for Pusher {
    async fn push(&self, connection: &mut PgConnection, jobs: usize, ago: i64) -> sqlx::Result<()> {
        let ids: Vec<Uuid> = (0..jobs).map(|_| Uuid::now_v7()).collect();
        let payload = r#"{"user_id":1000000,"to":"someone@example.com"}"#;
        let sql =
            "INSERT INTO ring_jobs (child, id, kind, version, queue, priority, due_at, max_attempts, budget, created_at, payload)
             SELECT $6, id, 'Greet', 0, $2, 100, $3, 20, 20, $4, $5 FROM unnest($1::uuid[]) AS id";
        let now = micros();
        let query = sqlx::query(sql).bind(ids).bind(QUEUE).bind(now - ago).bind(now).bind(payload);
        query.bind(self.0.load(Ordering::Relaxed)).execute(connection).await.map(drop)
    }
}

impl Way for Ring {
    fn pusher(&self) -> impl Push + 'static {
        Pusher(Arc::clone(&self.newest))
    }

    async fn exchange(&mut self, limit: usize) -> sqlx::Result<Vec<Claimed>> {
        let held = self.held.take();
        let now = micros();
        let mut query = sqlx::query(AssertSqlSafe(self.sql.as_str())).bind(held.as_ref().map(|held| held.child));
        query = query.bind(held.as_ref().map(|held| held.n)).bind(held.as_ref().map(|held| held.jobs));
        query = query.bind(QUEUE).bind(limit as i64).bind(now).bind(Uuid::nil()).bind(now + 30_000_000);
        query = query.bind(held.as_ref().map(|held| held.first.0.clone())).bind(held.as_ref().map(|held| held.first.1));
        query = query.bind(held.as_ref().map(|held| held.last.0.clone())).bind(held.as_ref().map(|held| held.last.1));
        let rows = query.fetch_all(&mut self.connection).await?;
        if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
            let at = |row: &sqlx::postgres::PgRow| (row.get::<String, _>(2), row.get::<i64, _>(3));
            let (child, n) = (first.get(1), first.get(0));
            self.held = Some(Held { child, n, jobs: rows.len() as i64, first: at(first), last: at(last) });
        }
        let claimed = rows.iter().map(|row| {
            std::hint::black_box((row.get::<Uuid, _>(6), row.get::<&str, _>(7), row.get::<&str, _>(8)));
            Claimed { due_at: row.get(4), pushed_at: row.get(5) }
        });
        Ok(claimed.collect())
    }
}

/// What turns the ring, on another connection.
pub(crate) struct Tender {
    connection: PgConnection,
    newest: Arc<AtomicI32>,
    /// The newest is the last.
    oldest_first: Vec<i32>,
    /// How often a table was emptied, and how often one more was made.
    pub(crate) turned: usize,
    pub(crate) added: usize,
}

impl Tender {
    async fn count(connection: &mut PgConnection, what: &str) -> sqlx::Result<i64> {
        Ok(sqlx::query(AssertSqlSafe(format!("SELECT coalesce({what}, 0)::bigint"))).fetch_one(connection).await?.get(0))
    }

    /// Empties a table whose jobs have all ended: false where they have not, or somebody has it in use for longer than a moment.
    async fn empty(&mut self, nth: i32) -> sqlx::Result<bool> {
        let all = format!("ring_jobs_{nth}, ring_claims_{nth}, ring_done_{nth}");
        let mut transaction = self.connection.begin().await?;
        transaction.execute("SET LOCAL lock_timeout = '20ms'").await?;
        if transaction.execute(sqlx::raw_sql(AssertSqlSafe(format!("LOCK TABLE {all} IN ACCESS EXCLUSIVE MODE")))).await.is_err()
        {
            return Ok(false);
        }
        let left = format!("(SELECT count(*) FROM ring_jobs_{nth}) - (SELECT coalesce(sum(jobs), 0) FROM ring_done_{nth})");
        if Self::count(&mut transaction, &left).await? > 0 {
            return Ok(false);
        }
        transaction.execute(sqlx::raw_sql(AssertSqlSafe(format!("TRUNCATE {all}")))).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

impl Tend for Tender {
    async fn tend(&mut self) -> sqlx::Result<()> {
        let newest = self.newest.load(Ordering::Relaxed);
        if Self::count(&mut self.connection, &format!("(SELECT count(*) FROM ring_jobs_{newest})")).await? < FULL {
            return Ok(());
        }
        let place = self.oldest_first.iter().position(|nth| *nth != newest).expect("a ring has more than one table");
        let oldest = self.oldest_first[place];
        if self.empty(oldest).await? {
            self.oldest_first.remove(place);
            self.oldest_first.push(oldest);
            self.turned += 1;
            self.newest.store(oldest, Ordering::Relaxed);
        } else {
            let next = self.oldest_first.len() as i32;
            self.connection.execute(sqlx::raw_sql(AssertSqlSafe(child(next)))).await?;
            self.oldest_first.push(next);
            self.added += 1;
            self.newest.store(next, Ordering::Relaxed);
        }
        Ok(())
    }
}
