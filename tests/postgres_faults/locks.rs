//! Tables that somebody else locks, for longer than a statement may wait.

use std::time::Duration;

use queue::worker::Health;
use queue_tests::postgres::Cluster;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::rig::Rig;

/// Locks a table until the health is red as it must be, and sees the worker come back.
async fn lock(table: &str, is_red: impl Fn(&Health) -> bool) {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    // Renewals come often.
    let rig = Rig::start_with_lease(&cluster.url(), Duration::from_secs(15)).await;
    rig.hold(2).await;
    let mut admin = cluster.connect().await;
    let mut transaction = admin.begin().await.unwrap();
    transaction.execute(AssertSqlSafe(format!("LOCK TABLE jobs.{table} IN ACCESS EXCLUSIVE MODE"))).await.unwrap();
    rig.book.gate.open();
    let pushers = rig.pushers();
    rig.health("red", is_red).await;
    transaction.rollback().await.unwrap();
    rig.health("green", Health::is_healthy).await;
    rig.book.more(10, 10).await;
    pushers.end().await;
    rig.close(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jobs_are_locked_and_nothing_works_until_they_are_not() {
    // Whether it asks for jobs meanwhile, nobody says: its queue may be empty.
    let all = |health: &Health| health.settle_failing.is_some() && health.renew_failing.is_some();
    lock("queue_jobs", all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_is_locked_and_outcomes_wait() {
    lock("queue_ended", |health| health.settle_failing.is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counts_are_locked_and_outcomes_wait() {
    lock("queue_counts", |health| health.settle_failing.is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_are_locked_and_only_renewals_fail() {
    lock("queue_workers", |health| health.renew_failing.is_some() && health.settle_failing.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_is_locked_and_claims_wait() {
    lock("queue_paused", |health| health.fetch_failing.is_some() && health.renew_failing.is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_of_all_is_locked_and_renewals_fail() {
    lock("queue_store", |health| health.renew_failing.is_some() && health.settle_failing.is_none()).await;
}
