//! A process is killed at each write, sync and unlink of one verb: `strace` kills it at the n-th such call, for n from 1 on until it survives.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::checker::Allowed;
use crate::process::Process;
use crate::site::{Site, say};

/// What makes a change of a file last. `strace` counts each of them on its own.
const CALLS: [&str; 5] = ["pwrite64", "fdatasync", "fsync", "ftruncate", "unlink"];
/// No verb makes so many of one sort.
const MOST: usize = 120;
/// What ends a process that is killed.
const SIGKILL: i32 = 9;

/// Whether processes can be traced here; says so loudly where not.
pub(crate) fn can_trace() -> bool {
    let traced = Command::new("strace").args(["-f", "-qq", "-e", "trace=none", "true"]).stderr(Stdio::null()).status();
    let can = traced.is_ok_and(|status| status.success());
    if !can {
        say("SKIPPED: `strace` is not installed or may not trace here, so no process was killed at its system calls");
    }
    can
}

/// Runs a role, and kills it at the n-th call of a sort. Answers whether it survived.
fn survives(site: &Site, role: &str, call: &str, n: usize) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={n}");
    let trace = format!("trace={call}");
    let before = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    let (mut command, number) = site.command(&before, role, 1, &[]);
    let status = Process::start(&mut command, number, Arc::clone(site.ledger())).wait();
    assert!(status.success() || status.signal() == Some(SIGKILL), "`{role}` ended with {status} at {call} {n}");
    status.success()
}

/// Kills a role at each call; answers how often it was killed.
fn walk(site: &Site, role: &str) -> usize {
    let mut kills = 0;
    for call in CALLS {
        let survived = (1..MOST).find(|n| survives(site, role, call, *n));
        kills += survived.unwrap_or_else(|| panic!("`{role}` never survived {call}")) - 1;
    }
    say(&format!("`{role}` was killed {kills} times"));
    kills
}

/// Whether SQLite finds its file in order.
async fn integrity(site: &Site) -> String {
    let mut connection = SqliteConnectOptions::new().filename(site.store()).connect().await.unwrap();
    let answer = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    answer
}

/// Kills a verb at each call on a store with enough jobs for it, and lets everything end.
async fn walk_on(role: &str, prepared: &[&str], allowed: Allowed) {
    if !can_trace() {
        return;
    }
    let site = Site::new();
    assert!(site.start("prepare", 1, prepared).wait().success());
    if prepared[1] == "failing" {
        site.drain().await;
    }
    let kills = walk(&site, role);
    assert!(kills > 3, "`{role}` was killed {kills} times only: it writes more than that");
    assert_eq!(integrity(&site).await, "ok");
    site.settle(allowed).await;
}

#[tokio::test]
async fn the_first_open_is_killed_at_each_call() {
    if !can_trace() {
        return;
    }
    let mut kills = 0;
    for call in CALLS {
        for n in 1..MOST {
            // Each has a file to make.
            let site = Site::new();
            if survives(&site, "push", call, n) {
                break;
            }
            kills += 1;
            assert!(n + 1 < MOST, "the open never survived {call}");
            assert!(site.start("push", 1, &[]).wait().success(), "killed at {call} {n}, and then");
            assert_eq!(integrity(&site).await, "ok", "killed at {call} {n}");
            site.settle(Allowed::default()).await;
        }
    }
    say(&format!("the first open and push were killed {kills} times"));
    assert!(kills > 10, "{kills} kills only: a file is made with more writes");
}

#[tokio::test]
async fn a_push_is_killed_at_each_call() {
    walk_on("push", &["1", "ready"], Allowed::default()).await;
}

#[tokio::test]
async fn a_fetch_is_killed_at_each_call() {
    walk_on("fetch", &["80", "ready"], Allowed::default()).await;
}

#[tokio::test]
async fn a_settle_is_killed_at_each_call() {
    walk_on("settle", &["80", "ready"], Allowed::default()).await;
}

#[tokio::test]
async fn a_retry_is_killed_at_each_call() {
    walk_on("retry", &["40", "failing"], Allowed::default()).await;
}

#[tokio::test]
async fn a_cancel_is_killed_at_each_call() {
    walk_on("cancel", &["40", "later"], Allowed::default()).await;
}

#[tokio::test]
async fn a_pruning_is_killed_at_each_call() {
    walk_on("prune", &["80", "ended"], Allowed { pruning: true, ..Allowed::default() }).await;
}
