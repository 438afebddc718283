//! Jobs that a worker cannot read or does not know, run through a real worker.

use std::sync::Arc;
use std::time::Duration;

use queue::drivers::{Driver as _, Except, FetchRequest, NewJob};
use queue::prelude::*;
use queue::{JobId, JobState};
use queue_tests::probe::{PATIENCE, Probe};

use crate::counting;
use crate::store::{Place, Verbs, job, number, request, run};

#[derive(Queueable)]
#[queueable(queue = "mail", version = 2, upgrade = upgrade)]
struct Greet {
    #[inject]
    probe: Arc<Probe>,
    user_id: u64,
}

#[expect(clippy::unnecessary_wraps, reason = "the form of an upgrade")]
fn upgrade(payload: serde_json::Value, _from: u16) -> Result<serde_json::Value, std::convert::Infallible> {
    Ok(payload)
}

impl Job for Greet {
    async fn handle(&self) -> JobResult {
        self.probe.saw(format!("greeted {}", self.user_id));
        Ok(())
    }
}

fn greet(payload: &[u8]) -> NewJob {
    NewJob { kind: "Greet".into(), payload: payload.into(), version: 2, ..job() }
}

/// A payload that cannot be decoded fails its job at once, and the jobs beside it run.
#[tokio::test]
async fn a_payload_that_cannot_be_decoded_fails_its_job_alone() {
    let place = Place::new();
    let driver = Arc::new(place.open().await);
    let mut stranger = place.stranger().await;
    let broken: [(&[u8], &str); 9] = [
        (b"", "EOF"),
        (b"no json", "expected"),
        (b"{\"user_id\":\"x\"}", "user_id"),
        (b"{\"user_id\":-1}", "user_id"),
        (b"{}", "user_id"),
        (b"[]", ""),
        (b"{\"user_id\":1", "EOF"),
        (b"{\"user_id\":1}\0", "trailing"),
        (b"{\"user_id\":1,\"\xff\":2}", ""),
    ];
    let mut ids = Vec::new();
    for (nth, (payload, _)) in broken.iter().enumerate() {
        let (bad, good) = (greet(payload), greet(format!("{{\"user_id\":{nth}}}").as_bytes()));
        ids.push(bad.id);
        driver.store(vec![bad, good]).await;
    }
    run(&mut stranger, "UPDATE queue_jobs SET payload = 7 WHERE payload = ''").await;
    let probe: Arc<Probe> = Arc::default();
    let queue = Queue::from_driver(Arc::<queue::drivers::Sqlite>::clone(&driver));
    let container = Container::builder().instance(Arc::clone(&probe)).build();
    let worker = Worker::builder(&queue, container).jobs::<(Greet,)>().start().await.unwrap();
    for (id, (payload, said)) in ids.iter().zip(broken) {
        let row = queue.wait(*id, PATIENCE).await.unwrap();
        let payload = String::from_utf8_lossy(payload);
        assert_eq!((row.state, row.attempt, row.errors.len()), (JobState::Failed, 1, 1), "{payload}");
        assert!(payload.is_empty() || row.errors[0].message.contains(said), "{payload}: {}", row.errors[0].message);
    }
    for nth in 0..broken.len() {
        probe.wait_for(&format!("greeted {nth}"), 1).await;
    }
    worker.shutdown(PATIENCE).await;
    counting::check(&driver, &mut stranger, "decoded").await;
    queue.shutdown().await.unwrap();
}

/// A kind and a version that are not known here are put off, with no attempt counted, and whoever knows them runs them.
#[tokio::test]
async fn what_is_not_known_is_left_to_others() {
    let place = Place::new();
    let driver = Arc::new(place.open().await);
    let probe: Arc<Probe> = Arc::default();
    let queue = Queue::from_driver(Arc::<queue::drivers::Sqlite>::clone(&driver));
    let container = Container::builder().instance(Arc::clone(&probe)).build();
    let worker = Worker::builder(&queue, container).jobs::<(Greet,)>().start().await.unwrap();
    let newer = NewJob { version: 3, ..greet(b"{\"user_id\":1}") };
    let other = job();
    driver.store(vec![newer.clone(), other.clone()]).await;
    for id in [newer.id, other.id] {
        let put_off = async {
            loop {
                let row = driver.look(id).await.unwrap();
                if row.state == JobState::Scheduled {
                    return row;
                }
                tokio::task::yield_now().await;
            }
        };
        let row = tokio::time::timeout(PATIENCE, put_off).await.expect("it is put off");
        assert_eq!((row.attempt, row.rescues, row.errors.len()), (0, 0, 0));
        let delay = row.due_at.duration_since(row.created_at).unwrap();
        assert!(delay >= Duration::from_secs(5) && delay < Duration::from_secs(5) + PATIENCE, "{delay:?}");
    }
    place.clock.advance(Duration::from_secs(5) + PATIENCE);
    driver.store(vec![greet(b"{\"user_id\":7}")]).await;
    probe.wait_for("greeted 7", 1).await;
    worker.shutdown(PATIENCE).await;
    driver.tend().await;
    let taken = driver.take(9).await;
    assert_eq!(taken.len(), 2, "they are there for others");
    queue.shutdown().await.unwrap();
}

fn except(kinds: &[&str]) -> Vec<Except> {
    kinds.iter().map(|kind| Except { kind: (*kind).into(), from_version: None }).collect()
}

/// A hundred thousand jobs that are left alone are set aside once, and a fetch does not meet them again.
#[tokio::test]
async fn a_hundred_thousand_unknown_jobs_are_passed_over_once() {
    const COUNT: i64 = 100_000;
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    // All of them stand before the one that is known.
    run(&mut stranger, &fill(COUNT)).await;
    let known = NewJob { priority: 200, ..job() };
    driver.store(vec![known.clone()]).await;
    let asks = FetchRequest { except: except(&["Unknown"]), ..request(10) };
    let parked = "SELECT count(*) FROM queue_jobs WHERE is_parked = 1";
    let mut fetches = 0;
    let taken = loop {
        let taken = driver.fetch(&asks).await.unwrap();
        fetches += 1;
        let now = number(&mut stranger, parked).await;
        assert!(now >= (fetches * 20_000).min(COUNT), "fetch {fetches} set aside {now} in all");
        if !taken.is_empty() {
            break taken;
        }
    };
    assert_eq!(crate::store::ids(&taken), [known.id]);
    assert_eq!(number(&mut stranger, parked).await, COUNT);
    // From now on a fetch changes nothing but what it claims.
    let before = number(&mut stranger, "SELECT sum(place * is_parked) FROM queue_jobs").await;
    for _ in 0..3 {
        driver.store(vec![job()]).await;
        assert_eq!(driver.fetch(&asks).await.unwrap().len(), 1);
    }
    assert_eq!(number(&mut stranger, "SELECT sum(place * is_parked) FROM queue_jobs").await, before);
    assert_eq!(number(&mut stranger, "SELECT count(*) FROM queue_jobs WHERE state = 'available' AND is_parked = 0").await, 0);
    // Somebody who knows them gets them, in their order, and they are still counted.
    let first = driver.take(10).await;
    assert_eq!(first.len(), 10);
    assert!(first.iter().all(|one| &*one.kind == "Unknown"));
    counting::check(&driver, &mut stranger, "parked").await;
}

/// Statements that store so many jobs of a kind that nobody knows.
fn fill(count: i64) -> String {
    let id = JobId::new().as_u128() >> 64;
    format!(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count})
         INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, payload)
         SELECT unhex(printf('{id:016x}%016x', n)), 'Unknown', 1, 'mail', 'available', 100, 1, 3, 3, 1, '{{}}' FROM number;
         INSERT INTO queue_queues (name, available) VALUES ('mail', {count});"
    )
}
