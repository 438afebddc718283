//! A private server: started, stopped in every way, frozen, ended.

use std::net::TcpStream;
use std::path::PathBuf;

use queue_tests::postgres::{Cluster, DURABLE, Stop};
use sqlx::{AssertSqlSafe, Connection as _};

async fn setting(cluster: &Cluster, name: &str) -> String {
    let mut admin = cluster.connect().await;
    sqlx::query_scalar(AssertSqlSafe(format!("SHOW {name}"))).fetch_one(&mut admin).await.unwrap()
}

async fn rows(cluster: &Cluster) -> Vec<i32> {
    let mut admin = cluster.connect().await;
    sqlx::query_scalar("SELECT n FROM kept ORDER BY n").fetch_all(&mut admin).await.unwrap()
}

async fn add(cluster: &Cluster, row: i32) {
    let mut admin = cluster.connect().await;
    sqlx::query("CREATE TABLE IF NOT EXISTS kept (n integer)").execute(&mut admin).await.unwrap();
    sqlx::query("INSERT INTO kept VALUES ($1)").bind(row).execute(&mut admin).await.unwrap();
}

#[tokio::test]
async fn a_row_survives_every_way_to_stop_a_server() {
    let Some(mut cluster) = Cluster::for_test(&[]) else { return };
    let (url, port) = (cluster.url(), cluster.port());
    let ways = [Stop::Smart, Stop::Fast, Stop::Immediate, Stop::Kill];
    for (n, how) in (0..).zip(ways) {
        add(&cluster, n).await;
        cluster.stop(how);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "{how:?}: nobody listens");
        cluster.start_again();
        assert_eq!(rows(&cluster).await, (0..=n).collect::<Vec<_>>(), "{how:?}");
    }
    cluster.restart(Stop::Fast);
    assert_eq!(rows(&cluster).await.len(), ways.len());
    assert_eq!((cluster.url(), cluster.port()), (url, port));
}

#[tokio::test]
async fn a_fast_stop_ends_a_connection_that_is_in_use() {
    let Some(mut cluster) = Cluster::for_test(&[]) else { return };
    let mut user = cluster.connect().await;
    sqlx::query("SELECT 1").execute(&mut user).await.unwrap();
    cluster.stop(Stop::Fast);
    assert!(sqlx::query("SELECT 1").execute(&mut user).await.is_err());
}

#[tokio::test]
async fn a_smart_stop_waits_for_a_connection_that_is_in_use() {
    let Some(mut cluster) = Cluster::for_test(&[]) else { return };
    let mut user = cluster.connect().await;
    cluster.tell(Stop::Smart);
    sqlx::query("SELECT 1").execute(&mut user).await.unwrap();
    user.close().await.unwrap();
    cluster.stop(Stop::Smart);
}

#[tokio::test]
async fn the_settings_are_those_of_tests_and_then_those_of_the_test() {
    let Some(cluster) = Cluster::for_test(&[("work_mem", "8MB"), ("application_name", "it's")]) else { return };
    assert_eq!(setting(&cluster, "max_connections").await, "200");
    assert_eq!(setting(&cluster, "fsync").await, "off");
    assert_eq!(setting(&cluster, "synchronous_commit").await, "on", "a crash of the server must not lose a commit");
    assert_eq!(setting(&cluster, "work_mem").await, "8MB");
    assert_eq!(setting(&cluster, "application_name").await, "it's");
    let durable = Cluster::start(DURABLE).unwrap();
    assert_eq!(setting(&durable, "fsync").await, "on");
    assert_ne!(durable.port(), cluster.port());
}

#[tokio::test]
async fn settings_can_be_changed_while_it_runs() {
    let Some(cluster) = Cluster::for_test(&[("work_mem", "8MB")]) else { return };
    let mut admin = cluster.connect().await;
    sqlx::query("ALTER SYSTEM SET work_mem = '9MB'").execute(&mut admin).await.unwrap();
    sqlx::query("SELECT pg_reload_conf()").execute(&mut admin).await.unwrap();
    // The log is where the server says that it has read them.
    let until = std::time::Instant::now() + queue_tests::probe::PATIENCE;
    while setting(&cluster, "work_mem").await != "9MB" {
        assert!(std::time::Instant::now() < until, "the setting was never read: {:#?}", cluster.log());
    }
}

#[tokio::test]
async fn a_frozen_server_answers_nothing_until_it_is_thawed() {
    let Some(mut cluster) = Cluster::for_test(&[]) else { return };
    let mut user = cluster.connect().await;
    cluster.freeze();
    let mut asked = Box::pin(sqlx::query_scalar::<_, i32>("SELECT 7").fetch_one(&mut user));
    let answer = tokio::time::timeout(std::time::Duration::from_millis(200), &mut asked).await;
    assert!(answer.is_err(), "a frozen server answered {answer:?}");
    cluster.thaw();
    assert_eq!(asked.await.unwrap(), 7);
}

#[tokio::test]
async fn backends_can_be_terminated() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let (mut one, mut two) = (cluster.connect().await, cluster.connect().await);
    assert_eq!(cluster.terminate_backends().await, 2);
    for user in [&mut one, &mut two] {
        let error = sqlx::query("SELECT 1").execute(user).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "57P01");
    }
}

/// What is left of a server: its folder and its port.
fn ends(cluster: &Cluster) -> (PathBuf, u16) {
    (cluster.folder().to_owned(), cluster.port())
}

#[test]
fn nothing_of_a_server_is_left_however_it_was_when_it_was_dropped() {
    for make in [
        |_: &mut Cluster| {},
        |cluster: &mut Cluster| cluster.stop(Stop::Fast),
        |cluster: &mut Cluster| cluster.stop(Stop::Kill),
        |cluster: &mut Cluster| cluster.tell(Stop::Kill),
        Cluster::freeze,
    ] {
        let Some(mut cluster) = Cluster::for_test(&[]) else { return };
        let (folder, port) = ends(&cluster);
        assert!(folder.is_dir());
        make(&mut cluster);
        drop(cluster);
        assert!(!folder.exists(), "{} is left", folder.display());
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "somebody listens at {port}");
    }
}
