//! A server without a connection left.

use queue::worker::Health;
use queue_tests::postgres::Cluster;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::rig::Rig;

/// Takes what connections there are.
async fn take_all(url: &str) -> Vec<PgConnection> {
    let options: PgConnectOptions = url.parse().unwrap();
    let mut taken = Vec::new();
    while let Ok(connection) = options.connect().await {
        taken.push(connection);
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_for_connections_that_others_have() {
    let Some(cluster) = Cluster::for_test(&[("max_connections", "14"), ("superuser_reserved_connections", "2")]) else { return };
    let mut admin = cluster.connect().await;
    sqlx::query("CREATE ROLE worker LOGIN").execute(&mut admin).await.unwrap();
    sqlx::query("GRANT CREATE ON DATABASE postgres TO worker").execute(&mut admin).await.unwrap();
    let url = cluster.url().replace("postgres@", "worker@");
    let rig = Rig::start(&url).await;
    rig.hold(2).await;
    // Whoever has ended the connections of the driver takes them all, before it can make them again.
    let mut taken = Vec::new();
    while rig.worker.health().is_healthy() {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'queue'";
        sqlx::query(end).execute(&mut admin).await.unwrap();
        taken.extend(take_all(&url).await);
        // Somebody asks for work.
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), rig.push(false)).await;
    }
    rig.health("red for fetching", |health| health.fetch_failing.is_some()).await;
    rig.book.gate.open();
    rig.health("red for settling", |health| health.settle_failing.is_some()).await;
    for connection in taken {
        connection.close().await.unwrap();
    }
    rig.health("green", Health::is_healthy).await;
    rig.works().await;
    rig.close(&cluster).await;
}
