//! Jobs that complete themselves in the transaction of their effects, run by a real worker on the same file.

use std::sync::Arc;

use queue::JobState;
use queue::drivers::Sqlite;
use queue::job::SettleError;
use queue::prelude::*;
use queue_tests::probe::{PATIENCE, Probe};
use sqlx::sqlite::SqlitePool;

use crate::counting;
use crate::store::{Place, Verbs, number, run};

/// Takes an order, and a receipt is sent if and only if it was taken.
#[derive(Queueable)]
#[queueable(max_attempts = 1)]
struct Order {
    #[inject]
    pool: Arc<SqlitePool>,
    #[inject]
    probe: Arc<Probe>,
    #[inject]
    context: JobContext,
    how: String,
}

#[derive(Queueable)]
#[queueable(queue = "nobody")]
struct Receipt;

impl Job for Receipt {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

impl Job for Order {
    async fn handle(&self) -> JobResult {
        if self.how == "lost" {
            // Somebody else ends this run: as a rescue does, from the view of the fence.
            let mut stranger = self.pool.acquire().await?;
            let id = self.context.id().as_u128();
            run(&mut stranger, &format!("UPDATE queue_jobs SET token = token + 1 WHERE id = x'{id:032x}'")).await;
        }
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        run(&mut transaction, "INSERT INTO orders DEFAULT VALUES").await;
        Receipt::with().push_in(&mut transaction).await?;
        let completed = self.context.complete_in(&mut transaction).await;
        match (&*self.how, completed) {
            ("lost", Err(SettleError::Lost)) => self.probe.saw("lost"),
            ("lost", other) => panic!("it was lost: {other:?}"),
            ("undone", Ok(())) => transaction.rollback().await?,
            (_, completed) => {
                completed?;
                transaction.commit().await?;
            }
        }
        if self.how == "done, and an error" { Err("too late".into()) } else { Ok(()) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_and_completion_commit_together() {
    let place = Place::new();
    let driver = Arc::new(Sqlite::open(place.file()).await.unwrap());
    let mut stranger = place.stranger().await;
    run(&mut stranger, "CREATE TABLE orders (id INTEGER PRIMARY KEY)").await;
    let queue = Queue::from_driver(Arc::<Sqlite>::clone(&driver));
    let probe: Arc<Probe> = Arc::default();
    let container =
        Container::builder().instance(Arc::new(place.pool())).instance(Arc::clone(&driver)).instance(Arc::clone(&probe)).build();
    let worker = Worker::builder(&queue, container).jobs::<(Order,)>().start().await.unwrap();
    let mut orders = 0;
    for (how, is_done) in [("done", true), ("undone", false), ("done, and an error", true), ("done", true)] {
        let pushed = queue.dispatch(Order::with(how.to_owned())).await.unwrap();
        let row = queue.wait(pushed.id, PATIENCE).await.unwrap();
        assert_eq!((row.state, row.attempt, row.errors.len()), (JobState::Completed, 1, 0), "{how}");
        orders += i64::from(is_done);
        assert_eq!(number(&mut stranger, "SELECT count(*) FROM orders").await, orders, "{how}");
        assert_eq!(number(&mut stranger, "SELECT count(*) FROM queue_jobs WHERE kind = 'Receipt'").await, orders, "{how}");
    }
    let lost = queue.dispatch(Order::with("lost".to_owned())).await.unwrap();
    probe.wait_for("lost", 1).await;
    assert_eq!(number(&mut stranger, "SELECT count(*) FROM orders").await, orders, "nothing of it is kept");
    worker.shutdown(PATIENCE).await;
    assert_eq!(driver.look(lost.id).await.unwrap().state, JobState::Running, "whoever has it now ends it");
    counting::check(&driver, &mut stranger, "completed").await;
    queue.shutdown().await.unwrap();
}
