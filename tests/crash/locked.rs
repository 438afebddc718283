//! Another program has the lock of the file for a while: everybody waits, and nobody hears of it.

use std::time::Duration;

use queue_tests::ledger::{Entry, Event};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

use crate::checker::Allowed;
use crate::site::Site;

/// For how long the file is locked. It is the fault itself, and no wait for something to happen.
const LOCKED: Duration = Duration::from_secs(3);

fn confirmed(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| matches!(entry.event, Event::PushConfirmed { .. })).count()
}

#[tokio::test]
async fn pushes_and_workers_wait_for_a_locked_file() {
    let site = Site::new();
    let worker = site.start("does-both", 1, &["100000"]);
    site.until("jobs are pushed", |entries| confirmed(entries) > 10).await;
    let mut other = SqliteConnectOptions::new().filename(site.store()).connect().await.unwrap();
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    // One that opens the file while it is locked.
    let late = site.start("pushes", 2, &["12", "ends"]);
    let before = confirmed(&site.entries());
    tokio::time::sleep(LOCKED).await;
    let meanwhile = confirmed(&site.entries());
    assert!(meanwhile <= before + 3, "a push was confirmed while another one had the lock: {before}, then {meanwhile}");
    other.execute("ROLLBACK").await.unwrap();
    other.close().await.unwrap();
    assert!(late.wait().success());
    site.until("pushes go on", |entries| confirmed(entries) > meanwhile + 10).await;
    worker.signal("-TERM");
    assert!(worker.wait().success());
    assert_eq!(site.logged("lock"), [""; 0]);
    site.settle(Allowed::default()).await;
}
