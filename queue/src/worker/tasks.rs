//! The tasks of a worker on the engine, and their end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

use crate::queue::Attachment;

use super::attempt::panic_text;
use super::shared::Shared;
use super::{boot, fetch, heartbeat, maintain, settle, timer};

/// How long to wait before a task is started again that panicked.
const AGAIN: Duration = Duration::from_secs(1);

/// What is aborted when a worker has ended: its tasks and its loops.
#[derive(Default)]
pub(super) struct Tasks(Mutex<Vec<AbortHandle>>);

impl Tasks {
    fn lock(&self) -> MutexGuard<'_, Vec<AbortHandle>> {
        // Only pushes and a drain run under this lock, so a poisoned one is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, task: AbortHandle) {
        self.lock().push(task);
    }

    /// Lets go of those that have ended.
    pub(super) fn forget_ended(&self) {
        self.lock().retain(|task| !task.is_finished());
    }

    fn abort(&self) {
        self.lock().drain(..).for_each(|task| task.abort());
    }
}

impl Shared {
    /// Starts the tasks on the engine.
    pub(super) fn start(self: &Arc<Self>) {
        self.start_task("heartbeat", heartbeat::run);
        self.start_task("maintain", maintain::run);
        self.start_task("timer", timer::run);
        self.start_task("settle", settle::run);
        self.start_task("fetch", fetch::run);
    }

    /// A task that ended by a panic would leave the worker half dead and looking healthy, so it is started again.
    fn start_task<F: Future<Output = ()> + Send + 'static>(self: &Arc<Self>, name: &'static str, run: fn(Arc<Self>) -> F) {
        let shared = Arc::clone(self);
        let task = self.queue.engine().spawn(async move {
            while let Err(panic) = AssertUnwindSafe(run(Arc::clone(&shared))).catch_unwind().await {
                log_panic(name, &panic_text(panic));
                tokio::time::sleep(AGAIN).await;
            }
        });
        self.tasks.add(task.abort_handle());
    }

    /// The last steps of a stop: tasks, loops, services, pushes, driver.
    pub(super) async fn end(self: &Arc<Self>, attachment: Option<Attachment>, runtime: Option<Runtime>) {
        self.tasks.abort();
        boot::stop_services(&self.runtime, self.container.clone()).await;
        if let Err(error) = self.queue.flush().await {
            tracing::error!(error = %error, "some pushes were not stored until the end of the worker");
        }
        if let Some(runtime) = runtime {
            // Abandoned blocking handlers must not hold this up.
            runtime.shutdown_background();
        }
        self.served.forget_slots();
        self.may_be_still();
        if let Some(attachment) = attachment {
            attachment.detach().await;
        }
    }
}

/// Logs a panic of a part of the worker. Whoever listens may be what panicked.
pub(super) fn log_panic(part: &str, text: &str) {
    let log = || tracing::error!(part, panic = text, "a part of the worker panicked, and is started again");
    if let Err(panic) = catch_unwind(AssertUnwindSafe(log)) {
        panic_text(panic);
    }
}
