//! Files that are damaged, cut off, no database, moved away or replaced.

use std::path::Path;
use std::time::Duration;

use queue::drivers::{Driver, Due, Group, NewJob, PushResult, Sqlite};
use queue::{JobId, PushError};
use queue_tests::ledger::{Entry, Event};

use crate::checker::Allowed;
use crate::site::{Site, say};

/// The bytes of a store with some jobs, which nobody has open.
fn store() -> Vec<u8> {
    let site = Site::new();
    assert!(site.start("prepare", 1, &["40", "ready"]).wait().success());
    std::fs::read(site.store()).unwrap()
}

fn job() -> NewJob {
    NewJob {
        id: JobId::new(),
        kind: "Task".into(),
        queue: "default".into(),
        payload: b"{}".as_slice().into(),
        version: 1,
        priority: 100,
        max_attempts: 3,
        due: Due::Now,
        extra: None,
    }
}

/// Opens a file that is not as it should be, and pushes to it. It is refused by name and left as it was, or what was confirmed is there.
async fn try_to_use(what: &str, bytes: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    std::fs::write(&path, bytes).unwrap();
    let driver = match Sqlite::open(&path).await {
        Ok(driver) => driver,
        Err(error) => {
            names(what, &path, &error);
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "{what}: the file is left as it was");
            return false;
        }
    };
    let pushed = driver.push(&[Group { jobs: vec![job()], tick: None }]).await.pop().unwrap();
    let _ = driver.close().await;
    drop(driver);
    is_kept(what, &path, &pushed).await;
    pushed.is_ok()
}

/// What was confirmed is there for the next one who opens the file, or he is told that it is damaged.
async fn is_kept(what: &str, path: &Path, pushed: &PushResult) {
    let pushed = match pushed {
        Ok(pushed) => pushed,
        Err(error @ (PushError::Store(_) | PushError::Unavailable(_))) => return names(what, path, error),
        Err(error) => panic!("{what}: {error:?}"),
    };
    match Sqlite::open(path).await {
        Ok(driver) => {
            let found = driver.inspect().unwrap().job(pushed[0].id).await;
            assert!(!matches!(found, Ok(None)), "{what}: a push was confirmed, and the job is not there");
            let _ = driver.close().await;
        }
        Err(error) => names(what, path, &error),
    }
}

/// The error says which file it is about.
fn names(what: &str, path: &Path, error: &(dyn std::error::Error + 'static)) {
    let text: Vec<_> = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect();
    assert!(text.join(": ").contains(path.to_str().unwrap()), "{what}: {text:?}");
}

#[tokio::test]
async fn damaged_files_are_refused_or_keep_what_they_confirm() {
    let (whole, mut random) = (store(), fastrand::Rng::with_seed(1));
    let mut refused = 0;
    for round in 0..60 {
        let mut bytes = whole.clone();
        let at = random.usize(..bytes.len());
        // A whole stretch: a single byte mostly hits a place that nothing uses.
        let length = random.usize(1..2_000).min(bytes.len() - at);
        bytes[at..at + length].fill_with(|| random.u8(..));
        refused += usize::from(!try_to_use(&format!("round {round}: {length} bytes at {at}"), &bytes).await);
    }
    say(&format!("{refused} of 60 damaged files were refused"));
    assert!(refused > 0);
}

#[tokio::test]
async fn files_that_are_cut_off_are_refused_or_keep_what_they_confirm() {
    let (whole, mut random) = (store(), fastrand::Rng::with_seed(2));
    let mut refused = 0;
    for _ in 0..30 {
        let length = random.usize(1..whole.len());
        refused += usize::from(!try_to_use(&format!("cut at {length}"), &whole[..length]).await);
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    for bytes in [
        &b"not a database, but a letter of some length, so that nobody takes it for a header\n".repeat(100)[..],
        b"SQLite format 3\0",
    ] {
        assert!(!try_to_use("no database", bytes).await);
    }
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    assert!(try_to_use("an empty file", b"").await);
}

fn confirmed(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| matches!(entry.event, Event::PushConfirmed { .. })).count()
}

fn refused(entries: &[Entry], words: &str) -> bool {
    entries.iter().any(|entry| matches!(&entry.event, Event::PushRefused { error, .. } if error.contains(words)))
}

/// The file is taken away while processes use it, with something in its place or nothing, and put back.
async fn take_away(instead: Option<Vec<u8>>, said: &str) {
    let site = Site::new();
    // Without transactions of a user: a new connection of his goes to whatever lies at the path.
    let process = site.start("does-both", 1, &["1000000", "1000", "unmarked"]);
    site.until("jobs are pushed", |entries| confirmed(entries) > 10).await;
    let aside = site.folder().join("aside.db");
    std::fs::rename(site.store(), &aside).unwrap();
    if let Some(bytes) = &instead {
        std::fs::write(site.store(), bytes).unwrap();
    }
    site.until("a push is refused", |entries| refused(entries, said)).await;
    assert!(refused(&site.entries(), site.store().to_str().unwrap()), "the path is named");
    if let Some(bytes) = &instead {
        assert_eq!(&std::fs::read(site.store()).unwrap(), bytes, "the other file is left as it was");
    }
    std::fs::rename(&aside, site.store()).unwrap();
    let before = confirmed(&site.entries());
    site.until("pushes go on", |entries| confirmed(entries) > before + 10).await;
    process.go_on(Duration::from_millis(50));
    process.kill();
    site.settle(Allowed { refusals: true, ..Allowed::default() }).await;
}

#[tokio::test]
async fn a_log_that_is_removed_is_noticed() {
    let site = Site::new();
    // Nobody else opens the file, who would make a log of his own.
    let process = site.start("pushes", 1, &["1000000", "unmarked"]);
    site.until("jobs are pushed", |entries| confirmed(entries) > 10).await;
    let log = site.store().with_file_name("jobs.db-wal");
    let aside = site.folder().join("aside-wal");
    std::fs::rename(&log, &aside).unwrap();
    site.until("a push is refused", |entries| refused(entries, "jobs.db-wal` is gone")).await;
    std::fs::rename(&aside, &log).unwrap();
    process.kill();
    site.settle(Allowed { refusals: true, ..Allowed::default() }).await;
}

#[tokio::test]
async fn a_file_that_is_moved_away_is_noticed() {
    take_away(None, "is gone").await;
}

#[tokio::test]
async fn a_file_that_is_replaced_is_noticed() {
    take_away(Some(store()), "was replaced").await;
}
