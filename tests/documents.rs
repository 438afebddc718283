//! The statements of `docs/sqlite.md` and `docs/postgres.md`, which no doc test runs: each is tried on a store of the driver. Those that make the
//! roles are tried by `postgres_function`.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;

use queue::drivers::{Postgres, Sqlite};
use queue::prelude::*;
use queue::{JobId, JobState};
use queue_tests::postgres::Schema;
use queue_tests::probe::{PATIENCE, Probe};
use sqlx::postgres::PgRow;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqliteRow};
use sqlx::{Row as _, SqlSafeStr as _};

/// Runs until it is let go, and fails.
#[derive(Queueable)]
#[queueable(max_attempts = 1)]
struct Fails {
    #[inject]
    probe: Arc<Probe>,
    waits: bool,
}

impl Job for Fails {
    async fn handle(&self) -> JobResult {
        if self.waits {
            self.probe.saw("waits");
            self.probe.pass().await;
        }
        Err("no such mailbox".into())
    }
}

/// The blocks of a page that are marked as SQL.
fn statements(page: &'static str) -> Vec<&'static str> {
    page.split("```sql\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect()
}

/// An id as the statements show it.
fn plain(id: JobId) -> String {
    id.to_string().replace('-', "")
}

#[tokio::test]
async fn the_statements_that_look_into_a_file_find_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let queue = Queue::from_driver(Arc::new(Sqlite::open(&path).await.unwrap()));
    let probe = Arc::<Probe>::default();
    let container = Container::builder().instance(Arc::clone(&probe)).build();
    let worker = Worker::builder(&queue, container).name("the-worker").start().await.unwrap();
    let failed = queue.dispatch(Fails::with(false)).await.unwrap().id;
    assert_eq!(queue.wait(failed, PATIENCE).await.unwrap().state, JobState::Failed);
    let running = queue.dispatch(Fails::with(true)).await.unwrap().id;
    probe.wait_for("waits", 1).await;
    // The row of the worker comes with its first renewal.
    let seen = async {
        while queue.workers().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.expect("the worker renews");

    let options = SqliteConnectOptions::new().filename(&path).read_only(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let all = async |sql: String| -> Vec<SqliteRow> {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql).into_sql_str()).fetch_all(&pool).await.unwrap()
    };
    let statements = statements(include_str!("../docs/sqlite.md"));
    let [counts, failures, one, runs, workers] = statements[..] else { panic!("{} statements", statements.len()) };

    let row = all(counts.to_owned()).await.remove(0);
    assert_eq!((row.get::<i64, _>("running"), row.get::<i64, _>("failed")), (1, 1));
    let row = all(failures.to_owned()).await.remove(0);
    assert_eq!((row.get::<String, _>("id"), row.get::<String, _>("error")), (plain(failed), "no such mailbox".to_owned()));
    assert_eq!(row.get::<String, _>("ended").len(), "2026-01-01 00:00:00".len());
    assert!(all(one.to_owned()).await.is_empty());
    let example = one.split('\'').nth(1).unwrap();
    let row = all(one.replace(example, &plain(failed))).await.remove(0);
    assert_eq!((row.get::<String, _>("kind"), row.get::<String, _>("state")), ("Fails".to_owned(), "failed".to_owned()));
    let row = all(runs.to_owned()).await.remove(0);
    assert_eq!(row.get::<String, _>("id"), plain(running));
    let lease: f64 = row.get("lease");
    assert!(lease < 31.0, "a lease of {lease} s");
    let row = all(workers.to_owned()).await.remove(0);
    assert_eq!(row.get::<String, _>("name"), "the-worker");

    pool.close().await;
    probe.open();
    worker.shutdown(PATIENCE).await;
    queue.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_statements_that_look_into_a_schema_find_what_is_there() {
    let Some(schema) = Schema::new() else { return };
    let driver = Postgres::from_options(schema.plain_url().parse().unwrap()).schema(schema.name()).await.unwrap();
    let queue = Queue::from_driver(Arc::new(driver));
    let probe = Arc::<Probe>::default();
    let container = Container::builder().instance(Arc::clone(&probe)).build();
    let worker = Worker::builder(&queue, container).start().await.unwrap();
    let failed = queue.dispatch(Fails::with(false)).await.unwrap().id;
    assert_eq!(queue.wait(failed, PATIENCE).await.unwrap().state, JobState::Failed);
    let running = queue.dispatch(Fails::with(true)).await.unwrap().id;
    probe.wait_for("waits", 1).await;

    let pool = schema.pool(1);
    let all = async |sql: &str| -> Vec<PgRow> {
        let sql = sql.replace("queue.queue_", &format!("{}.queue_", schema.name()));
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql).into_sql_str()).fetch_all(&pool).await.unwrap()
    };
    let statements = statements(include_str!("../docs/postgres.md"));
    let [push, _roles, counts, failures, runs] = statements[..] else { panic!("{} statements", statements.len()) };

    let pushed: String = all(&push.trim_end().replacen("SELECT ", "SELECT (", 1).replace("\n)", "\n))::text")).await[0].get(0);
    let row = queue.job(pushed.parse::<JobId>().unwrap()).await.unwrap().unwrap();
    assert_eq!((row.kind.as_str(), row.queue.as_str(), row.state), ("SendReceipt", "mail", JobState::Scheduled));
    let rows = all(counts).await;
    let row = rows.iter().find(|row| row.get::<&str, _>("queue") == "default").unwrap();
    let count = |column: &str| row.get_unchecked::<String, _>(column);
    assert_eq!((count("running"), count("failed"), count("available")), ("1".to_owned(), "1".to_owned(), "0".to_owned()));
    let rows = all(failures).await;
    let (id, error): (String, String) = (rows[0].get_unchecked("id"), rows[0].get("error"));
    assert_eq!((id, error), (failed.to_string(), "no such mailbox".to_owned()));
    let rows = all(runs).await;
    let (id, lease): (String, String) = (rows[0].get_unchecked("id"), rows[0].get_unchecked("lease"));
    assert_eq!(id, running.to_string());
    assert!(lease.starts_with("00:00:"), "a lease of {lease}");

    pool.close().await;
    probe.open();
    worker.shutdown(PATIENCE).await;
    queue.shutdown().await.unwrap();
}
