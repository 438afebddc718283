//! Files that others have while they are opened, and the ways to name one.

use std::collections::BTreeSet;

use queue::drivers::{Driver as _, Sqlite};
use queue::{ErrorKind, JobState, Queue};
use queue_tests::logs;
use queue_tests::probe::PATIENCE;
use sqlx::SqlitePool;

use crate::peer::Peer;
use crate::store::{Place, Verbs, jobs, numbers, run};

/// The pauses between two tries that this process has made: the threads of that name that were seen so far.
fn see_pauses(seen: &mut BTreeSet<String>) -> usize {
    for task in std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok) {
        if std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.starts_with("queue-sqlite-pa")) {
            seen.insert(task.file_name().into_string().unwrap());
        }
    }
    seen.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_is_waited_for_with_one_warning() {
    logs::keep();
    // One that has a schema, and one that the locker is about to make.
    for exists in [true, false] {
        let place = Place::new();
        if exists {
            place.open().await.close().await.unwrap();
        }
        let mut stranger = place.stranger().await;
        run(&mut stranger, "PRAGMA journal_mode = delete; BEGIN EXCLUSIVE").await;
        let url = format!("sqlite:{}?busy_timeout=1", place.file().display());
        let connecting = tokio::spawn(async move { Queue::connect(&url).await });
        let mut seen = BTreeSet::new();
        let tried = async {
            while see_pauses(&mut seen) < 4 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, tried).await.expect("it tries again and again");
        assert!(!connecting.is_finished());
        run(&mut stranger, "COMMIT").await;
        let queue = tokio::time::timeout(PATIENCE, connecting).await.expect("it opens").unwrap().unwrap();
        assert_eq!(queue.counts().await.unwrap().total(JobState::Available), 0);
        let warnings = logs::lines(&place.file().display().to_string());
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        queue.shutdown().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_open_a_new_file_at_once() {
    for _ in 0..5 {
        let place = Place::new();
        let opening: Vec<_> = (0..8).map(|_| tokio::spawn(Sqlite::open(place.file()))).collect();
        let mut drivers = Vec::new();
        for opening in opening {
            drivers.push(opening.await.unwrap().unwrap());
        }
        for driver in &drivers {
            driver.store(jobs(2)).await;
        }
        assert_eq!(drivers[3].take(100).await.len(), 16);
        assert_eq!(numbers(&mut place.stranger().await, "SELECT version FROM queue_schema ORDER BY version").await, [1, 2]);
    }
}

#[tokio::test]
async fn processes_open_a_new_file_at_once() {
    for _ in 0..3 {
        let place = Place::new();
        let mut peers: Vec<_> = (0..6).map(|_| Peer::start(&place.file(), &place.folder())).collect();
        for peer in &mut peers {
            assert_eq!(peer.answer(), "open");
        }
        for peer in &mut peers {
            peer.ask("push mail");
        }
        assert_eq!(peers[0].ask("fetch mail"), "6");
        peers.into_iter().for_each(Peer::end);
    }
}

/// A program may go elsewhere: what it opened by a relative path stays where it was.
#[tokio::test]
async fn a_relative_path_is_of_the_folder_in_which_it_was_opened() {
    let place = Place::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut peer = Peer::start("jobs.db".as_ref(), &place.folder());
    assert_eq!(peer.answer(), "open");
    peer.ask("push mail");
    peer.ask(&format!("move {}", elsewhere.path().display()));
    peer.ask("push mail");
    let here = place.open().await;
    assert_eq!(here.take(9).await.len(), 2);
    here.store(jobs(1)).await;
    assert_eq!(peer.ask("fetch mail"), "1");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    // And it still looks after the right one.
    std::fs::rename(place.file(), place.folder().join("gone.db")).unwrap();
    let said = peer.say("push mail");
    assert!(said.contains("is gone while it was open"), "{said}");
}

#[test]
fn settings_that_are_not_known_are_refused() {
    let place = Place::new();
    for (setting, said) in [
        ("?mode=ro", "no setting `mode`: known are `synchronous`, `busy_timeout`, `create` and `migrate`"),
        ("?create=no", "`create=no` is not known"),
        ("?synchronous=off", "`synchronous=off` is not known"),
        ("?busy_timeout=-1", "is no number of milliseconds"),
    ] {
        let error = Queue::connect(&format!("sqlite:{}{setting}", place.file().display())).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(said), "{error}");
    }
    assert!(place.names().is_empty(), "nothing is made for a mistake");
}

#[tokio::test]
async fn a_pool_lends_its_file_and_not_its_memory() {
    let place = Place::new();
    let pool = SqlitePool::connect(&format!("sqlite:{}?mode=rwc", place.file().display())).await.unwrap();
    let driver = Sqlite::from_pool(&pool).await.unwrap();
    driver.store(jobs(1)).await;
    pool.close().await;
    assert_eq!(driver.take(1).await.len(), 1, "its connections are its own");
    for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite:"] {
        let pool = SqlitePool::connect(url).await.unwrap();
        let error = Sqlite::from_pool(&pool).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("in memory"), "{url}: {error}");
    }
}

/// Opened anywhere: within a runtime of one thread, of several, and in none.
#[test]
fn waiting_for_a_connection_works_anywhere() {
    let place = Place::new();
    let url = format!("sqlite:{}", place.file().display());
    let one = || {
        let queue = Queue::connect(&url).wait().unwrap();
        assert_eq!(format!("{queue:?}"), r#"Queue { driver: "sqlite", .. }"#);
        queue_tests::park::block_on(queue.shutdown()).unwrap();
    };
    one();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async { one() });
    tokio::runtime::Builder::new_multi_thread().build().unwrap().block_on(async {
        tokio::spawn(std::future::ready(())).await.unwrap();
        one();
    });
    queue_tests::park::block_on(async { Queue::connect(&url).await.unwrap() });
}
