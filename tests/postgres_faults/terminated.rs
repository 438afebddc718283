//! An administrator who ends the connections of the driver.

use queue_tests::postgres::Cluster;

use crate::rig::Rig;

/// The connections of the driver.
const BACKENDS: &str = "SELECT pid FROM pg_stat_activity WHERE application_name = 'queue' ORDER BY backend_start";

#[tokio::test(flavor = "multi_thread")]
async fn each_connection_in_turn_is_ended_and_made_again() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let rig = Rig::start(&cluster.url()).await;
    let mut admin = cluster.connect().await;
    rig.hold(2).await;
    let pushers = rig.pushers();
    rig.book.more(20, 20).await;
    for _ in 0..3 {
        let backends: Vec<i32> = sqlx::query_scalar(BACKENDS).fetch_all(&mut admin).await.unwrap();
        assert!(!backends.is_empty(), "the driver has connections");
        for backend in backends {
            sqlx::query("SELECT pg_terminate_backend($1)").bind(backend).execute(&mut admin).await.unwrap();
            rig.book.more(20, 20).await;
        }
    }
    pushers.end().await;
    rig.close(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_connections_at_once_are_ended_again_and_again() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let rig = Rig::start(&cluster.url()).await;
    rig.hold(2).await;
    let pushers = rig.pushers();
    for _ in 0..20 {
        rig.book.more(10, 10).await;
        assert!(cluster.terminate_backends().await > 0);
    }
    rig.book.more(10, 10).await;
    pushers.end().await;
    rig.close(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_outlives_the_end_of_its_connections() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let rig = Rig::start(&cluster.url()).await;
    for _ in 0..5 {
        assert!(cluster.terminate_backends().await > 0);
        rig.works().await;
    }
    rig.close(&cluster).await;
}
