//! The same on a schema of a Postgres server, and the server itself is killed.

use std::time::Duration;

use queue_tests::ledger::Event;
use queue_tests::postgres::{Cluster, DURABLE, Schema, Stop};

use crate::checker::Allowed;
use crate::site::{Site, say};
use crate::{crowd, frozen, kills, stops};

/// A schema of its own; `None` where there is no server.
async fn site() -> Option<Site> {
    Some(Site::in_schema(Schema::new()?).await)
}

#[tokio::test]
async fn seed_11() {
    if let Some(site) = site().await {
        kills::kill_at_random(site, 11, false).await;
    }
}

#[tokio::test]
async fn seed_12_with_pruning() {
    if let Some(site) = site().await {
        kills::kill_at_random(site, 12, true).await;
    }
}

#[tokio::test]
async fn the_first_open_is_killed_at_random() {
    let mut random = fastrand::Rng::with_seed(13);
    for _ in 0..10 {
        let Some(site) = site().await else { return };
        kills::kill_the_first_open(site, &mut random).await;
    }
}

#[tokio::test]
async fn a_worker_that_comes_back_settles_nothing() {
    if let Some(site) = site().await {
        frozen::freeze_a_worker(site).await;
    }
}

#[tokio::test]
async fn an_old_lease_is_answered_with_lost() {
    if let Some(site) = site().await {
        frozen::freeze_a_holder(site).await;
    }
}

#[tokio::test]
async fn a_stop_while_it_fetches_leaves_nothing_running() {
    if let Some(site) = site().await {
        stops::stop_while_it_fetches(site).await;
    }
}

#[tokio::test]
async fn a_long_job_is_given_back_when_its_grace_is_over() {
    if let Some(site) = site().await {
        stops::stop_a_long_job(site, "100", &["-TERM"]).await;
    }
}

#[tokio::test]
async fn a_stop_before_the_start_is_over_takes_no_job() {
    if let Some(site) = site().await {
        stops::stop_before_the_start_is_over(site).await;
    }
}

#[tokio::test]
async fn eight_processes_share_a_schema() {
    if let Some(site) = site().await {
        crowd::share(site).await;
    }
}

/// How a server ends, and for how long it was up before, in milliseconds.
const ENDS: [(Stop, u64); 6] = [
    (Stop::Immediate, 900),
    (Stop::Kill, 700),
    (Stop::Fast, 800),
    (Stop::Kill, 1_100),
    (Stop::Immediate, 600),
    (Stop::Kill, 900),
];

#[tokio::test]
async fn a_server_that_is_killed_loses_nothing_that_was_confirmed() {
    let Some(mut cluster) = Cluster::for_test(DURABLE) else { return };
    let site = Site::in_schema(Schema::on(&cluster.url())).await;
    let processes: Vec<_> = [("does-both", 1), ("works", 2), ("pushes", 3)]
        .map(|(role, seed)| site.start(role, seed, if role == "works" { &["200"] } else { &["1000000"] }))
        .into();
    for process in &processes {
        process.expect("opened");
    }
    for (how, up) in ENDS {
        processes[0].go_on(Duration::from_millis(up));
        cluster.restart(how);
    }
    processes[0].go_on(Duration::from_secs(3));
    for process in processes {
        process.kill();
    }
    let entries = site.entries();
    let confirmed = entries.iter().filter(|entry| matches!(entry.event, Event::PushConfirmed { .. })).count();
    say(&format!("{confirmed} pushes were confirmed over {} ends of a server", ENDS.len()));
    assert!(confirmed > 100, "{confirmed} pushes only were confirmed");
    site.settle(Allowed { refusals: true, users_faults: true, ..Allowed::default() }).await;
}
