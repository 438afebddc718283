//! A process is told to stop: while it fetches, during a long job, twice, and before its start is over.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use queue::{JobId, JobState};
use queue_tests::ledger::{Entry, Event};

use crate::checker::Allowed;
use crate::dump::Dump;
use crate::site::Site;

/// What ends a process that does not listen to SIGTERM yet.
const SIGTERM: i32 = 15;

fn has_begun(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| matches!(entry.event, Event::RunBegun { .. }))
}

/// What the store says now.
async fn dump(site: &Site) -> Dump {
    let (_, queue) = site.open().await;
    let dump = Dump::of(&queue).await.unwrap();
    queue.shutdown().await.unwrap();
    dump
}

#[tokio::test]
async fn a_stop_while_it_fetches_leaves_nothing_running() {
    stop_while_it_fetches(Site::new()).await;
}

pub(crate) async fn stop_while_it_fetches(site: Site) {
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..8 {
        let worker = site.start("does-both", round, &["100000"]);
        worker.expect("works");
        worker.go_on(Duration::from_micros(random.u64(0..60_000)));
        worker.signal("-TERM");
        assert!(worker.wait().success());
        let rows = dump(&site).await.rows;
        let running: Vec<_> = rows.iter().filter(|row| row.state == JobState::Running).collect();
        assert!(running.is_empty(), "round {round}: {running:?}");
    }
    site.settle(Allowed { refusals: true, ..Allowed::default() }).await;
}

/// A job that never ends runs, the process gets these signals, and the job waits for the next one with no attempt counted.
pub(crate) async fn stop_a_long_job(site: Site, grace: &str, signals: &[&str]) {
    assert!(site.start("prepare", 1, &["1", "clinging"]).wait().success());
    let worker = site.start("works", 1, &[grace]);
    site.until("the job runs", has_begun).await;
    signals.iter().for_each(|signal| worker.signal(signal));
    assert!(worker.wait().success());
    let rows = dump(&site).await.rows;
    let [row] = &rows[..] else { panic!("one job was pushed: {rows:?}") };
    assert_eq!((row.state, row.attempt, row.rescues), (JobState::Available, 0, 0));
    let (_, queue) = site.open().await;
    site.ledger().write(Event::CancelBegun { id: row.id.clone() });
    queue.cancel(row.id.parse::<JobId>().unwrap()).await.unwrap();
    queue.shutdown().await.unwrap();
    site.settle(Allowed::default()).await;
}

#[tokio::test]
async fn a_long_job_is_given_back_when_its_grace_is_over() {
    stop_a_long_job(Site::new(), "100", &["-TERM"]).await;
}

#[tokio::test]
async fn a_long_job_is_given_back_at_once_at_the_second_signal() {
    stop_a_long_job(Site::new(), "3600000", &["-TERM", "-INT"]).await;
}

#[tokio::test]
async fn a_stop_before_the_start_is_over_takes_no_job() {
    stop_before_the_start_is_over(Site::new()).await;
}

pub(crate) async fn stop_before_the_start_is_over(site: Site) {
    assert!(site.start("prepare", 1, &["5", "ready"]).wait().success());
    for line in ["begins", "opened"] {
        let worker = site.start("works", 1, &[]);
        worker.expect(line);
        worker.signal("-TERM");
        let status = worker.wait();
        assert!(status.success() || status.signal() == Some(SIGTERM), "{status}");
        if line == "begins" {
            assert!(dump(&site).await.rows.iter().all(|row| row.state == JobState::Available));
        }
    }
    site.settle(Allowed::default()).await;
}
