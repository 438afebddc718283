//! A user's transaction on a SQLite file: what it can go wrong with, and what is said then.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use queue::drivers::Sqlite;
use queue::job::{SettleError, StoreTransaction};
use queue::prelude::*;
use queue::{Clock, JobState, PushError};
use queue_tests::probe::{PATIENCE, Probe};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;

#[derive(Queueable)]
struct Plain;

impl Job for Plain {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

/// A file with a queue, and a pool of a user.
struct Site {
    folder: TempDir,
    pool: SqlitePool,
    queue: Queue,
    clock: Clock,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pool = pool(&folder.path().join("app.db")).await;
        let clock = Clock::manual();
        let queue = Queue::from_driver(Arc::new(Sqlite::from_pool(&pool).go_by(clock.clone()).await.unwrap()));
        Self { folder, pool, queue, clock }
    }

    async fn available(&self) -> u64 {
        self.queue.counts().await.unwrap().total(JobState::Available)
    }
}

/// Connections that give up soon where the file is locked.
async fn pool(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).busy_timeout(Duration::from_millis(10));
    SqlitePool::connect_with(options).await.unwrap()
}

#[tokio::test]
async fn a_snapshot_that_is_stale_is_an_error_that_says_what_to_do() {
    let site = Site::new().await;
    let mut stale = site.pool.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM queue_jobs").execute(&mut *stale).await.unwrap();
    site.queue.dispatch(Plain::with()).await.unwrap();

    let error = site.queue.dispatch_in(&mut stale, Plain::with()).await.unwrap_err();
    assert!(matches!(error, PushError::StaleSnapshot(_)), "{error:?}");
    assert!(error.to_string().contains("begin it with `BEGIN IMMEDIATE`"), "{error}");
    stale.rollback().await.unwrap();

    let mut fresh = site.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("SELECT count(*) FROM queue_jobs").execute(&mut *fresh).await.unwrap();
    site.queue.dispatch_in(&mut fresh, Plain::with()).await.unwrap();
    fresh.commit().await.unwrap();
    assert_eq!(site.available().await, 2);
}

/// Tries to complete itself on a stale snapshot.
#[derive(Queueable)]
#[queueable(max_attempts = 1)]
struct ReadsFirst {
    #[inject]
    pool: Arc<SqlitePool>,
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
    #[inject]
    queue: Queue,
}

impl Job for ReadsFirst {
    async fn handle(&self) -> JobResult {
        let mut stale = self.pool.begin().await?;
        sqlx::query("SELECT count(*) FROM queue_jobs").execute(&mut *stale).await?;
        self.queue.dispatch(Plain::with().queue("other").delay(Duration::from_secs(3600))).await?;
        let error = self.context.complete_in(&mut stale).await.expect_err("the snapshot is stale");
        self.probe.saw(format!("{}", matches!(error, SettleError::Store(_))));
        Err(error.into())
    }
}

#[tokio::test]
async fn a_job_cannot_be_completed_on_a_stale_snapshot() {
    let site = Site::new().await;
    let probe = Arc::<Probe>::default();
    let container = Container::builder().instance(Arc::new(site.pool.clone())).instance(Arc::clone(&probe)).build();
    let worker = Worker::builder(&site.queue, container).start().await.unwrap();
    let id = site.queue.dispatch(ReadsFirst::with()).await.unwrap().id;
    let row = site.queue.wait(id, PATIENCE).await.unwrap();
    assert_eq!((row.state, probe.seen()), (JobState::Failed, vec!["true".to_owned()]));
    assert!(row.errors[0].message.contains("begin it with `BEGIN IMMEDIATE`"), "{:?}", row.errors);
    worker.shutdown(PATIENCE).await;
}

/// It waits for the lock that its own caller holds, so it can only give up.
#[tokio::test]
async fn a_plain_push_inside_of_the_transaction_ends_as_unavailable() {
    let site = Site::new().await;
    let transaction = site.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let mut push = site.queue.dispatch(Plain::with());
    let mut tries = 0;
    let error = loop {
        tokio::select! {
            answer = &mut push => break answer.unwrap_err(),
            () = tokio::task::yield_now() => {
                tries += 1;
                // Longer than the engine waits between two tries, and it takes more than one.
                site.clock.advance(Duration::from_secs(3));
            }
        }
    };
    assert!(matches!(error, PushError::Unavailable(_)), "after {tries} tries: {error:?}");
    assert!(format!("{error:?}").contains("is locked by another connection"), "{error:?}");
    transaction.rollback().await.unwrap();
    assert_eq!(site.available().await, 0, "what was given up is not stored later");
    site.queue.dispatch(Plain::with()).await.unwrap();
    assert_eq!(site.available().await, 1);
}

#[tokio::test]
async fn a_transaction_of_a_file_without_jobs_says_so() {
    let site = Site::new().await;
    let other = pool(&site.folder.path().join("other.db")).await;
    let mut transaction = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("CREATE TABLE mine (id INTEGER)").execute(&mut *transaction).await.unwrap();
    let error = site.queue.dispatch_in(&mut transaction, Plain::with()).await.unwrap_err();
    assert!(matches!(error, PushError::Store(_)), "{error:?}");
    assert!(format!("{error:?}").contains("no such table: queue_jobs"), "{error:?}");
    // The error took nothing of the user's with it.
    sqlx::query("INSERT INTO mine VALUES (1)").execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_connection_with_a_transaction_begun_by_hand_is_taken() {
    let site = Site::new().await;
    let path = site.folder.path().join("app.db");
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
    assert_eq!(connection.database(), "sqlite");
    for (end, jobs) in [("ROLLBACK", 0), ("COMMIT", 1)] {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
        site.queue.dispatch_in(&mut connection, Plain::with()).await.unwrap();
        sqlx::raw_sql(end).execute(&mut connection).await.unwrap();
        assert_eq!(site.available().await, jobs, "after {end}");
    }
}
