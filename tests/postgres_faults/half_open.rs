//! A connection that is half open: what is asked goes out, and nothing comes back.

use std::process::Command;

use queue::worker::Health;
use queue_tests::logs;
use queue_tests::postgres::Cluster;
use queue_tests::probe::PATIENCE;
use sqlx::postgres::PgConnection;

use crate::rig::Rig;

/// The processes of the server for the driver's connections whose last statement has these words.
async fn backends(admin: &mut PgConnection, words: &str) -> Vec<i32> {
    let text = "SELECT pid FROM pg_stat_activity WHERE application_name = 'queue' AND query LIKE '%' || $1 || '%'";
    sqlx::query_scalar(text).bind(words).fetch_all(admin).await.unwrap()
}

/// Stops processes where they are, or lets them go on.
fn signal(name: &str, processes: &[i32]) {
    for process in processes {
        let sent = Command::new("sh").args(["-c", r#"kill -s "$0" "$1""#, name, &process.to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_is_not_answered_ends_and_the_next_connection_does_it() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let rig = Rig::start(&cluster.url()).await;
    let mut admin = cluster.connect().await;
    let stopped = backends(&mut admin, "held.place::tid").await;
    assert_eq!(stopped.len(), 1, "claims have a connection of their own");
    signal("STOP", &stopped);
    let number = rig.push(false).await.unwrap();
    rig.health("red for fetching", |health| health.fetch_failing.is_some()).await;
    rig.health("green", Health::is_healthy).await;
    rig.book.until("it runs", |entries| entries[&number].runs == 1).await;
    rig.works().await;
    signal("CONT", &stopped);
    rig.close(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_are_heard_again_after_the_connection_that_they_come_on_was_half_open() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let rig = Rig::start(&cluster.url()).await;
    let mut admin = cluster.connect().await;
    let stopped = backends(&mut admin, "LISTEN").await;
    assert_eq!(stopped.len(), 1, "one connection listens");
    signal("STOP", &stopped);
    let again = async {
        loop {
            let listening = backends(&mut admin, "LISTEN").await;
            if listening.iter().any(|backend| !stopped.contains(backend)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let again = tokio::time::timeout(2 * PATIENCE, again).await;
    signal("CONT", &stopped);
    assert!(again.is_ok(), "nobody listens on another connection");
    let said = logs::lines(&format!("127.0.0.1:{}", cluster.port()));
    assert!(said.iter().filter(|line| line.contains("not heard")).count() <= 1, "{said:?}");
    rig.works().await;
    rig.close(&cluster).await;
}
