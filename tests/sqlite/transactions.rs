//! Pushing and settling in a transaction of a user.

use queue::drivers::{Driver as _, Extra, Migrate as _, NewJob, PushError, Settled, Settlement};
use queue::job::{Outcome, SettleError};
use queue::{ErrorKind, JobState};
use queue_tests::errors::chain;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{Connection as _, SqliteConnection};

use crate::counting;
use crate::store::{Place, Verbs, fail, job, job_in, jobs, keyed, later, number, run, settlements};

const IMMEDIATE: &str = "BEGIN IMMEDIATE";

/// A database of a user's own, without a schema for jobs, and a driver on another file.
struct Own {
    place: Place,
    pool: SqlitePool,
}

impl Own {
    async fn new() -> Self {
        let place = Place::new();
        let options = SqliteConnectOptions::new().filename(place.folder().join("own.db")).create_if_missing(true);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        run(&mut pool.acquire().await.unwrap(), "CREATE TABLE orders (id INTEGER PRIMARY KEY)").await;
        Self { place, pool }
    }

    async fn apply_schema(&self, sql: &str) {
        run(&mut self.pool.acquire().await.unwrap(), sql).await;
    }

    async fn count(&self, table: &str) -> i64 {
        number(&mut self.pool.acquire().await.unwrap(), &format!("SELECT count(*) FROM {table}")).await
    }
}

#[tokio::test]
async fn jobs_are_there_if_and_only_if_the_transaction_commits() {
    let place = Place::new();
    let (driver, mut stranger, pool) = (place.open().await, place.stranger().await, place.pool());
    run(&mut stranger, "CREATE TABLE orders (id INTEGER PRIMARY KEY)").await;
    for end in ["commit", "rollback", "drop"] {
        let mut transaction = pool.begin_with(IMMEDIATE).await.unwrap();
        run(&mut transaction, "INSERT INTO orders DEFAULT VALUES").await;
        assert_eq!(driver.push_in(&mut transaction, jobs(3)).await.unwrap().len(), 3);
        assert_eq!(number(&mut stranger, "SELECT count(*) FROM queue_jobs WHERE state = 'available'").await, 0, "not yet");
        match end {
            "commit" => transaction.commit().await.unwrap(),
            "rollback" => transaction.rollback().await.unwrap(),
            _ => drop(transaction),
        }
        let taken = driver.take(9).await.len();
        assert_eq!(taken, if end == "commit" { 3 } else { 0 }, "{end}");
        driver.end(&[], fail()).await;
        counting::check(&driver, &mut stranger, end).await;
        run(
            &mut stranger,
            "UPDATE queue_jobs SET state = 'completed', finished_at = 1; DELETE FROM queue_jobs; DELETE FROM queue_queues",
        )
        .await;
    }
    assert_eq!(number(&mut stranger, "SELECT count(*) FROM orders").await, 1);
}

#[tokio::test]
async fn a_database_of_a_user_takes_jobs_where_the_schema_was_applied() {
    let own = Own::new().await;
    let driver = own.place.open().await;
    own.apply_schema(&driver.sql(0)).await;
    let mut transaction = own.pool.begin_with(IMMEDIATE).await.unwrap();
    let delayed = later(crate::store::LEASE);
    let pushed = driver.push_in(&mut transaction, vec![job(), keyed("Known:1"), keyed("Known:1"), delayed]).await.unwrap();
    assert_eq!(pushed.iter().map(|one| one.is_duplicate).collect::<Vec<_>>(), [false, false, true, false]);
    transaction.commit().await.unwrap();
    assert_eq!(own.count("queue_jobs").await, 3);
    assert!(driver.take(9).await.is_empty(), "they are not in the driver's file");
    // A driver on that file finds and counts them, and knows its schema.
    let there = queue::drivers::Sqlite::from_pool(&own.pool).await.unwrap();
    assert!(there.schema().await.unwrap().is_current());
    assert_eq!(there.take(9).await.len(), 2);
    let mut stranger = own.pool.acquire().await.unwrap();
    counting::check(&there, &mut stranger, "own").await;
}

#[tokio::test]
async fn a_database_without_the_schema_is_an_error_that_says_so() {
    let own = Own::new().await;
    let driver = own.place.open().await;
    driver.store(jobs(1)).await;
    let taken = driver.take(1).await;
    let mut transaction = own.pool.begin_with(IMMEDIATE).await.unwrap();
    run(&mut transaction, "INSERT INTO orders DEFAULT VALUES").await;
    let error = driver.push_in(&mut transaction, jobs(1)).await.unwrap_err();
    assert!(matches!(error, PushError::Store(_)), "{error:?}");
    let settled = driver.settle_in(&mut transaction, settlements(&taken, &Outcome::Complete)).await.unwrap_err();
    for text in [chain(&error), chain(&settled)] {
        assert!(text.contains("the database of the transaction has no schema for jobs"), "{text}");
        assert!(text.contains("`Migrate::sql`"), "{text}");
    }
    // It is the user's to say what becomes of the rest.
    transaction.commit().await.unwrap();
    assert_eq!(own.count("orders").await, 1);
}

#[tokio::test]
async fn a_stale_snapshot_is_an_error_that_says_so() {
    let place = Place::new();
    let (driver, pool) = (place.open().await, place.pool());
    driver.store(jobs(1)).await;
    let taken = driver.take(1).await;
    let mut transaction = pool.begin().await.unwrap();
    number(&mut transaction, "SELECT count(*) FROM queue_jobs").await;
    driver.store(jobs(1)).await;
    let error = driver.push_in(&mut transaction, jobs(1)).await.unwrap_err();
    assert!(matches!(error, PushError::StaleSnapshot(_)) && chain(&error).contains("BEGIN IMMEDIATE"), "{error:?}");
    let error = driver.settle_in(&mut transaction, settlements(&taken, &Outcome::Complete)).await.unwrap_err();
    assert!(matches!(error, SettleError::Store(_)) && chain(&error).contains("BEGIN IMMEDIATE"), "{error:?}");
    drop(transaction);
    assert_eq!(driver.inside().counts().await.unwrap().total(JobState::Available), 1);
}

/// More than one statement takes, duplicates, and keys: the answers are in order, and right.
#[tokio::test]
async fn many_jobs_are_stored_in_order_with_their_duplicates() {
    let place = Place::new();
    let (driver, mut stranger, pool) = (place.open().await, place.stranger().await, place.pool());
    let holder = keyed("Known:7");
    driver.store(vec![holder.clone()]).await;
    let mut all: Vec<_> =
        (0..1_500).map(|nth| if nth % 10 == 0 { keyed(&format!("Known:{}", nth / 20)) } else { job() }).collect();
    all.push(all[3].clone());
    all.push(job_in("images"));
    let mut transaction = pool.begin_with(IMMEDIATE).await.unwrap();
    let pushed = driver.push_in(&mut transaction, all.clone()).await.unwrap();
    transaction.commit().await.unwrap();
    let mut winners = std::collections::HashMap::from([("Known:7".to_owned(), holder.id)]);
    for (nth, (pushed, job)) in pushed.iter().zip(&all).enumerate() {
        let winner = job.unique_key().map(|key| *winners.entry(key.to_owned()).or_insert(job.id));
        assert_eq!(
            (pushed.id, pushed.is_duplicate),
            (winner.unwrap_or(job.id), winner.is_some_and(|id| id != job.id)),
            "job {nth}"
        );
    }
    let stored = number(&mut stranger, "SELECT count(*) FROM queue_jobs").await;
    assert_eq!(stored, 1_350 + 75 - 1 + 1 + 1);
    counting::check(&driver, &mut stranger, "many").await;
}

/// An error in the middle takes back what the verb did, and nothing else.
#[tokio::test]
async fn an_error_in_the_middle_leaves_the_transaction_as_it_was() {
    let place = Place::new();
    let (driver, mut stranger, pool) = (place.open().await, place.stranger().await, place.pool());
    run(
        &mut stranger,
        "CREATE TRIGGER poison BEFORE INSERT ON queue_jobs WHEN new.kind = 'Poison' BEGIN SELECT raise(ABORT, 'no'); END",
    )
    .await;
    driver.store(jobs(2)).await;
    let taken = driver.take(2).await;
    let mut transaction = pool.begin_with(IMMEDIATE).await.unwrap();
    driver.push_in(&mut transaction, jobs(2)).await.unwrap();
    let mut all = jobs(600);
    all[550].kind = "Poison".into();
    let error = driver.push_in(&mut transaction, all.clone()).await.unwrap_err();
    assert!(chain(&error).contains("no"), "{error:?}");
    let follow_ups = all.split_off(500);
    let settled =
        driver.settle_in(&mut transaction, vec![Settlement { follow_ups, ..settlements(&taken, &Outcome::Complete).remove(0) }]);
    settled.await.unwrap_err();
    driver.settle_in(&mut transaction, settlements(&taken[1..], &Outcome::Complete)).await.unwrap();
    transaction.commit().await.unwrap();
    let counts = driver.inside().counts().await.unwrap();
    let of = |state| counts.total(state);
    assert_eq!((of(JobState::Available), of(JobState::Running), of(JobState::Completed)), (2, 1, 1));
    counting::check(&driver, &mut stranger, "middle").await;
    // The same through the driver: each group fails alone.
    let mut poison = job();
    poison.kind = "Poison".into();
    let group = |jobs| queue::drivers::Group { jobs, tick: None };
    let results = driver.push(&[group(jobs(1)), group(vec![job(), poison, job_in("images")]), group(jobs(2))]).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    counting::check(&driver, &mut stranger, "groups").await;
}

#[tokio::test]
async fn a_lost_lease_settles_nothing_and_says_so() {
    let place = Place::new();
    let (driver, mut stranger, pool) = (place.open().await, place.stranger().await, place.pool());
    driver.store(jobs(2)).await;
    let taken = driver.take(2).await;
    driver.end(&taken[..1], Outcome::Release { delay: std::time::Duration::ZERO }).await;
    assert_eq!(driver.take(1).await[0].lease.id, taken[0].lease.id, "another run has it now");
    let mut transaction = pool.begin_with(IMMEDIATE).await.unwrap();
    let mut all = settlements(&taken, &Outcome::Complete);
    all[0].follow_ups = jobs(1);
    assert_eq!(driver.settle_in(&mut transaction, all.clone()).await.unwrap(), [Settled::Lost, Settled::Stored]);
    assert_eq!(driver.settle_in(&mut transaction, all).await.unwrap(), [Settled::Lost, Settled::Lost], "once is enough");
    transaction.commit().await.unwrap();
    assert_eq!(number(&mut stranger, "SELECT count(*) FROM queue_jobs").await, 2, "what follows a lost one is not stored");
    assert_eq!(driver.look(taken[0].lease.id).await.unwrap().state, JobState::Running);
    counting::check(&driver, &mut stranger, "lost").await;
}

/// `push_in` borrows the transaction; dropped half-way, it leaves nothing of itself in it.
#[tokio::test]
async fn a_push_that_is_dropped_half_way_stores_nothing() {
    let place = Place::new();
    let (driver, mut stranger, pool) = (place.open().await, place.stranger().await, place.pool());
    run(&mut stranger, "CREATE TABLE orders (id INTEGER PRIMARY KEY)").await;
    let mut all: Vec<_> = jobs(700);
    all[650] = NewJob { extra: Some(Box::new(Extra { unique_key: Some("Known:1".to_owned()), ..Extra::default() })), ..job() };
    let mut polls = 0;
    loop {
        polls += 1;
        let mut transaction = pool.begin_with(IMMEDIATE).await.unwrap();
        run(&mut transaction, "INSERT INTO orders DEFAULT VALUES").await;
        let is_done = crate::dropped::poll(driver.push_in(&mut transaction, all.clone()), polls).await.is_some();
        transaction.commit().await.unwrap();
        let stored = number(&mut stranger, "SELECT count(*) FROM queue_jobs").await;
        // Dropped while its last statement is on the way, it may have stored all of them.
        assert!(stored == 700 || (stored == 0 && !is_done), "after {polls} polls: {stored}");
        counting::check(&driver, &mut stranger, "dropped").await;
        if is_done {
            break;
        }
        run(&mut stranger, "DELETE FROM queue_jobs; DELETE FROM queue_queues").await;
    }
    assert!(polls > 1, "it was dropped before it was done");
    assert_eq!(number(&mut stranger, "SELECT count(*) FROM orders").await, i64::from(polls));
}

#[tokio::test]
async fn a_transaction_by_hand_is_as_good() {
    let place = Place::new();
    let driver = place.open().await;
    let mut by_hand: SqliteConnection = place.stranger().await;
    for (end, stored) in [("ROLLBACK", 0), ("COMMIT", 2)] {
        run(&mut by_hand, IMMEDIATE).await;
        driver.push_in(&mut by_hand, jobs(2)).await.unwrap();
        run(&mut by_hand, end).await;
        assert_eq!(driver.take(9).await.len(), stored);
    }
    by_hand.close().await.unwrap();
}

/// A file that others hold for too long is away, and everybody is told so.
#[tokio::test]
async fn a_file_that_is_held_for_long_is_away() {
    let place = Place::new();
    let driver = place.open_impatient().await;
    driver.store(jobs(1)).await;
    let taken = driver.take(1).await;
    let transaction = place.pool().begin_with(IMMEDIATE).await.unwrap();
    let pushed = driver.push(&[queue::drivers::Group { jobs: jobs(1), tick: None }]).await.remove(0);
    assert!(matches!(pushed, Err(PushError::Unavailable(_))), "{pushed:?}");
    for kind in [
        driver.settle(&settlements(&taken, &Outcome::Complete)).await.unwrap_err().kind(),
        driver.fetch(&crate::store::request(1)).await.unwrap_err().kind(),
        driver.renew(&crate::store::worker(), &[]).await.unwrap_err().kind(),
        driver.maintain(&queue::drivers::MaintainLimits::default()).await.unwrap_err().kind(),
        driver.inside().pause("mail").await.unwrap_err().kind(),
    ] {
        assert_eq!(kind, ErrorKind::Unavailable);
    }
    assert_eq!(driver.inside().counts().await.unwrap().total(JobState::Running), 1, "who reads waits for nobody");
    transaction.rollback().await.unwrap();
    assert_eq!(driver.end(&taken, Outcome::Complete).await, [Settled::Stored]);
}
