//! A database of the release before: what is in it is kept, and goes on.

use queue::drivers::{Driver, FetchRequest, Inspect, Migrate, Postgres, QueueRequest, WorkerId};
use queue::job::Filter;
use queue::{Error, JobState};
use queue_tests::postgres::Schema;

use super::tables::{LEASE, run, worker};

/// The schema as version 1 made it.
const VERSION_1: [&str; 2] = [
    include_str!("../../queue/src/drivers/postgres/migrations/0000_schema.sql"),
    include_str!("../../queue/src/drivers/postgres/migrations/0001_jobs.sql"),
];

/// A job in every state, and a worker that holds the one that runs.
const FILL: &str = "
    INSERT INTO queue_schema VALUES (1, 0);
    INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, token, created_at, started_at, lease_expires_at,
        worker, unique_key, payload, tags, meta, errors, progress)
    SELECT gen_random_uuid(), 'Common', 1, 'mail', state, 100, 1, 1, 3, 3, 1, 1, 1,
        CASE WHEN state = 'running' THEN queue_now(30000000) END, '00000000-0000-7000-8000-000000000001', 'Common:' || state, '{\"n\":1}', ARRAY['tag'],
        '{\"by\":\"me\"}', ARRAY['[1,5,\"once\"]'], '[50,\"half\"]'
    FROM unnest(ARRAY['held', 'scheduled', 'available', 'running', 'retryable']) AS state;
    INSERT INTO queue_ended (id, kind, version, queue, state, priority, due_at, attempt, max_attempts, budget, rescues, token, created_at, finished_at,
        payload, errors)
    SELECT gen_random_uuid(), 'Common', 1, 'mail', state, 100, 1, 1, 3, 3, 0, 1, 1, 1, '{}', ARRAY['[1,5,\"no\"]']
    FROM unnest(ARRAY['completed', 'failed', 'cancelled']) AS state;
    INSERT INTO queue_counts SELECT 'mail', 1, 1, 1, 1, 1, 1, 1, 1;
    INSERT INTO queue_workers (id, name, host, pid, started_at, seen_at, queues, running, lease, state)
    VALUES ('00000000-0000-7000-8000-000000000001', 'old', 'there', 7, 1, queue_now(0), '[[\"mail\",2]]', 1, 30000000, 'running')";

async fn of_version_1(schema: &Schema) {
    let mut connection = schema.connect().await;
    for text in VERSION_1 {
        run(&mut connection, &text.replace("{schema}", schema.name())).await;
    }
    run(&mut connection, FILL).await;
}

async fn open(schema: &Schema, migrates: bool) -> Result<Postgres, Error> {
    let open = Postgres::from_options(schema.plain_url().parse().unwrap()).schema(schema.name());
    if migrates { open.await } else { open.without_migration().await }
}

#[tokio::test]
async fn a_database_of_version_1_is_brought_up_with_all_that_is_in_it() {
    let Some(schema) = Schema::new() else { return };
    of_version_1(&schema).await;
    let driver = open(&schema, true).await.unwrap();
    assert!(driver.schema().await.unwrap().is_current());
    let rows = driver.jobs(&Filter::new()).await.unwrap().jobs;
    for state in JobState::ALL {
        let row = rows.iter().find(|row| row.state == state).unwrap_or_else(|| panic!("none is {state}"));
        assert_eq!((row.kind.as_str(), row.attempt, row.errors.len()), ("Common", 1, 1), "{state}");
        assert_eq!(driver.counts().await.unwrap().total(state), 1, "{state}");
        if !state.is_terminal() {
            assert_eq!(row.unique_key.as_deref(), Some(format!("Common:{state}").as_str()));
            assert_eq!((row.tags.as_slice(), row.progress.as_ref().unwrap().percent), (["tag".to_owned()].as_slice(), 50));
        }
    }
    assert_eq!(rows.len(), 8);
    // The worker of the release before did not say what it knows.
    let workers = driver.workers().await.unwrap();
    assert!(workers.len() == 1 && workers[0].kinds.is_empty() && workers[0].queues == [("mail".into(), 2)]);
    driver.renew(&worker(WorkerId::now_v7()), &[]).await.unwrap();
    assert_eq!(driver.workers().await.unwrap()[1].kinds.len(), 2);
    let queues = vec![QueueRequest { queue: "mail".into(), free: 9, ahead: 0 }];
    let request = FetchRequest { worker: WorkerId::now_v7(), lease: LEASE, queues, except: Vec::new() };
    assert_eq!(driver.fetch(&request).await.unwrap().len(), 1);
    // Once more does nothing.
    assert!(Migrate::migrate(&open(&schema, true).await.unwrap()).await.unwrap().is_current());
}

#[tokio::test]
async fn without_migration_it_is_told_what_to_do_and_left_as_it_was() {
    let (Some(schema), Some(other)) = (Schema::new(), Schema::new()) else { return };
    of_version_1(&schema).await;
    let error = open(&schema, false).await.unwrap_err().to_string();
    for said in ["has version 1, and this program needs 2", "`craft migrate`", "`Migrate::sql(1)`", "`migrate=off`"] {
        assert!(error.contains(said), "{error}");
    }
    // The statements that are missing, applied by hand.
    let statements = open(&other, true).await.unwrap().sql(1).replace(other.name(), schema.name());
    run(&mut schema.connect().await, &statements).await;
    assert!(open(&schema, false).await.unwrap().schema().await.unwrap().is_current());
}
