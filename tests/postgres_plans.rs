//! How Postgres finds what the statements ask for, beside a million live jobs and a million ended ones: no statement goes over all of them.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use queue::drivers::Postgres;
use queue_tests::postgres::Schema;

/// The statements, and how each may look for rows of jobs: by their place in the table, or by the columns of an index.
///
/// `running` stops after so many rows of its index, of which it reads the first ones; `look` reads the first entry of `queue_jobs_due`, and all of the index of those that shall be cancelled, which are few; `heard` all that runs, where
/// the clock was set back.
const STATEMENTS: [(&str, &[&str]); 39] = [
    ("cancel", &["queue_jobs_id"]),
    ("claim", &["queue_jobs by place", "queue_jobs_id"]),
    ("count", &["queue_ended_failed", "queue_ended_id", "queue_jobs_id"]),
    ("count_by_id", &["queue_ended_id", "queue_jobs_id"]),
    ("counts", &["queue_jobs_ready"]),
    ("encoding", &[]),
    ("exchange", &["queue_jobs by place", "queue_jobs_ready", "queue_jobs_rescued"]),
    ("extend", &["queue_jobs by place", "queue_jobs_id"]),
    ("fail_unreadable", &["queue_jobs_id"]),
    ("find", &["queue_ended_id", "queue_jobs_id", "queue_jobs_unique_key"]),
    ("forget", &["queue_ended_id"]),
    ("has_schema", &[]),
    ("give_back", &["queue_jobs_leases"]),
    ("heard", &["queue_jobs_leases", "all of queue_jobs_leases"]),
    ("holders", &["queue_jobs_unique_key"]),
    ("job", &["queue_ended_id", "queue_jobs_id"]),
    ("jobs", &["queue_ended_failed", "queue_ended_id", "queue_jobs_id"]),
    ("jobs_by_id", &["queue_ended_id", "queue_jobs_id"]),
    (NEWEST, &["queue_ended_failed", "queue_ended_id", "queue_jobs_id"]),
    ("lock", &[]),
    ("look", &["all of queue_jobs_cancelled", "queue_jobs_ready", "all of queue_jobs_due"]),
    ("pause", &[]),
    ("promote", &["queue_jobs by place", "queue_jobs_due"]),
    ("prune", &["queue_ended by place", "queue_ended_finished"]),
    ("push", &["queue_ended_id"]),
    ("queues", &[]),
    ("rescue", &["queue_jobs by place", "queue_jobs_leases"]),
    ("resume", &[]),
    ("retry", &["queue_ended_id"]),
    ("running", &["all of queue_jobs_leases"]),
    ("settle", &["queue_jobs_id"]),
    ("stored", &["queue_ended_id", "queue_jobs_id"]),
    ("sweep", &["queue_jobs_ready"]),
    ("tell", &[]),
    ("tell_workers", &[]),
    ("tick", &[]),
    ("version", &[]),
    ("was_settled", &["queue_ended_id", "queue_jobs_id"]),
    ("workers", &[]),
];

/// `jobs.sql` the other way round.
const NEWEST: &str = "jobs_newest";

/// Statements of the test's own.
async fn run(connection: &mut PgConnection, sql: &str) {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../queue/src/drivers/postgres/sql")
}

/// A statement, as it lies in its file or as the driver makes it.
fn text_of(name: &str) -> String {
    if name == NEWEST {
        return text_of("jobs").replace("ORDER BY id", "ORDER BY id DESC");
    }
    std::fs::read_to_string(folder().join(format!("{name}.sql"))).unwrap()
}

/// A million jobs that have not ended, of every kind, and a million that have.
const FILL: &str = "
    SET synchronous_commit = off;
    INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, token, created_at, started_at,
        lease_expires_at, worker, unique_key, payload)
    SELECT gen_random_uuid(), 'Kind' || n % 50, 1, 'queue' || n % 7, state, n % 3, n, 0, 3, 3, 1, n, n,
        CASE WHEN state = 'running' THEN n END, CASE WHEN state = 'running' THEN gen_random_uuid() END,
        CASE WHEN n % 5 = 0 THEN 'key' || n END, '{}'
    FROM (
        SELECT n, CASE WHEN n % 100 < 60 THEN 'available' WHEN n % 100 < 75 THEN 'scheduled' WHEN n % 100 < 90 THEN 'retryable'
            WHEN n % 100 < 99 THEN 'running' ELSE 'held' END AS state
        FROM generate_series(1, 1000000) AS n
    ) AS made;
    INSERT INTO queue_ended (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at,
        finished_at, payload)
    SELECT gen_random_uuid(), 'Kind' || n % 50, 1, 'queue' || n % 7,
        CASE WHEN n % 100 < 90 THEN 'completed' WHEN n % 100 < 95 THEN 'failed' ELSE 'cancelled' END, 100, n, 1, 3, 3, 0, 1, n, n, '{}'
    FROM generate_series(1, 1000000) AS n";

/// The settings of the driver's connections, and no plan for the values of a call.
const SETTINGS: &str = "SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan";

/// A connection on which every statement is prepared.
async fn prepared(schema: &Schema) -> PgConnection {
    let mut connection = schema.connect().await;
    run(&mut connection, SETTINGS).await;
    for (name, _) in STATEMENTS {
        let text = text_of(name);
        run(&mut connection, &format!("PREPARE {name} AS {}", text.replace("{schema}", schema.name()))).await;
        // The plan is made now, and kept.
        ways(&mut connection, name).await;
    }
    connection
}

/// How a statement looks for rows of jobs.
async fn ways(connection: &mut PgConnection, name: &str) -> BTreeSet<String> {
    let parameters = "SELECT coalesce(array_length(parameter_types, 1), 0) FROM pg_prepared_statements WHERE name = $1";
    let count: i32 = sqlx::query_scalar(parameters).bind(name).fetch_one(&mut *connection).await.unwrap();
    let nulls = vec!["NULL"; usize::try_from(count).unwrap()].join(", ");
    let call = if nulls.is_empty() { name.to_owned() } else { format!("{name}({nulls})") };
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE {call}");
    let row = connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(explain))).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let plan: Value = serde_json::from_str(row.try_get_unchecked(0).unwrap()).unwrap();
    let mut ways = BTreeSet::new();
    walk(&plan[0]["Plan"], &mut ways);
    ways
}

/// Goes through the steps of a plan.
fn walk(step: &Value, ways: &mut BTreeSet<String>) {
    let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let (kind, table, index) = (text("Node Type"), text("Relation Name"), text("Index Name"));
    let is_read = kind.contains("Scan") && (table == "queue_jobs" || table == "queue_ended");
    if is_read || index.starts_with("queue_jobs") || index.starts_with("queue_ended") {
        let is_bounded = !step["Index Cond"].is_null();
        ways.extend(match () {
            // The index below it says how.
            () if kind == "Bitmap Heap Scan" => None,
            () if kind == "Tid Scan" => Some(format!("{table} by place")),
            () if !index.is_empty() && is_bounded => Some(index),
            () if !index.is_empty() => Some(format!("all of {index}")),
            () => Some(format!("{kind} of {table}")),
        });
    }
    for below in step["Plans"].as_array().into_iter().flatten() {
        walk(below, ways);
    }
}

async fn check(connection: &mut PgConnection, when: &str) {
    let mut wrong = Vec::new();
    for (name, allowed) in STATEMENTS {
        let ways = ways(connection, name).await;
        let ways: Vec<_> = ways.iter().filter(|way| !allowed.contains(&&***way)).collect();
        if !ways.is_empty() {
            wrong.push(format!("{name}.sql: {ways:?}"));
        }
    }
    assert!(wrong.is_empty(), "{when}\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn no_statement_goes_over_a_million_jobs() {
    let Some(schema) = Schema::new() else { return };
    Postgres::from_options(schema.plain_url().parse().unwrap()).schema(schema.name()).await.unwrap();
    let mut stranger = schema.connect().await;
    // Statistics come when the test says so.
    run(
        &mut stranger,
        "ALTER TABLE queue_jobs SET (autovacuum_enabled = off); ALTER TABLE queue_ended SET (autovacuum_enabled = off)",
    )
    .await;
    let mut early = prepared(&schema).await;
    check(&mut early, "empty").await;
    run(&mut stranger, FILL).await;
    check(&mut early, "filled, with the plans of before").await;
    check(&mut prepared(&schema).await, "filled, and not analyzed").await;
    run(&mut stranger, "ANALYZE queue_jobs; ANALYZE queue_ended").await;
    check(&mut prepared(&schema).await, "analyzed").await;
    run(&mut stranger, "DELETE FROM queue_jobs WHERE state <> 'running'; ANALYZE queue_jobs").await;
    check(&mut prepared(&schema).await, "all of them running").await;
}

#[test]
fn every_statement_is_looked_at() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<_> = files.collect();
    let names = STATEMENTS.iter().map(|(name, _)| *name).filter(|name| *name != NEWEST);
    let known: BTreeSet<_> = names.map(|name| format!("{name}.sql")).collect();
    assert_eq!(files, known, "list the statement in `STATEMENTS` above");
}
