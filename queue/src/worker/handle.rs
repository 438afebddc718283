//! A handle of a started worker: to look at it, and to tell it what to do.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

use crate::drivers::WorkerId;
use crate::job::JobId;

use super::health::Health;
use super::shared::Shared;

/// A handle of a started worker, while [`Worker::run`](crate::Worker::run) or [`Worker::shutdown`](crate::Worker::shutdown) has the
/// worker itself: it looks at the worker, tells it what to do, and waits for what happens to it.
///
/// A handle is cheap to clone, and keeps nothing alive. When the worker has ended nothing runs any more, it is idle, and telling it
/// something does nothing.
///
/// ```
/// use std::time::Duration;
/// use queue::prelude::*;
///
/// #[derive(Queueable)]
/// struct Drip;
/// impl Job for Drip {
///     async fn handle(&self) -> JobResult {
///         Ok(())
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let queue = Queue::connect("memory:").await?;
/// queue.dispatch_all((0..100).map(|_| Drip::with())).await?;
/// let worker = Worker::builder(&queue, Container::builder().build()).start().await?;
/// let handle = worker.handle();
/// handle.idle().await;                                    // the queues are empty, and everything is stored
/// assert!(handle.running().is_empty() && handle.health().is_healthy());
/// worker.shutdown(Duration::from_secs(1)).await;
/// assert!(handle.is_idle());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct WorkerHandle {
    /// Weak: a service may hold a handle, and the worker holds the services.
    shared: Weak<Shared>,
    id: WorkerId,
    restart: CancellationToken,
    has_limit: bool,
}

/// A job that a worker runs.
///
/// ```
/// use queue::worker::RunningJob;
///
/// fn line(job: &RunningJob) -> String {
///     format!("{} {} attempt {} of {}", job.kind, job.id, job.attempt, job.max_attempts)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningJob {
    /// Its id.
    pub id: JobId,
    /// The name under which it was pushed: the kind of its type, or an alias.
    pub kind: String,
    /// Its lane.
    pub queue: String,
    /// The attempt that runs, from 1.
    pub attempt: u32,
    /// How many it may have.
    pub max_attempts: u32,
    /// When the run began, on the clock of the worker.
    pub started_at: SystemTime,
}

impl WorkerHandle {
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        let has_limit = shared.settings.limit.is_some();
        Self { shared: Arc::downgrade(shared), id: shared.id, restart: shared.restart.clone(), has_limit }
    }

    /// The random name that the worker has in the store.
    #[must_use]
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// Tells the worker to fetch no more, for good. What runs goes on; what was fetched and has not started is given back.
    ///
    /// It is the first half of a stop: [`idle`](Self::idle) resolves when the rest has ended.
    pub fn quiet(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.quiet();
        }
    }

    /// Cuts the grace of a stop short, as a second signal does: what runs is given back now. Before the stop it counts for the stop that
    /// comes.
    pub fn hurry(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.hurry.notify_one();
        }
    }

    /// What runs now, the longest first.
    #[must_use]
    pub fn running(&self) -> Vec<RunningJob> {
        let Some(shared) = self.shared.upgrade() else { return Vec::new() };
        let mut running: Vec<_> = shared.slots().iter().filter_map(|slot| slot.running(&shared.kinds)).collect();
        running.sort_by_key(|job| (job.started_at, job.id));
        running
    }

    /// Whether the worker fetches, renews and settles. One that has ended is stopping, and nothing of it fails.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.upgrade().map_or_else(Health::ended, |shared| shared.health())
    }

    /// Resolves when the store has told the worker to restart, also when that was before this call. Otherwise it waits, even when the worker
    /// has ended. [`Worker::run`](crate::Worker::run) heeds it by itself.
    ///
    /// Cancel safe.
    pub async fn told_to_restart(&self) {
        self.restart.cancelled().await;
    }

    /// Whether there is nothing to do: nothing runs, nothing is buffered, no outcome waits to be stored, and the last fetch of each queue
    /// found nothing.
    ///
    /// A queue that is paused counts as empty, and so do all of a worker that fetches no more. Jobs that are not due yet, retries among them, do
    /// not count; what was due at the start does. While the store is away a worker is not idle.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.shared.upgrade().is_none_or(|shared| shared.is_still())
    }

    /// Resolves when there is [nothing to do](Self::is_idle), or the worker has ended. When that seems to be so the store is asked once more, so
    /// that what a job has pushed runs first, awaited or not and in whatever queue. A push of another process just then may be missed.
    ///
    /// Cancel safe.
    pub async fn idle(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.still().await;
        }
    }

    /// Resolves when the last run that the [limit](crate::worker::WorkerBuilder::limit) allows has ended, or the worker has; never where there is no
    /// limit. A stop then stores the outcomes.
    ///
    /// Cancel safe.
    ///
    /// ```
    /// use std::time::Duration;
    /// use queue::prelude::*;
    ///
    /// #[derive(Queueable)]
    /// struct Step;
    /// impl Job for Step {
    ///     async fn handle(&self) -> JobResult {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let queue = Queue::connect("memory:").await?;
    /// queue.dispatch_all((0..3).map(|_| Step::with())).await?;
    /// let worker = Worker::builder(&queue, Container::builder().build()).limit(1).start().await?;
    /// worker.handle().limit_reached().await;
    /// worker.shutdown(Duration::from_secs(1)).await;
    /// assert_eq!(queue.counts().await?.total(queue::JobState::Available), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn limit_reached(&self) {
        match self.shared.upgrade() {
            Some(shared) => shared.limit_reached().await,
            None if self.has_limit => {}
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for WorkerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_alive = self.shared.strong_count() > 0;
        f.debug_struct("WorkerHandle").field("id", &self.id).field("is_alive", &is_alive).finish_non_exhaustive()
    }
}
