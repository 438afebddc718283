//! Files of an older version of the schema, and URLs that say what is to be left alone.

use std::path::Path;

use queue::drivers::{Driver as _, Migrate as _, Sqlite};
use queue::job::{Filter, Outcome};
use queue::{Error, ErrorKind, JobId, JobState, Queue};
use sqlx::{Connection as _, SqliteConnection};

use crate::counting::check;
use crate::store::{Place, Verbs, job, numbers, request_of, run, worker};

/// What a file of version 1 has.
const FIRST: [&str; 3] = [
    include_str!("../../queue/src/drivers/sqlite/migrations/0000_schema.sql"),
    include_str!("../../queue/src/drivers/sqlite/migrations/0001_jobs.sql"),
    "INSERT INTO queue_schema VALUES (1, 0)",
];

/// A job of each state in each of two queues, which are counted.
const JOBS: &str = r#"
    WITH states (n, state) AS (
        VALUES (1, 'held'), (2, 'scheduled'), (3, 'available'), (4, 'running'), (5, 'retryable'), (6, 'completed'), (7, 'failed'), (8, 'cancelled')
    ),
    queues (more, queue) AS (VALUES (0, 'mail'), (8, 'images'))
    INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, token, created_at, finished_at,
        lease_expires_at, worker, unique_key, payload, tags, errors)
    SELECT unhex(printf('%032x', n + more)), 'Known', 1, queue, state, 100, iif(n IN (2, 5), 9000000000000000, 0), n = 4, 3, 3, n = 4, n,
        iif(n > 5, n, NULL), iif(n = 4, 9000000000000000, NULL), iif(n = 4, unhex(printf('%032x', 9)), NULL), 'key:' || (n + more),
        '{"n":' || (n + more) || '}', '["old"]', iif(n = 7, '[[1,5,"no hope"]]', NULL)
    FROM states, queues ORDER BY n + more;
    INSERT INTO queue_queues (name, held, scheduled, available, running, retryable, completed, failed, cancelled)
    VALUES ('mail', 1, 1, 1, 1, 1, 1, 1, 1), ('images', 1, 1, 1, 1, 1, 1, 1, 1);"#;

/// What a worker of version 1 writes at each renewal.
const OLD_WORKER: &str = r#"
    INSERT INTO queue_workers (id, name, host, pid, started_at, seen_at, queues, running, lease, state)
    VALUES (unhex(printf('%032x', 9)), 'old', 'here', 1, 0, 0, '[["mail",3]]', 1, 30000000, 'running')
    ON CONFLICT (id) DO UPDATE SET
        name = excluded.name, host = excluded.host, pid = excluded.pid, started_at = excluded.started_at, seen_at = excluded.seen_at,
        queues = excluded.queues, running = excluded.running, lease = excluded.lease, state = excluded.state
    RETURNING told"#;

/// A file as version 1 left it, and a connection that has it open.
async fn first(place: &Place) -> SqliteConnection {
    let mut stranger = place.stranger().await;
    run(&mut stranger, "PRAGMA journal_mode = wal").await;
    for sql in FIRST.into_iter().chain([JOBS, OLD_WORKER]) {
        run(&mut stranger, sql).await;
    }
    stranger
}

async fn versions(stranger: &mut SqliteConnection) -> Vec<i64> {
    numbers(stranger, "SELECT version FROM queue_schema ORDER BY version").await
}

/// All jobs are there, are counted, and live on.
async fn check_jobs(driver: &Sqlite, stranger: &mut SqliteConnection) {
    check(driver, stranger, "opened").await;
    let jobs = driver.inside().jobs(&Filter::new()).await.unwrap().jobs;
    assert_eq!(jobs.len(), 16);
    for (job, number) in jobs.iter().zip(1..) {
        assert_eq!(job.id, JobId::from_u128(number));
        assert_eq!(job.state, JobState::ALL[usize::try_from(number - 1).unwrap() % 8]);
        assert_eq!(job.payload.as_ref().unwrap().get(), format!(r#"{{"n":{number}}}"#));
        assert_eq!((&*job.tags, job.errors.len()), (&["old".to_owned()][..], usize::from(job.state == JobState::Failed)));
    }
    let taken = driver.fetch(&request_of(&["mail", "images"], 9)).await.unwrap();
    assert_eq!(taken.iter().map(|one| one.lease.id.as_u128()).collect::<Vec<_>>(), [3, 11]);
    driver.end(&taken, Outcome::Complete).await;
    driver.inside().retry(JobId::from_u128(7)).await.unwrap();
    driver.inside().cancel(JobId::from_u128(1)).await.unwrap();
    driver.store(vec![job()]).await;
    check(driver, stranger, "used").await;
}

#[tokio::test]
async fn a_file_of_the_first_version_is_brought_up_to_date_with_all_that_it_has() {
    let place = Place::new();
    first(&place).await.close().await.unwrap();
    let driver = place.open().await;
    let mut stranger = place.stranger().await;
    assert_eq!(versions(&mut stranger).await, [1, 2]);
    assert!(driver.schema().await.unwrap().is_current());
    let workers = driver.inside().workers().await.unwrap();
    assert_eq!((workers.len(), &*workers[0].name, workers[0].kinds.len()), (1, "old", 0));
    check_jobs(&driver, &mut stranger).await;
    driver.close().await.unwrap();
    // And it stays so.
    place.open().await.close().await.unwrap();
    assert_eq!(versions(&mut stranger).await, [1, 2]);
}

/// A program of the release before does not notice: what it prepared before goes on.
#[tokio::test]
async fn a_worker_of_the_release_before_works_on_while_the_file_is_brought_up_to_date() {
    let place = Place::new();
    let mut old = first(&place).await;
    let mut reading = place.stranger().await;
    run(&mut reading, "BEGIN; SELECT count(*) FROM queue_jobs").await;
    let driver = place.open().await;
    run(&mut reading, "SELECT count(*) FROM queue_workers; COMMIT").await;
    for _ in 0..2 {
        run(&mut old, OLD_WORKER).await;
        driver.renew(&queue::drivers::WorkerRow { kinds: vec!["Known".into()], ..worker() }, &[]).await.unwrap();
    }
    let mut kinds: Vec<_> = driver.inside().workers().await.unwrap().into_iter().map(|row| (row.name, row.kinds.len())).collect();
    kinds.sort();
    assert_eq!(kinds, [("old".to_owned(), 0), ("one".to_owned(), 1)]);
    check_jobs(&driver, &mut old).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_bring_a_file_up_to_date_at_once() {
    for _ in 0..5 {
        let place = Place::new();
        let mut stranger = first(&place).await;
        let opening: Vec<_> = (0..8).map(|_| tokio::spawn(Sqlite::open(place.file()))).collect();
        for opening in opening {
            let driver = opening.await.unwrap().unwrap();
            assert_eq!(driver.inside().counts().await.unwrap().total(JobState::Available), 2);
        }
        assert_eq!(versions(&mut stranger).await, [1, 2]);
    }
}

/// Opens with a setting, as the URL of a program has it.
async fn open(file: &Path, setting: &str) -> Result<Queue, Error> {
    Queue::connect(&format!("sqlite:{}?{setting}", file.display())).await
}

async fn refused(file: &Path, setting: &str, said: &[&str]) {
    let error = open(file, setting).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error:?}");
    for said in [file.to_str().unwrap()].iter().chain(said) {
        assert!(error.to_string().contains(said), "no `{said}` in: {error}");
    }
}

#[tokio::test]
async fn a_schema_that_is_to_be_left_alone_must_be_the_current_one() {
    let place = Place::new();
    refused(&place.file(), "migrate=off", &["does not exist", "`migrate=off`", "run `craft migrate`"]).await;
    assert!(place.names().is_empty(), "{:?}", place.names());

    std::fs::write(place.file(), "").unwrap();
    refused(&place.file(), "migrate=off", &["has no schema", "wants version 2", "run `craft migrate`"]).await;
    assert_eq!(std::fs::read(place.file()).unwrap().len(), 0);

    let mut stranger = first(&place).await;
    refused(&place.file(), "migrate=off", &["has version 1 of the schema", "wants version 2", "run `craft migrate`"]).await;
    assert_eq!(versions(&mut stranger).await, [1]);

    place.open().await.close().await.unwrap();
    let queue = open(&place.file(), "migrate=off&create=off").await.unwrap();
    assert_eq!(queue.counts().await.unwrap().total(JobState::Available), 2);
    queue.pause("mail").await.unwrap();
    queue.shutdown().await.unwrap();

    run(&mut stranger, "INSERT INTO queue_schema VALUES (3, 0)").await;
    refused(&place.file(), "migrate=off", &["has version 3", "update this program"]).await;
}

#[tokio::test]
async fn a_file_that_is_not_to_be_made_must_be_there() {
    let place = Place::new();
    for settings in ["create=off", "create=off&migrate=off"] {
        refused(&place.file(), settings, &["does not exist", "`create=off`"]).await;
        assert!(place.names().is_empty(), "{:?}", place.names());
    }
    first(&place).await.close().await.unwrap();
    let queue = open(&place.file(), "create=off").await.unwrap();
    assert_eq!(queue.counts().await.unwrap().total(JobState::Available), 2);
    queue.shutdown().await.unwrap();
    assert_eq!(versions(&mut place.stranger().await).await, [1, 2]);
}

/// As the command line does, which must see what happens while somebody writes for long.
#[tokio::test]
async fn a_file_that_is_left_as_it_is_can_be_looked_into_while_another_writes() {
    let place = Place::new();
    let driver = place.open().await;
    driver.store(vec![job()]).await;
    let transaction = place.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    let queue = open(&place.file(), "migrate=off&create=off&busy_timeout=0").await.unwrap();
    assert_eq!(queue.counts().await.unwrap().total(JobState::Available), 1);
    transaction.commit().await.unwrap();
}
