//! A server that is away when the driver opens, and while a worker runs.

use queue::ErrorKind;
use queue::drivers::Postgres;
use queue::worker::Health;
use queue_tests::logs;
use queue_tests::postgres::{Cluster, Proxy, Stop};
use queue_tests::probe::PATIENCE;

use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_at_the_start_is_waited_for_with_one_warning() {
    let Some(mut cluster) = Cluster::for_test(&[]) else { return };
    logs::keep();
    cluster.stop(Stop::Fast);
    let (url, place) = (cluster.url(), format!(":{}", cluster.port()));
    let opening = tokio::spawn(async move { Rig::start(&url).await });
    let warned = || logs::lines(&place).into_iter().filter(|line| line.contains("waiting for it")).count();
    let waits = async {
        while warned() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waits).await.expect("it says that it waits");
    let cluster = tokio::task::spawn_blocking(move || {
        cluster.start_again();
        cluster
    });
    let cluster = cluster.await.unwrap();
    let rig = tokio::time::timeout(PATIENCE, opening).await.expect("it opens").unwrap();
    assert_eq!(warned(), 1);
    rig.close(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waiting_cannot_cure_fails_at_once() {
    let Some(cluster) = Cluster::for_test(&[("password_encryption", "scram-sha-256")]) else { return };
    let mut admin = cluster.connect().await;
    sqlx::query("CREATE ROLE guarded LOGIN PASSWORD 'right'").execute(&mut admin).await.unwrap();
    let rules = cluster.folder().join("data/pg_hba.conf");
    let before = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, format!("host all guarded 127.0.0.1/32 scram-sha-256\n{before}")).unwrap();
    sqlx::query("SELECT pg_reload_conf()").execute(&mut admin).await.unwrap();
    let url = |user: &str, database: &str| format!("postgres://{user}@127.0.0.1:{}/{database}", cluster.port());
    let cases = [
        (url("guarded:secret", "postgres"), "does not let this user in"),
        (url("postgres:secret", "missing"), "does not exist"),
        (url("nobody:secret", "postgres"), "does not let this user in"),
    ];
    for (url, words) in cases {
        let opened =
            tokio::time::timeout(PATIENCE, Postgres::from_options(url.parse().unwrap())).await.expect("it fails at once");
        let error = opened.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store, "{error}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(words) && !text.contains("secret"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_for_a_while_is_said_to_be_once() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let proxy = Proxy::before(&cluster.url());
    let rig = Rig::start_with_lease(proxy.url(), std::time::Duration::from_secs(15)).await;
    rig.hold(2).await;
    let pushers = rig.pushers();
    rig.book.more(10, 10).await;
    proxy.refuse();
    proxy.cut();
    rig.book.gate.open();
    let all =
        |health: &Health| health.fetch_failing.is_some() && health.settle_failing.is_some() && health.renew_failing.is_some();
    rig.health("red for all", all).await;
    proxy.accept();
    rig.health("green", Health::is_healthy).await;
    rig.book.more(10, 10).await;
    pushers.end().await;
    let said = logs::lines(&format!("127.0.0.1:{}", proxy.port()));
    let bad: Vec<_> = said.iter().filter(|line| line.starts_with("WARN") || line.starts_with("ERROR")).collect();
    // Pushes, fetching, storing, renewing, and the news of others.
    for words in ["the store is away", "fetching jobs fails", "storing outcomes fails", "renewing leases fails", "are not heard"]
    {
        assert_eq!(bad.iter().filter(|line| line.contains(words)).count(), 1, "`{words}` in {bad:#?}");
    }
    assert!(bad.len() <= 6, "it is said once, and not in a flood: {bad:#?}");
    rig.close(&cluster).await;
}
