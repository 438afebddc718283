//! How SQLite finds what the statements ask for, in a file of a million jobs: no statement goes over all of them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use queue::drivers::Driver as _;
use sqlx::{AssertSqlSafe, Executor, Row, SqliteConnection};

use crate::store::{Place, run};

/// The statements, and which tables each may go through from end to end, beside lists that it was given: small ones, or a few rows of an
/// index that has no others.
const STATEMENTS: [(&str, &[&str]); 61] = [
    ("cancel_running", &[]),
    ("cancel_waiting", &[]),
    ("claim", &[]),
    ("claim_except", &[]),
    ("claim_one", &[]),
    ("all_good", &[]),
    ("complete", &[]),
    ("complete_all", &[]),
    ("count", &[]),
    ("count_claimed", &[]),
    ("count_completed", &[]),
    ("count_failed", &[]),
    ("count_inserted", &[]),
    ("count_jobs", &[]),
    ("count_of", &[]),
    ("counts", &["queue_queues USING INDEX sqlite_autoindex_queue_queues_1"]),
    ("extend", &[]),
    ("fail_unreadable", &[]),
    ("find", &[]),
    ("forget", &[]),
    ("has_work", &[]),
    ("heard", &[]),
    ("holder", &[]),
    ("holders", &[]),
    ("insert", &[]),
    ("insert_alike", &[]),
    ("job", &[]),
    ("jobs", &[]),
    ("jobs_at", &[]),
    ("jobs_failed", &[]),
    ("jobs_of", &[]),
    ("look", &["queue_store"]),
    ("look_cancelled", &["queue_jobs USING COVERING INDEX queue_jobs_cancelled"]),
    ("next_due", &[]),
    ("next_failed", &[]),
    ("next_jobs", &[]),
    ("park", &[]),
    ("pause", &[]),
    ("paused", &[]),
    ("progress", &[]),
    ("promote", &[]),
    ("prune", &[]),
    ("prune_ticks", &[]),
    ("prune_workers", &["queue_workers"]),
    ("queues", &["queue_queues USING INDEX sqlite_autoindex_queue_queues_1"]),
    ("rescue", &["queue_store"]),
    ("resume", &[]),
    ("retry", &[]),
    ("running", &[]),
    ("settle", &[]),
    ("step_back", &["queue_store"]),
    ("stored", &[]),
    ("sweep", &["queue_queues USING INDEX queue_queues_empty"]),
    ("taken", &["sqlite_schema", SORTS]),
    ("tell", &["queue_workers"]),
    ("tick", &[]),
    ("touch", &["queue_store"]),
    ("unpark", &[]),
    ("worker", &[]),
    ("worker_gone", &[]),
    ("workers", &["queue_workers", SORTS]),
];

/// No statement: what others have in them.
const PART: &str = "fits";

/// Only where there are few rows.
const SORTS: &str = "USE TEMP B-TREE FOR ORDER BY";

/// What is no table: lists that a statement was given, and what it made of them or of a few rows.
const LISTS: [&str; 16] = [
    "json_each",
    "avoided",
    "wanted",
    "tag",
    "filter",
    "ask",
    "left_alone",
    "first",
    "ahead",
    "kinds",
    "held",
    "ended",
    "said",
    "broken",
    "priorities",
    "clock",
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../queue/src/drivers/sqlite/sql")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.sql"))).unwrap()
}

/// The statement of a file; a list of rows has several.
fn statement(name: &str) -> String {
    let text = text(name).replace("/* fits */", &text(PART));
    match text.split_once("/* row */") {
        None => text,
        Some((head, rest)) => {
            let (row, tail) = rest.split_once("/* end of row */").unwrap();
            format!("{head}{row},{row},{row},{row}{tail}")
        }
    }
}

/// A million jobs of every kind.
const FILL: &str = "
    WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < 999999),
    made (n, state) AS (
        SELECT n, CASE
            WHEN n % 100 < 50 THEN 'completed' WHEN n % 100 < 80 THEN 'available' WHEN n % 100 < 90 THEN 'scheduled'
            WHEN n % 100 < 95 THEN 'retryable' WHEN n % 100 < 97 THEN 'running' WHEN n % 100 < 98 THEN 'failed'
            WHEN n % 100 < 99 THEN 'cancelled' ELSE 'held'
        END FROM number
    )
    INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, payload, is_parked,
        finished_at, lease_expires_at, unique_key)
    SELECT unhex(printf('%032x', n)), 'Kind' || (n % 50), 1, 'queue' || (n % 7), state, n % 3, n, 3, 3, n, '{}',
        state = 'available' AND n % 4 = 0, iif(state IN ('completed', 'failed', 'cancelled'), n, NULL), iif(state = 'running', n, NULL),
        iif(n % 5 = 0, 'key' || n, NULL)
    FROM made;
    INSERT INTO queue_ticks SELECT 'entry' || (place % 9), place, place FROM queue_jobs WHERE place <= 20000;
    INSERT INTO queue_queues (name, available) SELECT 'queue' || place, 5 FROM queue_jobs WHERE place <= 10000;";

/// The lines of a plan that go over something from end to end, or sort it.
async fn walks(connection: &mut SqliteConnection, name: &str) -> Vec<String> {
    let statement = statement(name);
    let mut lines = Vec::new();
    // A list can be read in both directions.
    for statement in BTreeSet::from([statement.replace("ORDER BY id", "ORDER BY id DESC"), statement]) {
        let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows = connection.fetch_all(sqlx::raw_sql(sql)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        lines.extend(rows.iter().map(|row| row.get::<String, _>(3)));
    }
    let is_list = |what: &str| {
        let name = what.split(' ').next().unwrap_or_default();
        LISTS.contains(&name) || name.starts_with('(') || what.starts_with("CONSTANT ROW") || what.contains("VALUES CLAUSE")
    };
    lines
        .into_iter()
        .filter_map(|line| match line.strip_prefix("SCAN ") {
            Some(what) => (!is_list(what)).then(|| what.to_owned()),
            None => (line.contains("TEMP B-TREE FOR ORDER BY") || line.contains("AUTOMATIC")).then_some(line),
        })
        .collect()
}

#[tokio::test]
async fn no_statement_goes_over_a_million_jobs() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    let mut stranger = place.stranger().await;
    run(&mut stranger, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -500000").await;
    run(&mut stranger, FILL).await;
    // Also with the statistics that somebody's `ANALYZE` leaves in the file.
    for analyzed in [false, true] {
        if analyzed {
            run(&mut stranger, "ANALYZE").await;
            stranger = place.stranger().await;
        }
        let mut wrong = Vec::new();
        for (name, allowed) in STATEMENTS {
            let walks: Vec<_> = walks(&mut stranger, name).await;
            if walks.iter().any(|walk| !allowed.contains(&&**walk)) {
                wrong.push(format!("{name}.sql: {walks:?}"));
            }
        }
        assert!(wrong.is_empty(), "analyzed: {analyzed}\n{}", wrong.join("\n"));
    }
}

#[test]
fn every_statement_is_looked_at() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<_> = files.collect();
    let names = STATEMENTS.iter().map(|(name, _)| *name).chain([PART]);
    let known: BTreeSet<_> = names.map(|name| format!("{name}.sql")).collect();
    assert_eq!(files, known, "list the statement in `STATEMENTS` above");
}
