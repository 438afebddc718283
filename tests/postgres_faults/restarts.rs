//! A server that is stopped and started again.

use queue_tests::postgres::{Cluster, Stop};

use crate::rig::Rig;

/// How a server ends.
const ENDS: [Stop; 2] = [Stop::Fast, Stop::Immediate];

/// Stops or starts the server without holding up the runtime of the test.
async fn restart(mut cluster: Cluster, how: Stop) -> Cluster {
    let restarted = tokio::task::spawn_blocking(move || {
        cluster.restart(how);
        cluster
    });
    restarted.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_outlives_a_restart() {
    let Some(mut cluster) = Cluster::for_test(&[]) else { return };
    let rig = Rig::start(&cluster.url()).await;
    for how in ENDS {
        cluster = restart(cluster, how).await;
        rig.works().await;
    }
    rig.close(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_in_flight_and_pushes_outlive_a_restart() {
    let Some(mut cluster) = Cluster::for_test(&[]) else { return };
    let rig = Rig::start(&cluster.url()).await;
    for how in ENDS {
        rig.hold(3).await;
        let pushers = rig.pushers();
        rig.book.more(50, 50).await;
        cluster = restart(cluster, how).await;
        rig.book.more(50, 50).await;
        pushers.end().await;
    }
    rig.close(&cluster).await;
}
