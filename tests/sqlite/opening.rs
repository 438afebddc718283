//! Files that can be opened, and those that cannot: each error says which file and what to do, and the file is left as it was.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use queue::drivers::{Driver as _, Sqlite};
use queue::{ErrorKind, JobState, Queue};
use queue_tests::errors::chain;
use queue_tests::park;

use crate::store::{Place, Verbs, jobs, number, numbers, run, stranger};

/// All that lies in a folder: the files, how long they are, and a hash of what they hold.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (usize, u64)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let look = |path: PathBuf| {
        let bytes = std::fs::read(&path).unwrap();
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        (path, (bytes.len(), hasher.finish()))
    };
    entries.filter(|path| path.is_file()).map(look).collect()
}

/// Opens in each way there is; all say the same, and nothing is changed.
async fn refused(folder: &Path, file: &Path, said: &[&str]) {
    let before = snapshot(folder);
    told(file, said, || assert_eq!(snapshot(folder), before)).await;
}

/// Opens in each way there is; all say the same.
async fn told(file: &Path, said: &[&str], check: impl Fn()) {
    let url = format!("sqlite:{}", file.display());
    let here = Sqlite::open(file).await.unwrap_err();
    check();
    let others = [
        Sqlite::open(file).wait().unwrap_err(),
        Queue::connect(&url).await.unwrap_err(),
        Queue::connect(&url).wait().unwrap_err(),
        std::thread::scope(|scope| scope.spawn(|| Queue::connect(&url).wait().unwrap_err()).join().unwrap()),
        std::thread::scope(|scope| scope.spawn(|| park::block_on(Queue::connect(&url)).unwrap_err()).join().unwrap()),
    ];
    for error in [&here].into_iter().chain(&others) {
        assert_eq!(error.kind(), ErrorKind::Store, "{error:?}");
        for words in said {
            assert!(chain(error).contains(words), "no `{words}` in: {}", chain(error));
        }
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
    }
    check();
}

#[tokio::test]
async fn a_missing_file_is_created_and_an_empty_one_filled() {
    for is_there in [false, true] {
        let place = Place::new();
        if is_there {
            std::fs::write(place.file(), "").unwrap();
        }
        let driver = place.open().await;
        driver.store(jobs(1)).await;
        driver.close().await.unwrap();
        let driver = place.open().await;
        assert_eq!(driver.inside().counts().await.unwrap().total(JobState::Available), 1);
        driver.close().await.unwrap();
        assert_eq!(place.names(), ["jobs.db"]);
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_a_file_is_refused() {
    let place = Place::new();
    let folder = place.folder();
    refused(&folder, &folder.join("missing/jobs.db"), &["folder", "does not exist"]).await;
    refused(&folder, &folder, &["is a folder"]).await;
    std::fs::write(folder.join("plain"), "text").unwrap();
    refused(&folder, &folder.join("plain/jobs.db"), &["is no folder"]).await;
    let long = folder.join("x".repeat(300));
    refused(&folder, &long, &["cannot be opened"]).await;
}

/// What a driver wrote, for tests that spoil it.
async fn written(place: &Place) -> Vec<u8> {
    let driver = place.open().await;
    driver.store(jobs(200)).await;
    driver.close().await.unwrap();
    std::fs::read(place.file()).unwrap()
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    for content in ["no", "a letter to a friend\n", &"a long letter to a friend\n".repeat(1_000)] {
        let place = Place::new();
        std::fs::write(place.file(), content).unwrap();
        refused(&place.folder(), &place.file(), &["no SQLite database", "another path"]).await;
    }
}

#[tokio::test]
async fn a_spoilt_file_is_refused() {
    let place = Place::new();
    let good = written(&place).await;
    let spoil = |from: usize, byte: u8, length: usize| {
        let mut bytes = good.clone();
        bytes[from..from + length].fill(byte);
        bytes
    };
    for (bytes, said) in [
        (good[..50].to_vec(), "damaged"),
        (good[..4_096].to_vec(), "damaged"),
        (spoil(0, b'x', 4), "no SQLite database"),
        (spoil(16, 0xff, 2), "no SQLite database"),
        (spoil(100, 0xff, 8), "damaged"),
        (spoil(100, 0xff, 3_000), "damaged"),
    ] {
        std::fs::write(place.file(), bytes).unwrap();
        refused(&place.folder(), &place.file(), &[said]).await;
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    for mode in ["delete", "wal"] {
        let place = Place::new();
        place.open().await.close().await.unwrap();
        let mut stranger = place.stranger().await;
        run(&mut stranger, &format!("PRAGMA journal_mode = {mode}; INSERT INTO queue_schema VALUES (99, 0)")).await;
        sqlx::Connection::close(stranger).await.unwrap();
        refused(&place.folder(), &place.file(), &["version 99", "update this program"]).await;
    }
}

#[tokio::test]
async fn tables_of_a_stranger_in_the_way_are_named() {
    for (sql, said) in [
        ("CREATE TABLE queue_jobs (mine)", "`queue_jobs`"),
        ("CREATE VIEW queue_workers AS SELECT 1", "`queue_workers`"),
        ("CREATE TABLE queue_schema (mine)", "`queue_schema`"),
        ("PRAGMA encoding = 'UTF-16'; CREATE TABLE mine (a)", "UTF-16"),
    ] {
        let place = Place::new();
        let mut stranger = place.stranger().await;
        run(&mut stranger, sql).await;
        sqlx::Connection::close(stranger).await.unwrap();
        refused(&place.folder(), &place.file(), &[said, "a file of its own"]).await;
    }
}

#[tokio::test]
async fn a_database_of_a_user_keeps_what_it_has() {
    let place = Place::new();
    let mut user = place.stranger().await;
    run(&mut user, "CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT); CREATE INDEX by_note ON orders (note)").await;
    run(&mut user, "INSERT INTO orders (note) VALUES ('one'), ('two'); PRAGMA user_version = 7; PRAGMA application_id = 8").await;
    let driver = place.open().await;
    driver.store(jobs(3)).await;
    assert_eq!(driver.take(5).await.len(), 3);
    driver.close().await.unwrap();
    assert_eq!(numbers(&mut user, "SELECT id FROM orders ORDER BY note").await, [1, 2]);
    let theirs = "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'queue_%' AND name NOT LIKE 'sqlite_%'";
    assert_eq!(number(&mut user, theirs).await, 2);
    assert_eq!(number(&mut user, "PRAGMA user_version").await, 7);
    assert_eq!(number(&mut user, "PRAGMA application_id").await, 8);
    assert_eq!(
        number(&mut user, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'queue_%' AND tbl_name NOT LIKE 'queue_%'").await,
        0
    );
}

/// Makes a file or folder read-only, also for root, as long as this lives.
struct Fixed(PathBuf);

impl Fixed {
    fn new(path: &Path) -> Option<Self> {
        let fixed = Self(path.to_owned());
        let changed = Command::new("chattr").arg("+i").arg(path).output().is_ok_and(|output| output.status.success());
        changed.then_some(fixed)
    }
}

impl Drop for Fixed {
    fn drop(&mut self) {
        let _ = Command::new("chattr").arg("-i").arg(&self.0).output();
    }
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
async fn what_cannot_be_written_is_refused() {
    let place = Place::new();
    written(&place).await;
    let folder = place.folder().join("fixed");
    std::fs::create_dir(&folder).unwrap();
    let (Some(file), Some(_folder)) = (Fixed::new(&place.file()), Fixed::new(&folder)) else {
        eprintln!(
            "SKIPPED what_cannot_be_written_is_refused: `chattr +i` does not work here, and permission bits do not bind root"
        );
        return;
    };
    // SQLite makes files for the log beside it even to read it, and cannot remove them.
    let before = std::fs::read(place.file()).unwrap();
    let is_same = || assert!(std::fs::read(place.file()).unwrap() == before, "it was written to");
    told(&place.file(), &["cannot be written", "read-only"], is_same).await;
    refused(&folder, &folder.join("new.db"), &["cannot be opened", "writable"]).await;
    drop(file);
    // A file that a stranger wrote, in the mode that SQLite has from the start.
    let old = place.folder().join("old.db");
    let mut user = stranger(old.clone()).await;
    run(&mut user, "CREATE TABLE orders (id)").await;
    sqlx::Connection::close(user).await.unwrap();
    let _file = Fixed::new(&old);
    refused(&place.folder(), &old, &["cannot be written", "read-only"]).await;
}

#[tokio::test]
async fn a_path_with_a_nul_is_refused() {
    let error = Queue::connect("sqlite:a%00b.db").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("NUL"), "{error}");
    assert_eq!(Sqlite::open("a\0b.db").await.unwrap_err().kind(), ErrorKind::Invalid);
}
