//! The pooler: a client's next transaction may be another backend's, which knows nothing of the last one.

use queue_tests::postgres::{Bouncer, Cluster};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};

async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    let options: PgConnectOptions = url.parse().unwrap();
    // Nothing of sqlx's own is prepared and kept by name.
    options.statement_cache_capacity(0).connect().await
}

/// The backend that answers.
async fn backend(connection: &mut PgConnection) -> i32 {
    sqlx::query_scalar("SELECT pg_backend_pid()").persistent(false).fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn the_backend_changes_between_transactions_and_not_inside_of_one() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let Some(bouncer) = Bouncer::for_test(&cluster, &[]) else { return };
    let (mut one, mut two) = (connect(&bouncer.url()).await.unwrap(), connect(&bouncer.url()).await.unwrap());
    let first = backend(&mut one).await;
    let mut held = two.begin().await.unwrap();
    assert_eq!(backend(&mut held).await, first, "the one that is idle is taken");
    let mut transaction = one.begin().await.unwrap();
    let second = backend(&mut transaction).await;
    assert_ne!(second, first, "that one is in use");
    assert_eq!(backend(&mut transaction).await, second);
    assert_eq!(backend(&mut held).await, first);
    transaction.rollback().await.unwrap();
    held.rollback().await.unwrap();
}

#[tokio::test]
async fn what_a_session_prepares_and_sets_is_not_there_in_the_next_transaction() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let Some(bouncer) = Bouncer::for_test(&cluster, &[]) else { return };
    let (mut one, mut two) = (connect(&bouncer.url()).await.unwrap(), connect(&bouncer.url()).await.unwrap());
    one.execute("PREPARE seven AS SELECT 7").await.unwrap();
    one.execute("SET lock_timeout = '7s'").await.unwrap();
    let mut held = two.begin().await.unwrap();
    held.execute("EXECUTE seven").await.unwrap();
    let error = one.execute("EXECUTE seven").await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "26000", "{error}");
    let timeout: String = sqlx::query_scalar("SHOW lock_timeout").persistent(false).fetch_one(&mut one).await.unwrap();
    assert_eq!(timeout, "0");
    held.rollback().await.unwrap();
}

#[tokio::test]
async fn a_pooler_that_is_told_nothing_refuses_what_sqlx_says_at_the_start() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let Some(bouncer) = Bouncer::for_test(&cluster, &[("ignore_startup_parameters", "")]) else { return };
    let error = connect(&bouncer.url()).await.unwrap_err();
    assert!(error.to_string().contains("extra_float_digits"), "{error}");
    let options: PgConnectOptions = bouncer.url().parse().unwrap();
    options.extra_float_digits(None).connect().await.unwrap().execute("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn its_pool_is_as_large_as_the_test_says() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let settings = [("default_pool_size", "1"), ("query_wait_timeout", "1")];
    let Some(bouncer) = Bouncer::for_test(&cluster, &settings) else { return };
    let (mut one, mut two) = (connect(&bouncer.url()).await.unwrap(), connect(&bouncer.url()).await.unwrap());
    let mut held = one.begin().await.unwrap();
    held.execute("SELECT 1").await.unwrap();
    let error = two.execute("SELECT 1").await.unwrap_err();
    assert!(error.to_string().contains("query_wait_timeout"), "{error}");
}

#[tokio::test]
async fn nothing_of_it_is_left() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let Some(bouncer) = Bouncer::for_test(&cluster, &[]) else { return };
    let (folder, port) = (bouncer.folder().to_owned(), bouncer.port());
    assert!(folder.is_dir());
    drop(bouncer);
    assert!(!folder.exists());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}
