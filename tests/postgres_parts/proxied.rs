//! The proxy in front of a real server: what a program hears, and what the server has done by then.

use queue_tests::postgres::{Cluster, Direction, Proxy};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    let options: PgConnectOptions = url.parse().unwrap();
    options.connect().await
}

async fn rows(cluster: &Cluster) -> Vec<i32> {
    sqlx::query_scalar("SELECT n FROM kept ORDER BY n").fetch_all(&mut cluster.connect().await).await.unwrap()
}

async fn table(cluster: &Cluster) {
    sqlx::query("CREATE TABLE kept (n integer)").execute(&mut cluster.connect().await).await.unwrap();
}

async fn insert(connection: &mut PgConnection, row: i32) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO kept VALUES ($1)").bind(row).execute(connection).await.map(drop)
}

#[tokio::test]
async fn a_reply_that_is_lost_leaves_the_row_and_a_request_that_is_lost_none() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    table(&cluster).await;
    let proxy = Proxy::before(&cluster.url());
    let mut connection = connect(proxy.url()).await.unwrap();
    // Prepared by now, so that the next is one request and one reply.
    insert(&mut connection, 1).await.unwrap();
    proxy.cut_after(Direction::Reply, 0);
    assert!(insert(&mut connection, 2).await.is_err());
    proxy.cut_happened().await;
    assert_eq!(rows(&cluster).await, [1, 2], "the server did it, and nobody heard");

    let mut connection = connect(proxy.url()).await.unwrap();
    insert(&mut connection, 3).await.unwrap();
    proxy.cut_after(Direction::Request, 0);
    assert!(insert(&mut connection, 4).await.is_err());
    proxy.cut_happened().await;
    assert_eq!(rows(&cluster).await, [1, 2, 3], "the server never heard of it");
}

#[tokio::test]
async fn a_connection_is_made_in_spite_of_a_cut_at_any_byte_before() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let proxy = Proxy::before(&cluster.url());
    connect(proxy.url()).await.unwrap().close().await.unwrap();
    let whole = proxy.until("it is closed", |seen| seen.open == 0).await.replied;
    assert!(whole > 100, "a server says more than {whole} bytes to who connects");
    let mut made = 0;
    for bytes in (0..whole).step_by(7) {
        proxy.cut_after(Direction::Reply, bytes);
        match connect(proxy.url()).await {
            // sqlx does not wait for all that a server says at the start.
            Ok(_) => made += 1,
            Err(_) => drop(proxy.cut_happened().await),
        }
        proxy.forget_cuts();
        connect(proxy.url()).await.unwrap().close().await.unwrap();
    }
    assert!(made < whole / 7, "no connection was cut");
}

#[tokio::test]
async fn a_half_open_connection_keeps_its_transaction_on_the_server() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    table(&cluster).await;
    let proxy = Proxy::before(&cluster.url());
    let mut connection = connect(proxy.url()).await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    insert(&mut transaction, 1).await.unwrap();
    proxy.silence(&Direction::BOTH);
    drop(transaction);
    drop(connection);
    proxy.until("the program's end is held", |seen| seen.held == 1).await;
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'")
        .fetch_one(&mut cluster.connect().await)
        .await
        .unwrap();
    assert_eq!(open, 1, "the server does not know that its client has gone");
    proxy.cut();
    assert_eq!(proxy.seen().open, 0);
    proxy.resume();
    assert!(rows(&cluster).await.is_empty());
}

#[tokio::test]
async fn a_server_that_restarts_is_found_by_the_same_way() {
    let Some(mut cluster) = Cluster::for_test(&[]) else { return };
    let proxy = Proxy::before(&cluster.url());
    let mut connection = connect(proxy.url()).await.unwrap();
    cluster.restart(queue_tests::postgres::Stop::Immediate);
    assert!(sqlx::query("SELECT 1").execute(&mut connection).await.is_err());
    let mut connection = connect(proxy.url()).await.unwrap();
    sqlx::query("SELECT 1").execute(&mut connection).await.unwrap();
}
