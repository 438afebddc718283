//! Opening a Postgres database: what is refused and left as it was, who may make the schema, and in which runtimes it works.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::time::Duration;

use queue::drivers::postgres::Open;
use queue::drivers::{Driver, Group, Migrate, NewJob, Postgres};

use queue::ErrorKind;
use queue::prelude::*;
use queue_tests::postgres::Schema;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tokio::runtime::{Builder, Runtime};

/// How long anything may take that should be soon.
const SOON: Duration = Duration::from_secs(60);

fn job() -> NewJob {
    NewJob::new("Plain", "default", b"{}")
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn options(schema: &Schema) -> PgConnectOptions {
    schema.plain_url().parse().unwrap()
}

fn open(schema: &Schema) -> Open {
    Postgres::from_options(options(schema)).schema(schema.name())
}

async fn run(connection: &mut PgConnection, text: &str) {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(text))).await.unwrap_or_else(|error| panic!("{text}: {error}"));
}

/// The tables and functions of the schema, and what the table of versions says.
async fn contents(schema: &Schema) -> Vec<String> {
    let mut connection = schema.connect().await;
    let text = "SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace($1) UNION ALL \
                SELECT proname::text FROM pg_proc WHERE pronamespace = to_regnamespace($1) ORDER BY 1";
    let rows = connection.fetch_all(sqlx::query(text).bind(schema.name().to_owned())).await.unwrap();
    let mut found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    if found.iter().any(|name| name == "queue_schema") {
        let rows = connection.fetch_all("SELECT version::text FROM queue_schema ORDER BY 1").await.unwrap();
        found.extend(rows.iter().map(|row| row.get::<String, _>(0)));
    }
    found
}

async fn pushes(driver: &Postgres) -> bool {
    driver.push(&[Group { jobs: vec![job()], tick: None }]).await.pop().unwrap().is_ok()
}

#[test]
fn a_newer_schema_is_refused_and_left_as_it_was() {
    let Some(schema) = Schema::new() else { return };
    runtime().block_on(async {
        drop(open(&schema).await.unwrap());
        run(&mut schema.connect().await, "INSERT INTO queue_schema VALUES (3, 0)").await;
        let before = contents(&schema).await;
        for open in [open(&schema), open(&schema).without_migration()] {
            let error = open.await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Store);
            assert!(error.to_string().contains("version 3, and this program knows 2"), "{error}");
        }
        assert_eq!(contents(&schema).await, before);
    });
}

#[test]
fn without_migration_nothing_is_made_and_what_was_made_by_hand_is_taken() {
    let Some(schema) = Schema::new() else { return };
    runtime().block_on(async {
        let error = open(&schema).without_migration().await.unwrap_err();
        for said in ["has no tables of the queue", "`craft migrate`", "`Migrate::sql`"] {
            assert!(error.to_string().contains(said), "{error}");
        }
        assert!(contents(&schema).await.is_empty());
        // The statements come from any driver; another schema's name stands in them.
        let other = Schema::new().unwrap();
        let statements = open(&other).await.unwrap().sql(0).replace(other.name(), schema.name());
        run(&mut schema.connect().await, &statements).await;
        let driver = open(&schema).without_migration().await.unwrap();
        assert!(driver.schema().await.unwrap().is_current() && driver.sql(2).is_empty());
        assert!(pushes(&driver).await);
    });
}

#[test]
fn many_that_open_at_once_make_one_schema() {
    let Some(schema) = Schema::new() else { return };
    runtime().block_on(async {
        let opened = futures_util::future::join_all((0..8).map(|_| open(&schema))).await;
        for driver in opened {
            assert!(pushes(&driver.unwrap()).await);
        }
        let versions = contents(&schema).await.into_iter().filter(|name| name == "1" || name == "2").count();
        assert_eq!(versions, 2);
    });
}

#[test]
fn a_role_that_may_not_make_a_schema_is_told_so() {
    let Some(schema) = Schema::new() else { return };
    runtime().block_on(async {
        let mut connection = schema.connect().await;
        let role = format!("{}_guest", schema.name());
        run(&mut connection, &format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'")).await;
        let guest = options(&schema).username(&role).password("secret");
        let error = Postgres::from_options(guest).schema(schema.name()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(error.to_string().contains("lacks a right") && !format!("{error:?}").contains("secret"), "{error:?}");
        assert!(contents(&schema).await.is_empty());
        run(&mut connection, &format!("DROP ROLE {role}")).await;
    });
}

#[test]
fn a_database_of_another_encoding_is_refused() {
    let Some(schema) = Schema::new() else { return };
    runtime().block_on(async {
        let mut connection = schema.connect().await;
        let name = format!("{}_latin", schema.name());
        run(&mut connection, &format!("CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"))
            .await;
        let error = Postgres::from_options(options(&schema).database(&name)).await.unwrap_err();
        assert!(error.to_string().contains("has the encoding LATIN1, and jobs need UTF8"), "{error}");
        run(&mut connection, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    });
}

#[test]
fn a_server_that_is_silent_is_waited_for_as_long_as_one_says() {
    // It takes connections, and says nothing on them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://nobody@127.0.0.1:{}/nothing", silent.local_addr().unwrap().port());
    runtime().block_on(async {
        let in_code = async { Postgres::from_options(url.parse().unwrap()).patience(Duration::ZERO).await.map(drop) };
        let in_url = async { Queue::connect(&format!("{url}?wait=1")).await.map(drop) };
        let (in_code, in_url) = tokio::time::timeout(SOON, async { tokio::join!(in_code, in_url) }).await.expect("they give up");
        for error in [in_code.unwrap_err(), in_url.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.to_string().contains("did not answer in time"), "{error}");
        }
    });
}

#[test]
fn a_push_that_is_waited_for_needs_no_connection_of_the_users_pool() {
    let Some(schema) = Schema::new() else { return };
    let (done, ended) = std::sync::mpsc::channel();
    // On a thread that may hang, which is what would happen.
    std::thread::spawn(move || {
        runtime().block_on(async {
            let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options(&schema));
            let held = pool.acquire().await.unwrap();
            // Inside of a runtime, and while the only connection of the pool is in use.
            let queue = Queue::from_driver(Arc::new(Postgres::from_pool(&pool).schema(schema.name()).wait().unwrap()));
            assert_eq!(queue.counts().await.unwrap().total(queue::JobState::Available), 0);
            drop(held);
            queue.shutdown().await.unwrap();
        });
        done.send(()).unwrap();
    });
    ended.recv_timeout(SOON).expect("it opens and looks while the pool is exhausted");
}

#[test]
fn a_driver_outlives_the_runtime_that_it_was_opened_in() {
    let Some(schema) = Schema::new() else { return };
    // Outside of any, and in one that is gone then.
    let outside = open(&schema).wait().unwrap();
    let inside = runtime().block_on(async { open(&schema).await.unwrap() });
    for driver in [outside, inside] {
        assert!(Builder::new_current_thread().enable_all().build().unwrap().block_on(pushes(&driver)));
        assert!(runtime().block_on(pushes(&driver)));
    }
}

/// How many connections have this name.
async fn connections(admin: &mut PgConnection, name: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1")
        .bind(name)
        .fetch_one(admin)
        .await
        .unwrap()
}

#[test]
fn who_only_pushes_has_three_connections_and_none_when_it_is_closed() {
    let Some(schema) = Schema::new() else { return };
    runtime().block_on(async {
        let named = options(&schema).application_name(schema.name());
        let mut admin = schema.connect().await;
        let queue = Queue::from_driver(Arc::new(Postgres::from_options(named).schema(schema.name()).await.unwrap()));
        let until = async |admin: &mut PgConnection, count: i64| {
            let reached = async {
                while connections(admin, schema.name()).await != count {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(SOON, reached).await.unwrap_or_else(|_| panic!("there are never {count} connections"));
        };
        for _ in 0..20 {
            queue.dispatch(Idle::with()).await.unwrap();
        }
        // That which listens, that which looked at the schema, and that which pushes.
        until(&mut admin, 3).await;
        queue.shutdown().await.unwrap();
        drop(queue);
        until(&mut admin, 0).await;
    });
}

#[derive(Queueable)]
struct Idle;

impl Job for Idle {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

#[test]
fn a_unique_key_that_a_transaction_holds_does_not_hold_up_other_pushes_for_long() {
    let Some(schema) = Schema::new() else { return };
    runtime().block_on(async {
        let driver = open(&schema).await.unwrap();
        let keyed = || {
            let extra = queue::drivers::Extra { unique_key: Some("Plain:7".to_owned()), ..queue::drivers::Extra::default() };
            NewJob { extra: Some(Box::new(extra)), ..job() }
        };
        let mut user = schema.connect().await;
        let mut transaction = user.begin().await.unwrap();
        let first = keyed();
        driver.push_in(&mut transaction, vec![first.clone()]).await.unwrap();
        let groups = [keyed(), job(), job()].map(|job| Group { jobs: vec![job], tick: None });
        // The transaction stays open all the time: what does not end by itself never would.
        let results = tokio::time::timeout(SOON, driver.push(&groups)).await.expect("the push ends");
        assert!(matches!(results[0], Err(queue::PushError::Unavailable(_))), "{:?}", results[0]);
        assert!(results[1].is_ok() && results[2].is_ok(), "the others are stored");
        transaction.commit().await.unwrap();
        let again = driver.push(&groups[..1]).await.pop().unwrap().unwrap();
        assert_eq!((again[0].id, again[0].is_duplicate), (first.id, true));
    });
}
