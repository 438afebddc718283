//! Errors that the server raises in the middle of a statement: as often as a test says, on each table.

use std::time::Duration;

use queue::PushError;
use queue::drivers::{Driver, FetchRequest, Group, NewJob, Postgres, QueueRequest, Settled, Settlement, WorkerId};
use queue::job::Outcome;
use queue::worker::Health;
use queue_tests::postgres::Cluster;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::rig::Rig;

/// The tables that every exchange or push writes.
const TABLES: [(&str, &str); 5] = [
    ("queue_jobs", "INSERT"),
    ("queue_jobs", "UPDATE"),
    ("queue_jobs", "DELETE"),
    ("queue_ended", "INSERT"),
    ("queue_counts", "INSERT"),
];

/// Raises an error with a code a number of times. A sequence counts, because nothing else outlives what is undone.
async fn raise(admin: &mut PgConnection, on: (&str, &str), (code, times): (&str, u32)) {
    let (table, verb) = on;
    let text = format!(
        "DROP SEQUENCE IF EXISTS jobs.raised CASCADE;
         CREATE SEQUENCE jobs.raised;
         CREATE OR REPLACE FUNCTION jobs.raises() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF nextval('jobs.raised') <= {times} THEN RAISE EXCEPTION 'as the test says' USING ERRCODE = '{code}'; END IF;
             RETURN NULL;
         END $$;
         CREATE TRIGGER raises AFTER {verb} ON jobs.{table} FOR EACH ROW EXECUTE FUNCTION jobs.raises();"
    );
    admin.execute(AssertSqlSafe(text)).await.unwrap();
}

/// How often it was raised, or could have been; none are raised from now on.
async fn raised(admin: &mut PgConnection, on: (&str, &str)) -> i64 {
    let text = format!("DROP TRIGGER raises ON jobs.{}", on.0);
    admin.execute(AssertSqlSafe(text)).await.unwrap();
    sqlx::query_scalar("SELECT last_value FROM jobs.raised").fetch_one(admin).await.unwrap()
}

async fn conflicts(code: &str) {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let rig = Rig::start(&cluster.url()).await;
    let mut admin = cluster.connect().await;
    for on in TABLES {
        raise(&mut admin, on, (code, 4)).await;
        rig.works().await;
        rig.works().await;
        assert!(raised(&mut admin, on).await > 4, "it was raised on {on:?}");
    }
    rig.close(&cluster).await;
}

/// Each verb is tried five times, so that its caller hears of five that met and of no fewer.
#[tokio::test(flavor = "multi_thread")]
async fn a_verb_that_met_others_is_done_again_before_it_fails() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let driver = Postgres::from_options(cluster.url().parse().unwrap()).schema("jobs").await.unwrap();
    let mut admin = cluster.connect().await;
    let push = async || driver.push(&[Group { jobs: vec![NewJob::new("Plain", "default", b"{}")], tick: None }]).await.remove(0);
    let queues = vec![QueueRequest { queue: "default".into(), free: 1, ahead: 0 }];
    let request = FetchRequest { worker: WorkerId::now_v7(), lease: Duration::from_secs(30), queues, except: Vec::new() };
    for code in ["40001", "40P01"] {
        raise(&mut admin, TABLES[0], (code, 4)).await;
        push().await.expect("the fifth try stores it");
        assert_eq!(raised(&mut admin, TABLES[0]).await, 5);
        raise(&mut admin, TABLES[0], (code, 5)).await;
        assert!(matches!(push().await, Err(PushError::Unavailable(_))), "five tries, and no more");
        assert_eq!(raised(&mut admin, TABLES[0]).await, 5);
        raise(&mut admin, TABLES[1], (code, 4)).await;
        let claimed = driver.fetch(&request).await.expect("the fifth try claims it");
        assert_eq!((claimed.len(), claimed[0].attempt, raised(&mut admin, TABLES[1]).await), (1, 1, 5));
        raise(&mut admin, TABLES[2], (code, 4)).await;
        let settled = driver.settle(&[Settlement::new(claimed[0].lease, Outcome::Complete)]).await;
        assert_eq!(settled.expect("the fifth try settles it"), [Settled::Stored]);
        assert_eq!(raised(&mut admin, TABLES[2]).await, 5);
    }
    driver.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_serialized_is_done_again() {
    conflicts("40001").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deadlock_ended_is_done_again() {
    conflicts("40P01").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_is_waited_for() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let rig = Rig::start(&cluster.url()).await;
    let mut admin = cluster.connect().await;
    for on in TABLES {
        rig.hold(1).await;
        raise(&mut admin, on, ("53100", 3)).await;
        let pushers = rig.pushers();
        rig.book.more(10, 10).await;
        pushers.end().await;
        rig.works().await;
        rig.health("green", Health::is_healthy).await;
        assert!(raised(&mut admin, on).await > 3, "it was raised on {on:?}");
    }
    rig.close(&cluster).await;
}
