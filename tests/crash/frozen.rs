//! A process is frozen until its leases have run out, and comes back when others have its jobs: it changes nothing.

use std::time::Duration;

use queue::JobState;
use queue::drivers::MaintainLimits;
use queue_tests::ledger::{Entry, Event};
use queue_tests::probe::PATIENCE;

use crate::checker::Allowed;
use crate::dump::Dump;
use crate::process::Process;
use crate::site::Site;

/// How many runs a process has begun.
fn begun(entries: &[Entry], process: u32) -> usize {
    let of_process = entries.iter().filter(|entry| entry.process == process);
    of_process.filter(|entry| matches!(entry.event, Event::RunBegun { .. })).count()
}

/// Takes back what has expired until another process runs so many jobs.
async fn rescue(site: &Site, by: &Process, jobs: usize) {
    let (driver, queue) = site.open().await;
    let rescued = async {
        while begun(&site.entries(), by.number()) < jobs {
            driver.maintain(&MaintainLimits::default()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, rescued).await.expect("the jobs of the frozen process are run by another one");
    queue.shutdown().await.unwrap();
}

/// All jobs still run, at their first attempt that counts, and nothing is noted of any other one.
async fn are_untouched(site: &Site, jobs: usize) {
    let (_, queue) = site.open().await;
    let dump = Dump::of(&queue).await.unwrap();
    queue.shutdown().await.unwrap();
    assert_eq!(dump.rows.len(), jobs);
    for row in &dump.rows {
        assert_eq!((row.state, row.attempt, row.rescues, row.errors.len()), (JobState::Running, 1, 1, 0), "{row:?}");
    }
}

/// The process that now has the jobs ends them.
async fn end(site: Site, other: Process) {
    other.signal("-TERM");
    assert!(other.wait().success());
    let dump = site.settle(Allowed::default()).await;
    for row in &dump.rows {
        assert_eq!((row.state, row.attempt, row.rescues, row.errors.len()), (JobState::Completed, 1, 1, 0), "{row:?}");
    }
}

#[tokio::test]
async fn a_worker_that_comes_back_settles_nothing() {
    freeze_a_worker(Site::new()).await;
}

pub(crate) async fn freeze_a_worker(site: Site) {
    assert!(site.start("prepare", 1, &["3", "waiting"]).wait().success());
    let frozen = site.start("works", 1, &[]);
    site.until("three runs have begun", |entries| begun(entries, frozen.number()) == 3).await;
    frozen.signal("-STOP");
    let other = site.start("works", 2, &["20000"]);
    rescue(&site, &other, 3).await;
    // It comes back with the word to stop, at which its runs end well.
    frozen.signal("-TERM");
    frozen.signal("-CONT");
    assert!(frozen.wait().success());
    are_untouched(&site, 3).await;
    end(site, other).await;
}

#[tokio::test]
async fn an_old_lease_is_answered_with_lost() {
    freeze_a_holder(Site::new()).await;
}

pub(crate) async fn freeze_a_holder(site: Site) {
    assert!(site.start("prepare", 1, &["2", "waiting"]).wait().success());
    let gate = site.folder().join("gate");
    let frozen = site.start("settle-late", 1, &[gate.to_str().unwrap()]);
    frozen.expect("fetched");
    frozen.signal("-STOP");
    let other = site.start("works", 2, &["20000"]);
    rescue(&site, &other, 2).await;
    std::fs::write(&gate, "open").unwrap();
    frozen.signal("-CONT");
    assert_eq!(frozen.told("lost "), "2", "a renewal tells that both leases are gone");
    assert!(frozen.wait().success());
    let answers = site.entries().into_iter().filter_map(|entry| match entry.event {
        Event::Settled { is_stored, .. } => Some(is_stored),
        _ => None,
    });
    assert_eq!(answers.collect::<Vec<_>>(), [false, false]);
    are_untouched(&site, 2).await;
    end(site, other).await;
}
