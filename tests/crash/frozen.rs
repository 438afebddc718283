//! A process is frozen until its leases have run out, and comes back when others have its jobs: it changes nothing.

use std::time::Duration;

use queue::JobState;
use queue::drivers::MaintainLimits;
use queue_tests::ledger::{Entry, Event};
use queue_tests::probe::PATIENCE;

use crate::checker::Allowed;
use crate::site::Site;

/// How many runs have begun and ended.
fn runs(entries: &[Entry]) -> (usize, usize) {
    let begun = entries.iter().filter(|entry| matches!(entry.event, Event::RunBegun { .. })).count();
    let ended = entries.iter().filter(|entry| matches!(entry.event, Event::RunEnded { .. })).count();
    (begun, ended)
}

/// Takes back what has expired, and waits until all jobs are completed.
async fn rescue(site: &Site, jobs: u64) {
    let (driver, queue) = site.open().await;
    let rescued = async {
        while queue.counts().await.unwrap().total(JobState::Completed) < jobs {
            driver.maintain(&MaintainLimits::default()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, rescued).await.expect("the jobs of the frozen process are run by another one");
    queue.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_worker_that_comes_back_settles_nothing() {
    let site = Site::new();
    assert!(site.start("prepare", 1, &["3", "taking"]).wait().success());
    let frozen = site.start("works", 1, &[]);
    site.until("three runs have begun", |entries| runs(entries).0 == 3).await;
    frozen.signal("-STOP");
    let (_, ended) = runs(&site.entries());
    assert_eq!(ended, 0, "a run of 400 ms was over before the process could be frozen");
    let other = site.start("works", 2, &[]);
    rescue(&site, 3).await;
    frozen.signal("-CONT");
    site.until("the frozen runs have ended too", |entries| runs(entries) == (6, 6)).await;
    for worker in [frozen, other] {
        worker.signal("-TERM");
        assert!(worker.wait().success());
    }
    let dump = site.settle(Allowed::default()).await;
    for row in &dump.rows {
        assert_eq!((row.state, row.attempt, row.rescues, row.errors.len()), (JobState::Completed, 1, 1, 0), "{row:?}");
    }
}

#[tokio::test]
async fn an_old_lease_is_answered_with_lost() {
    let site = Site::new();
    assert!(site.start("prepare", 1, &["2", "ready"]).wait().success());
    let gate = site.folder().join("gate");
    let frozen = site.start("settle-late", 1, &[gate.to_str().unwrap()]);
    frozen.expect("fetched");
    frozen.signal("-STOP");
    let other = site.start("works", 2, &[]);
    rescue(&site, 2).await;
    std::fs::write(&gate, "open").unwrap();
    frozen.signal("-CONT");
    assert_eq!(frozen.told("lost "), "2", "a renewal tells that both leases are gone");
    assert!(frozen.wait().success());
    let answers: Vec<_> = site
        .entries()
        .into_iter()
        .filter_map(|entry| match entry.event {
            Event::Settled { is_stored, .. } => Some(is_stored),
            _ => None,
        })
        .collect();
    assert_eq!(answers, [false, false]);
    other.signal("-TERM");
    assert!(other.wait().success());
    site.settle(Allowed::default()).await;
}
