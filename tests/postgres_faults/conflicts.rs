//! Transactions that meet.

use queue_tests::postgres::Cluster;
use sqlx::{Connection as _, Executor as _};

use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_transactions_are_serial_is_worked_on() {
    let Some(cluster) = Cluster::for_test(&[("default_transaction_isolation", "serializable")]) else { return };
    let mut admin = cluster.connect().await;
    admin.execute("ALTER ROLE postgres SET default_transaction_isolation = 'serializable'").await.unwrap();
    let rigs = [Rig::start(&cluster.url()).await];
    for rig in &rigs {
        let pushers = rig.pushers();
        rig.book.more(300, 300).await;
        pushers.end().await;
    }
    for rig in rigs {
        rig.close(&cluster).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_locks_jobs_in_another_order_is_met_without_harm() {
    let Some(cluster) = Cluster::for_test(&[("deadlock_timeout", "10ms")]) else { return };
    let rig = Rig::start(&cluster.url()).await;
    rig.hold(4).await;
    let pushers = rig.pushers();
    let mut other = cluster.connect().await;
    let mut met = 0;
    for round in 0..40 {
        rig.book.more(4, 4).await;
        let mut transaction = other.begin().await.unwrap();
        let order = if round % 2 == 0 { "DESC" } else { "ASC" };
        // Half of them first, and then the rest: what the driver locks in between waits for this one, and this one for it.
        let first = format!("SELECT id FROM jobs.queue_jobs ORDER BY id {order} LIMIT 4 FOR UPDATE");
        let rest = format!("SELECT id FROM jobs.queue_jobs ORDER BY id {order} FOR UPDATE");
        for text in [first, rest] {
            // It may be the one that a deadlock ends.
            met += u32::from(sqlx::query(sqlx::AssertSqlSafe(text)).execute(&mut *transaction).await.is_err());
        }
        transaction.rollback().await.unwrap();
    }
    rig.book.more(4, 4).await;
    pushers.end().await;
    assert!(met <= 40);
    rig.close(&cluster).await;
}
