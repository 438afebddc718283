//! The first way: rows of one table are updated and deleted, and a claim starts where the last one ended.
//!
//! What became available behind the cursor (a late commit, a release, a retry) is found by the sweep, and then claimed by its place in the
//! table. The cursor stays where it is: set back for one job, it would walk over all the dead rows again until it has passed them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor, Row};
use uuid::Uuid;

use super::claim::{Claimed, Push, QUEUE, Tend, Way};
use super::micros;

/// How many claimed jobs the cursor stays behind, and how long, so that commits which overtake each other need no sweep.
const LAG: usize = 1_000;
const LAG_TIME: Duration = Duration::from_secs(1);
/// How many jobs behind the cursor are claimed by their place. Where there are more, they are a backlog, and the cursor is set back.
const STRAGGLERS: i64 = 500;

/// What becomes of a job that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It is moved to another table.
    Kept,
    Removed,
    /// It is updated in place.
    InPlace,
}

/// Where a claim starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the front, as a queue does that knows nothing.
    Front,
    /// Where the last claim ended.
    Cursor,
}

/// A place in the order of claims.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Place(i16, i64, Uuid);

const FRONT: Place = Place(i16::MIN, i64::MIN, Uuid::nil());

/// Behind which place everything was claimed, by what is known.
#[derive(Debug, Default)]
struct Cursor {
    ends: VecDeque<(Place, usize, Instant)>,
    /// Rows that the sweep found behind it.
    stragglers: Vec<String>,
}

impl Cursor {
    fn place(&self) -> Place {
        self.ends.front().map_or(FRONT, |end| end.0)
    }

    fn pass(&mut self, end: Place, jobs: usize) {
        let now = Instant::now();
        self.ends.push_back((end, jobs, now));
        let is_far = |ends: &VecDeque<(Place, usize, Instant)>| ends.iter().skip(1).map(|end| end.1).sum::<usize>() >= LAG;
        // What follows the first must be old too: then nothing is late any more that came before it.
        let is_old = |ends: &VecDeque<(Place, usize, Instant)>| ends.get(1).is_some_and(|end| now - end.2 >= LAG_TIME);
        while is_far(&self.ends) || is_old(&self.ends) {
            self.ends.pop_front();
        }
    }
}

/// The queue as a worker has it.
pub(crate) struct Jobs {
    connection: PgConnection,
    sql: [String; 3],
    start: Start,
    cursor: Arc<Mutex<Cursor>>,
    held: (Vec<String>, Vec<Uuid>, Vec<i64>),
}

impl Jobs {
    pub(crate) fn new(connection: PgConnection, start: Start, ended: Ended) -> Self {
        let behind = "AND (priority, due_at, id) > ($8::smallint, $9::bigint, $10::uuid)";
        let ready = |behind| format!("queue = $4 AND state = 'available' {behind} ORDER BY priority, due_at, id");
        // Nothing of this may be what the index is for: it would be walked for the order, or for the state.
        let known = "ctid = ANY($8::text[]::tid[]) AND queue IS NOT DISTINCT FROM $4 AND state || '' = 'available'".to_owned();
        let sql = [ready(""), ready(behind), known].map(|those| exchange(&those, ended));
        Self { connection, sql, start, cursor: Arc::default(), held: Default::default() }
    }

    pub(crate) fn tender(&self, connection: PgConnection) -> Tender {
        Tender { connection, cursor: (self.start == Start::Cursor).then(|| Arc::clone(&self.cursor)) }
    }

    /// Claims that follow start there.
    pub(crate) fn set_start(&mut self, start: Start) {
        self.start = start;
    }
}

/// What settles and claims. The plans must not depend on what the planner believes of the table, which is empty at one time and full at
/// another: a condition that an index could serve, and must not, is written so that it cannot. Rows are found by their place alone.
fn exchange(those: &str, ended: Ended) -> String {
    let columns = "id, kind, version, queue, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at, started_at, \
         unique_key, payload, tags, meta, errors, progress";
    let found = "queue_jobs.ctid = held.place AND queue_jobs.id IS NOT DISTINCT FROM held.id AND queue_jobs.token = held.token \
         AND state || '' = 'running'";
    let gone = match ended {
        Ended::InPlace => {
            format!("UPDATE queue_jobs SET state = 'completed', lease_expires_at = NULL FROM held WHERE {found} RETURNING 1")
        }
        Ended::Kept | Ended::Removed => format!("DELETE FROM queue_jobs USING held WHERE {found} RETURNING queue_jobs.*"),
    };
    let kept = match ended {
        Ended::Kept => {
            format!(
                "kept AS (INSERT INTO queue_ended ({columns}, state, finished_at) SELECT {columns}, 'completed', $6::bigint FROM gone),"
            )
        }
        Ended::Removed | Ended::InPlace => String::new(),
    };
    format!(
        "WITH held AS MATERIALIZED (SELECT place::tid AS place, id, token FROM unnest($1::text[], $2::uuid[], $3::bigint[]) AS held(place, id, token)),
         gone AS ({gone}), {kept}
         picked AS MATERIALIZED (SELECT ctid FROM queue_jobs WHERE {those} LIMIT $5 FOR UPDATE SKIP LOCKED),
         claimed AS (UPDATE queue_jobs SET state = 'running', attempt = attempt + 1, token = token + 1, worker = $7, started_at = $6,
             lease_expires_at = $6 + 30000000 FROM picked WHERE queue_jobs.ctid = picked.ctid
             RETURNING queue_jobs.ctid::text AS place, id, token, priority, due_at, created_at, kind, payload),
         counted AS (INSERT INTO queue_counts (queue, available, running, completed) SELECT $4, -new, new - old, old
             FROM (SELECT count(*) AS new FROM claimed) AS claims, (SELECT count(*) AS old FROM gone) AS ends WHERE new + old > 0)
         SELECT NULL AS place, NULL AS id, count(*) AS token, NULL AS priority, NULL AS due_at, NULL AS created_at, NULL AS kind,
             NULL AS payload FROM gone UNION ALL SELECT * FROM claimed"
    )
}

/// Inserts into the one table.
struct Pusher;

impl Push for Pusher {
    async fn push(&self, connection: &mut PgConnection, jobs: usize, ago: i64) -> sqlx::Result<()> {
        let ids: Vec<Uuid> = (0..jobs).map(|_| Uuid::now_v7()).collect();
        let payload = r#"{"user_id":1000000,"to":"someone@example.com"}"#;
        let sql = "WITH new AS (INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, payload)
             SELECT id, 'Greet', 0, $2, 'available', 100, $3, 20, 20, $4, $5 FROM unnest($1::uuid[]) AS id RETURNING 1)
             INSERT INTO queue_counts (queue, available) SELECT $2, count(*) FROM new";
        let now = micros();
        sqlx::query(sql).bind(ids).bind(QUEUE).bind(now - ago).bind(now).bind(payload).execute(connection).await.map(drop)
    }
}

impl Way for Jobs {
    fn pusher(&self) -> impl Push + 'static {
        Pusher
    }

    async fn exchange(&mut self, limit: usize) -> sqlx::Result<Vec<Claimed>> {
        let (places, ids, tokens) = std::mem::take(&mut self.held);
        let settled = ids.len();
        let (at, stragglers) = {
            let mut cursor = self.cursor.lock().expect("nobody panics");
            (cursor.place(), if limit == 0 { Vec::new() } else { std::mem::take(&mut cursor.stragglers) })
        };
        let is_sweep = !stragglers.is_empty();
        let sql = &self.sql[if is_sweep { 2 } else { usize::from(self.start == Start::Cursor) }];
        let mut query = sqlx::query(AssertSqlSafe(sql.as_str())).bind(places).bind(ids).bind(tokens).bind(QUEUE);
        query = query.bind(limit as i64).bind(micros()).bind(Uuid::nil());
        if is_sweep {
            query = query.bind(stragglers);
        } else if self.start == Start::Cursor {
            query = query.bind(at.0).bind(at.1).bind(at.2);
        }
        let rows = query.fetch_all(&mut self.connection).await?;
        let (mut claimed, mut end) = (Vec::with_capacity(rows.len()), FRONT);
        for row in &rows {
            let Some(place) = row.get::<Option<String>, _>(0) else {
                assert_eq!(row.get::<i64, _>(2), settled as i64, "all that is held is settled");
                continue;
            };
            self.held.0.push(place);
            self.held.1.push(row.get(1));
            self.held.2.push(row.get(2));
            let at = Place(row.get(3), row.get(4), row.get(1));
            end = if at > end { at } else { end };
            std::hint::black_box((row.get::<&str, _>(6), row.get::<&str, _>(7)));
            claimed.push(Claimed { due_at: row.get(4), pushed_at: row.get(5) });
        }
        if !claimed.is_empty() && !is_sweep {
            self.cursor.lock().expect("nobody panics").pass(end, claimed.len());
        }
        Ok(claimed)
    }
}

/// What is done beside it, on another connection.
pub(crate) struct Tender {
    connection: PgConnection,
    cursor: Option<Arc<Mutex<Cursor>>>,
}

impl Tender {
    /// Looks for jobs that are behind the cursor.
    pub(crate) async fn sweep(&mut self) -> sqlx::Result<()> {
        let Some(cursor) = &self.cursor else {
            return Ok(());
        };
        let Place(priority, due_at, id) = cursor.lock().expect("nobody panics").place();
        let sql = "SELECT ctid::text, priority, due_at FROM queue_jobs WHERE queue = $1 AND state = 'available'
             AND (priority, due_at, id) <= ($2, $3, $4) ORDER BY priority, due_at, id LIMIT $5";
        let query = sqlx::query(sql).bind(QUEUE).bind(priority).bind(due_at).bind(id).bind(STRAGGLERS);
        let found = query.fetch_all(&mut self.connection).await?;
        let mut cursor = cursor.lock().expect("nobody panics");
        match found.first() {
            Some(first) if found.len() as i64 == STRAGGLERS => {
                cursor.ends = VecDeque::from([(Place(first.get(1), first.get(2), Uuid::nil()), 0, Instant::now())]);
            }
            _ => cursor.stragglers = found.iter().map(|row| row.get(0)).collect(),
        }
        Ok(())
    }

    /// The leases that have run out by then.
    pub(crate) async fn rescue(&mut self, now: i64) -> sqlx::Result<usize> {
        let sql =
            "SELECT id FROM queue_jobs WHERE state = 'running' AND lease_expires_at <= $1 ORDER BY lease_expires_at LIMIT 1000";
        Ok(sqlx::query(sql).bind(now).fetch_all(&mut self.connection).await?.len())
    }

    /// The jobs whose time has come.
    pub(crate) async fn promote(&mut self) -> sqlx::Result<usize> {
        let sql =
            "SELECT id FROM queue_jobs WHERE state IN ('scheduled', 'retryable') AND due_at <= $1 ORDER BY due_at LIMIT 1000";
        Ok(sqlx::query(sql).bind(micros()).fetch_all(&mut self.connection).await?.len())
    }

    /// Leaves so many dead rows where `promote`, and so many where `compact` looks.
    pub(crate) async fn kill(&mut self, rows: usize) -> sqlx::Result<()> {
        let sql = format!(
            "INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, payload)
                 SELECT gen_random_uuid(), 'Greet', 0, 'other', 'scheduled', 100, nth, 20, 20, 0, '{{}}' FROM generate_series(1, {rows}) AS nth;
             DELETE FROM queue_jobs WHERE state = 'scheduled';
             INSERT INTO queue_counts (queue, available) SELECT 'other', 0 FROM generate_series(1, {rows}); DELETE FROM queue_counts WHERE queue = 'other'"
        );
        self.connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map(drop)
    }

    /// Adds up the counts.
    pub(crate) async fn compact(&mut self) -> sqlx::Result<()> {
        let sql =
            "WITH old AS (DELETE FROM queue_counts RETURNING *) INSERT INTO queue_counts (queue, available, running, completed)
             SELECT queue, sum(available), sum(running), sum(completed) FROM old GROUP BY queue";
        sqlx::query(sql).execute(&mut self.connection).await.map(drop)
    }
}

impl Tend for Tender {
    async fn tend(&mut self) -> sqlx::Result<()> {
        self.sweep().await?;
        self.rescue(micros()).await?;
        self.promote().await?;
        self.compact().await
    }
}
