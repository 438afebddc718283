//! A schema for each test, removed whatever the test leaves behind.

use std::process::{Command, Output};

use queue_tests::postgres::{Cluster, Schema, URL};
use sqlx::{AssertSqlSafe, Connection as _};

async fn exists(cluster: &Cluster, name: &str) -> bool {
    let mut admin = cluster.connect().await;
    let found = sqlx::query("SELECT FROM pg_namespace WHERE nspname = $1").bind(name).fetch_all(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    !found.is_empty()
}

/// Makes a schema with a row in a table.
async fn fill(schema: &Schema) {
    let mut connection = schema.connect().await;
    sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {}", schema.name()))).execute(&mut connection).await.unwrap();
    sqlx::query("CREATE TABLE kept (n integer)").execute(&mut connection).await.unwrap();
    sqlx::query("INSERT INTO kept VALUES (1)").execute(&mut connection).await.unwrap();
}

#[test]
fn names_are_short_plain_and_its_own() {
    let (one, two) = (Schema::on("postgres://localhost/x"), Schema::on("postgres://localhost/x?sslmode=disable"));
    assert_ne!(one.name(), two.name());
    for schema in [&one, &two] {
        assert!(schema.name().len() < 40, "{}", schema.name());
        assert!(schema.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
    }
    assert_eq!(one.url(), format!("postgres://localhost/x?schema={}", one.name()));
    assert_eq!(two.url(), format!("postgres://localhost/x?sslmode=disable&schema={}", two.name()));
    assert_eq!(one.url_through("postgres://127.0.0.1:9/x"), format!("postgres://127.0.0.1:9/x?schema={}", one.name()));
    assert_eq!(two.plain_url(), "postgres://localhost/x?sslmode=disable");
}

#[tokio::test]
async fn it_is_removed_from_inside_of_a_runtime() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let schema = Schema::on(&cluster.url());
    fill(&schema).await;
    let name = schema.name().to_owned();
    assert!(exists(&cluster, &name).await);
    let place: String = sqlx::query_scalar("SELECT schemaname::text FROM pg_tables WHERE tablename = 'kept'")
        .fetch_one(&mut cluster.connect().await)
        .await
        .unwrap();
    assert_eq!(place, name, "its tables lie in it");
    drop(schema);
    assert!(!exists(&cluster, &name).await);
}

#[test]
fn it_is_removed_without_a_runtime() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let schema = Schema::on(&cluster.url());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill(&schema));
    let name = schema.name().to_owned();
    drop(schema);
    assert!(!runtime.block_on(exists(&cluster, &name)));
}

#[tokio::test]
async fn a_transaction_that_is_left_open_does_not_hold_up_its_end() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let schema = Schema::on(&cluster.url());
    fill(&schema).await;
    let pool = schema.pool(2);
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO kept VALUES (2)").execute(&mut *transaction).await.unwrap();
    let name = schema.name().to_owned();
    drop(schema);
    assert!(!exists(&cluster, &name).await);
    assert!(transaction.commit().await.is_err());
}

#[tokio::test]
async fn a_server_that_is_gone_does_not_matter_to_it() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let schema = Schema::on(&cluster.url());
    fill(&schema).await;
    drop(cluster);
    drop(schema);
}

#[tokio::test]
async fn the_shared_server_gives_each_test_its_own() {
    let (Some(one), Some(two)) = (Schema::new(), Schema::new()) else { return };
    for schema in [&one, &two] {
        fill(schema).await;
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM kept").fetch_one(&mut schema.connect().await).await.unwrap();
        assert_eq!(rows, 1);
    }
}

/// Runs the test above in a process of its own, on this server.
fn on_the_shared_server(url: Option<&str>) -> Output {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process
        .args(["--exact", "schema::the_shared_server_gives_each_test_its_own"])
        .env_remove(URL)
        .envs(url.map(|url| (URL, url)));
    process.output().unwrap()
}

#[tokio::test]
async fn without_a_shared_server_it_is_said_once_and_with_one_nothing() {
    let said = |output: &Output| String::from_utf8(output.stderr.clone()).unwrap();
    let without = on_the_shared_server(None);
    assert!(without.status.success());
    assert_eq!(said(&without).matches("SKIPPED in postgres_parts").count(), 1, "{}", said(&without));
    assert!(said(&without).contains("with_postgres"), "{}", said(&without));

    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let with = on_the_shared_server(Some(&cluster.url()));
    assert!(with.status.success() && said(&with).is_empty(), "{}", said(&with));
    let mut admin = cluster.connect().await;
    let left = sqlx::query("SELECT FROM pg_namespace WHERE nspname LIKE 'queue%'").fetch_all(&mut admin).await.unwrap();
    assert!(left.is_empty());
}
