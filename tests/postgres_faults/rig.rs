//! A queue on a private server, a worker on it, those who push, and the closing of the books.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use queue::drivers::{Postgres, PushError};
use queue::worker::Health;
use queue::{Container, JobState, Queue, Worker};
use queue_tests::logs;
use queue_tests::postgres::Cluster;
use queue_tests::probe::PATIENCE;
use sqlx::Row;
use sqlx::postgres::PgConnection;
use tokio::task::JoinHandle;

use crate::book::{Book, Note};

/// How often something is asked again that has no event.
const AGAIN: Duration = Duration::from_millis(20);

/// A worker on a server, and the ledger of its jobs. The tables are in the schema `jobs`.
pub(crate) struct Rig {
    pub(crate) queue: Queue,
    pub(crate) worker: Worker,
    pub(crate) book: Arc<Book>,
}

/// Those who push, until they are told to end.
pub(crate) struct Pushers {
    is_over: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Pushers {
    /// Waits for the last of their answers.
    pub(crate) async fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            tokio::time::timeout(2 * PATIENCE, task).await.expect("a push is answered").unwrap();
        }
    }
}

impl Rig {
    /// On the server of a URL.
    pub(crate) async fn start(url: &str) -> Self {
        Self::start_with_lease(url, Duration::from_secs(30)).await
    }

    pub(crate) async fn start_with_lease(url: &str, lease: Duration) -> Self {
        logs::keep();
        let driver = Postgres::from_options(url.parse().unwrap()).schema("jobs").await.unwrap();
        let queue = Queue::from_driver(Arc::new(driver));
        let book = Arc::<Book>::default();
        let container = Container::builder().instance(Arc::clone(&book)).build();
        let worker = Worker::builder(&queue, container).concurrency(8).lease(lease).start().await.unwrap();
        let rig = Self { queue, worker, book };
        rig.works().await;
        rig
    }

    /// One push. What is refused may be stored all the same.
    pub(crate) async fn push(&self, waits: bool) -> Result<u64, PushError> {
        push(&self.queue, &self.book, waits).await
    }

    /// The worker does what it is there for: it runs a job that is pushed now, and stores how it ended.
    pub(crate) async fn works(&self) {
        let number = self.push(false).await.unwrap();
        let id = self.book.entries()[&number].confirmed.unwrap();
        self.queue.wait(id, PATIENCE).await.unwrap();
    }

    /// Pushes jobs that wait for the gate, and waits until they run.
    pub(crate) async fn hold(&self, jobs: usize) {
        let mut held = Vec::new();
        for _ in 0..jobs {
            held.push(self.push(true).await.unwrap());
        }
        self.book.until("they run", |entries| held.iter().all(|number| entries[number].runs > 0)).await;
    }

    /// Several push at once from now on, one job after the other.
    pub(crate) fn pushers(&self) -> Pushers {
        let is_over = Arc::<AtomicBool>::default();
        let pusher = || {
            let (queue, book, is_over) = (self.queue.clone(), Arc::clone(&self.book), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    // Whoever is refused asks for something new: the ledger does not count on it.
                    let _ = push(&queue, &book, false).await;
                }
            })
        };
        let tasks = (0..4).map(|_| pusher()).collect();
        Pushers { is_over, tasks }
    }

    /// Waits until the health is so.
    pub(crate) async fn health(&self, what: &str, is_so: impl Fn(&Health) -> bool) {
        let reached = async {
            while !is_so(&self.worker.health()) {
                tokio::time::sleep(AGAIN).await;
            }
        };
        let reached = tokio::time::timeout(2 * PATIENCE, reached).await;
        assert!(reached.is_ok(), "the health never was: {what}; it is {:?}", self.worker.health());
    }

    /// Waits until all that is stored has ended, stops the worker, and holds the store against the ledger.
    pub(crate) async fn close(self, cluster: &Cluster) {
        self.book.gate.open();
        let ended = async {
            loop {
                let live = [JobState::Available, JobState::Running, JobState::Scheduled, JobState::Retryable];
                if let Ok(counts) = self.queue.counts().await
                    && live.iter().all(|state| counts.total(*state) == 0)
                {
                    return;
                }
                tokio::time::sleep(AGAIN).await;
            }
        };
        assert!(tokio::time::timeout(3 * PATIENCE, ended).await.is_ok(), "not all ended: {:?}", self.queue.counts().await);
        self.health("healthy", Health::is_healthy).await;
        let report = self.worker.shutdown(PATIENCE).await;
        assert_eq!((report.released, report.abandoned), (0, 0));
        self.queue.shutdown().await.unwrap();
        check(&self.book, &mut cluster.connect().await).await;
    }
}

async fn push(queue: &Queue, book: &Book, waits: bool) -> Result<u64, PushError> {
    let number = book.offer();
    let pushed = queue.dispatch(Note::with(number, waits)).await?;
    book.confirm(number, pushed.id);
    Ok(number)
}

/// What is stored of a job that has ended.
struct Ended {
    id: String,
    state: String,
    rescues: u32,
}

/// The ledger, against what is stored.
async fn check(book: &Book, connection: &mut PgConnection) {
    let live: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs.queue_jobs").fetch_one(&mut *connection).await.unwrap();
    assert_eq!(live, 0, "nothing is left behind");
    let rows = sqlx::query("SELECT id::text, state, rescues::bigint, payload::text FROM jobs.queue_ended");
    let mut stored: BTreeMap<u64, Ended> = BTreeMap::new();
    for row in rows.fetch_all(&mut *connection).await.unwrap() {
        let payload: serde_json::Value = serde_json::from_str(row.get(3)).unwrap();
        let number = payload["number"].as_u64().unwrap();
        let rescues = u32::try_from(row.get::<i64, _>(2)).unwrap();
        let before = stored.insert(number, Ended { id: row.get(0), state: row.get(1), rescues });
        assert!(before.is_none(), "the push {number} is stored twice");
    }
    let counted: i64 = sqlx::query_scalar("SELECT coalesce(sum(completed), 0)::bigint FROM jobs.queue_counts")
        .fetch_one(connection)
        .await
        .unwrap();
    assert_eq!(counted, i64::try_from(stored.len()).unwrap(), "each completion is counted once");
    let entries = book.entries();
    for (number, row) in &stored {
        let entry = entries.get(number).unwrap_or_else(|| panic!("{number} is stored, and nobody pushed it"));
        assert_eq!(row.state, "completed", "{number}");
        let most = 1 + row.rescues;
        assert!((1..=most).contains(&entry.runs), "{number} ran {} times, and was taken back {} times", entry.runs, row.rescues);
        let lost = logs::lines(&row.id).into_iter().filter(|line| line.contains("was lost")).collect::<Vec<_>>();
        assert!(lost.is_empty() || row.rescues > 0, "it was stored, and is said to be lost: {lost:?}");
    }
    for (number, entry) in &entries {
        match (entry.confirmed, stored.get(number)) {
            (Some(id), Some(row)) => assert_eq!(id.to_string().to_lowercase(), row.id.to_lowercase(), "{number}"),
            (Some(_), None) => panic!("the push {number} was confirmed, and is not stored"),
            (None, None) => assert_eq!(entry.runs, 0, "{number} ran and is not stored"),
            (None, Some(_)) => {}
        }
    }
}
