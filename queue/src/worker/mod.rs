//! The part of a process that fetches jobs and runs them.
//!
//! The listing of this folder is the pipeline: `boot` checks (by `check` what needs no store) and gives a `report`, `fetch` makes an
//! `exchange` of outcomes for new jobs with the store when something happens, a `lane` buffers the jobs of a queue, the loops of
//! `execute` run them in a `slot` each, an `attempt` decides what comes of a run, `settle` gathers that for the next exchange. Beside it
//! `heartbeat` renews, `maintain` promotes and rescues, `timer` ends what takes too long, `shutdown` stops.
//!
//! `fetch`, `settle`, `heartbeat`, `maintain` and `timer` are tasks on the engine thread of the queue, where no handler can hold them up.
//! With a store that never makes one wait, the loops make exchanges too, in `turn`, so that a fast drain does not wait for the engine.

mod announce;
mod attempt;
mod boot;
mod builder;
mod check;
mod exchange;
mod execute;
mod fetch;
mod gather;
mod handle;
mod health;
mod heartbeat;
mod hooks;
mod idle;
mod kinds;
mod lane;
#[cfg(test)]
mod lane_tests;
mod limit;
mod look;
mod maintain;
mod news;
mod ready;
mod report;
mod serve;
mod settings;
mod settle;
mod shared;
mod shutdown;
mod signals;
mod slot;
mod still;
mod tasks;
mod timer;
mod transaction;
mod turn;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::container::Container;
use crate::error::{Error, ErrorKind};
use crate::queue::{Attachment, Queue};

pub use builder::{JobSet, WorkerBuilder};
pub use handle::{RunningJob, WorkerHandle};
pub use health::Health;
pub use report::{BootJob, BootQueue, BootReport, BootWarning, StartError};
pub use shutdown::StopReport;

use shared::Shared;

/// A started worker.
///
/// ```
/// use queue::prelude::*;
///
/// #[derive(Queueable)]
/// struct Nothing;
/// impl Job for Nothing {
///     async fn handle(&self) -> JobResult {
///         Ok(())
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let queue = Queue::connect("memory:").await?;
/// let worker = Worker::builder(&queue, Container::builder().build()).start().await?;
/// let pushed = queue.dispatch(Nothing::with()).await?;
/// queue.wait(pushed.id, std::time::Duration::from_secs(10)).await?;
/// worker.shutdown(std::time::Duration::from_secs(1)).await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Dropping a worker without [`run`](Worker::run) or [`shutdown`](Worker::shutdown) ends it at once and logs what it left.
#[must_use = "a worker ends when it is dropped: call `.run().await` or `.shutdown(grace).await`"]
pub struct Worker {
    shared: Arc<Shared>,
    attachment: Option<Attachment>,
    /// The runtime of the handlers, when it is the worker's own.
    runtime: Option<Runtime>,
}

impl Worker {
    /// Starts to describe a worker of a queue, whose jobs take their services from this container.
    pub fn builder(queue: &Queue, container: Container) -> WorkerBuilder {
        WorkerBuilder::new(queue.clone(), container)
    }

    /// Runs until SIGINT or SIGTERM, then stops: no more fetches, up to the [grace](WorkerBuilder::grace) for what runs, outcomes and
    /// pushes stored. A second signal gives back at once what runs, a third aborts the process.
    ///
    /// The signals of a process that was once listened to do not end it by themselves any more (that is how tokio treats them): when this
    /// has returned, or was dropped, whoever goes on listens with `tokio::signal` again, or ends.
    ///
    /// # Errors
    ///
    /// When the signals cannot be listened to.
    pub async fn run(self) -> Result<StopReport, Error> {
        let (queue, grace) = (self.shared.queue.clone(), self.shared.settings.grace);
        let mut signals = signals::listen(&self.shared)?;
        signals.first().await;
        tracing::info!(?grace, "stopping: running jobs get their grace; a second signal gives them back at once");
        let hurry = signals.hurry();
        let report = self.shutdown(grace).await;
        drop(hurry);
        queue.log_what_dies().await;
        Ok(report)
    }

    /// Stops fetching, lets what runs end within `grace`, gives back the rest, stores outcomes and pushes.
    ///
    /// Not cancel safe: when the future is dropped, the stop goes on by itself, and its report is lost.
    pub async fn shutdown(mut self, grace: Duration) -> StopReport {
        let (shared, attachment, runtime) = (Arc::clone(&self.shared), self.attachment.take(), self.runtime.take());
        let (send, receive) = oneshot::channel();
        // On the engine: a stop must not depend on the runtime of whoever asks for it.
        self.shared.queue.engine().spawn(async move {
            let report = shutdown::stop_whatever_comes(&shared, grace).await;
            shared.end(attachment, runtime).await;
            // Whoever asked may have gone away.
            drop(send.send(report.clone()));
        });
        receive.await.unwrap_or(StopReport { completed: 0, released: 0, abandoned: 0 })
    }

    /// A handle to look at it and to tell it what to do, while [`run`](Self::run) or [`shutdown`](Self::shutdown) has the worker itself.
    #[must_use]
    pub fn handle(&self) -> WorkerHandle {
        WorkerHandle::of(&self.shared)
    }

    /// Whether it fetches, renews and settles.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// The random name that it has in the store.
    #[must_use]
    pub fn id(&self) -> crate::drivers::WorkerId {
        self.shared.id
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Some(attachment) = self.attachment.take() else { return };
        let (shared, runtime) = (Arc::clone(&self.shared), self.runtime.take());
        let running = shared.slots().iter().filter(|slot| slot.is_busy()).count();
        tracing::warn!(running, "a worker was dropped without `run` or `shutdown`: what it runs is given back");
        self.shared.queue.engine().spawn(async move {
            shared.hurry.notify_one();
            let report = shutdown::stop_whatever_comes(&shared, Duration::ZERO).await;
            tracing::warn!(report.released, report.abandoned, "the dropped worker has ended");
            shared.end(Some(attachment), runtime).await;
        });
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("id", &self.shared.id).field("name", &self.shared.settings.name).finish_non_exhaustive()
    }
}

/// A task that the engine refused.
fn engine_gone() -> Error {
    Error::new(ErrorKind::Closed, "the engine of the queue has ended")
}
