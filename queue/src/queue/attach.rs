//! The workers of this process, as their queue knows them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::drivers::BoxFuture;
use crate::job::JobId;

use super::Queue;

/// What a started worker of this process is told, on the thread of whoever tells it.
pub(crate) trait Attached: Send + Sync {
    /// A cancel was requested for a job that is running.
    fn cancelled(&self, id: JobId);
    /// Nothing of this queue may start after this returns.
    fn paused(&self, queue: &str);
    /// It may again.
    fn resumed(self: Arc<Self>, queue: &str);
}

/// Started workers, and the numbers under which they leave.
type List = Arc<Vec<(u64, Arc<dyn Attached>)>>;

/// The workers of this process.
#[derive(Default)]
pub(super) struct Workers {
    /// Read at each push and seldom changed, so it is replaced as a whole.
    attached: Mutex<List>,
    next: AtomicU64,
    left: Notify,
}

impl Workers {
    fn lock(&self) -> MutexGuard<'_, List> {
        // Nothing that can panic runs under this lock, so a poisoned one is whole.
        self.attached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Resolves when a worker leaves after this call.
    pub(super) fn left(&self) -> Notified<'_> {
        self.left.notified()
    }

    /// Tells every worker, outside of the lock.
    pub(super) fn tell(&self, what: impl Fn(&Arc<dyn Attached>)) {
        let attached = Arc::clone(&self.lock());
        attached.iter().for_each(|(_, worker)| what(worker));
    }

    fn attach(&self, worker: Arc<dyn Attached>) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        Arc::make_mut(&mut self.lock()).push((id, worker));
        id
    }

    fn detach(&self, id: u64) {
        let mut attached = self.lock();
        let left = attached.iter().filter(|(known, _)| *known != id).cloned().collect();
        let before = std::mem::replace(&mut *attached, Arc::new(left));
        // The worker may hold the last handle of its queue, so it is dropped outside of the lock.
        drop(attached);
        drop(before);
        self.left.notify_waiters();
    }
}

impl Queue {
    /// A worker starts.
    pub(crate) fn attach(&self, worker: Arc<dyn Attached>) -> Attachment {
        let id = self.inner.workers.attach(worker);
        Attachment { queue: self.clone(), id }
    }
}

/// From the start of a worker to its end.
pub(crate) struct Attachment {
    queue: Queue,
    id: u64,
}

impl Attachment {
    /// The worker has ended. The driver is closed when the queue was shut down and this was the last one.
    pub(crate) fn detach(self) -> BoxFuture<'static, ()> {
        let queue = self.queue.clone();
        drop(self);
        Box::pin(async move { queue.close_driver_if_last().await })
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.queue.inner.workers.detach(self.id);
    }
}
