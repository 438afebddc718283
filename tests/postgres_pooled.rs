//! A queue behind a real pgbouncer that hands out the connections of the server by the transaction.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue::prelude::*;
use queue::{JobId, JobState};
use queue_tests::postgres::{Bouncer, Cluster};
use sqlx::{Connection, Executor, PgConnection};

const JOBS: usize = 2_000;

/// How often each job ran.
type Runs = Mutex<BTreeMap<JobId, usize>>;

#[derive(Queueable)]
struct Counts {
    #[inject]
    runs: Arc<Runs>,
    #[inject]
    context: JobContext,
    fails_once: bool,
}

impl Job for Counts {
    async fn handle(&self) -> JobResult {
        *self.runs.lock().unwrap().entry(self.context.id()).or_default() += 1;
        if self.fails_once && self.context.attempt() == 1 {
            return Err(JobError::retry_in(Duration::ZERO, "the first time"));
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_between_the_queue_and_its_server_changes_nothing() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    // Fewer connections than the driver and the disturber have, so that they are really handed round.
    let Some(bouncer) = Bouncer::for_test(&cluster, &[("default_pool_size", "3"), ("ignore_startup_parameters", "")]) else {
        return;
    };
    let url = bouncer.url();
    let mark = if url.contains('?') { '&' } else { '?' };
    let queue = Queue::connect(&format!("{url}{mark}prepare=off&notify=off&poll=50")).await.unwrap();
    // Somebody else takes connections in between.
    let disturber = tokio::spawn({
        let url = bouncer.url();
        async move {
            let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
            let mut connection =
                PgConnection::connect_with(&options.extra_float_digits(None).statement_cache_capacity(0)).await.unwrap();
            loop {
                connection.execute(sqlx::raw_sql("BEGIN; SELECT 1; COMMIT")).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    let runs = Arc::<Runs>::default();
    let container = Container::builder().instance(Arc::clone(&runs)).build();
    let pushed = queue.dispatch_all((0..JOBS).map(|number| Counts::with(number % 100 == 0))).await.unwrap();
    let cancelled = queue
        .dispatch(Counts::with(false).delay(Duration::from_secs(3600)).tag("it's \\ \"quoted\"").unique_key("$1 and '$2'"))
        .await
        .unwrap();
    queue.cancel(cancelled.id).await.unwrap();
    let worker = Worker::builder(&queue, container).start().await.unwrap();
    let last = queue.dispatch(Counts::with(false)).await.unwrap();
    for id in pushed.iter().map(|pushed| pushed.id).chain([last.id]) {
        assert_eq!(queue.wait(id, Duration::from_secs(60)).await.unwrap().state, JobState::Completed);
    }
    let counts = queue.counts().await.unwrap();
    assert_eq!((counts.total(JobState::Completed), counts.total(JobState::Cancelled)), (JOBS as u64 + 1, 1));
    let row = queue.job(cancelled.id).await.unwrap().unwrap();
    assert_eq!(row.tags, ["it's \\ \"quoted\""]);
    assert!(worker.health().is_healthy());
    worker.shutdown(Duration::from_secs(10)).await;
    queue.shutdown().await.unwrap();
    disturber.abort();
    let runs = runs.lock().unwrap();
    let twice = runs.values().filter(|runs| **runs == 2).count();
    assert_eq!((runs.len(), twice, runs.values().sum::<usize>()), (JOBS + 1, JOBS / 100, JOBS + 1 + JOBS / 100));
}

#[tokio::test]
async fn who_does_not_say_that_there_is_a_pooler_is_told_to_at_once() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let Some(bouncer) = Bouncer::for_test(&cluster, &[("ignore_startup_parameters", "")]) else { return };
    // What is refused now is refused in two minutes as well, for which it is not waited.
    let refused =
        tokio::time::timeout(Duration::from_secs(60), async { Queue::connect(&bouncer.url()).await.unwrap_err() }).await;
    let refused = refused.expect("it does not wait for what cannot change");
    assert_eq!(refused.kind(), queue::ErrorKind::Store);
    assert!(refused.to_string().contains("`?prepare=off&notify=off`"), "{refused}");
}
