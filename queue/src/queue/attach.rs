//! The workers of this process, as their queue knows them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

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
    fn resumed(&self, queue: &str);
}

/// The workers of this process, and those who wait for jobs that they run.
#[derive(Default)]
pub(super) struct Workers {
    attached: Mutex<Vec<(u64, Arc<dyn Attached>)>>,
    next: AtomicU64,
    waiters: Mutex<HashMap<JobId, Vec<oneshot::Sender<()>>>>,
    /// How many jobs are waited for: a look at it costs no lock.
    waited_for: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks, so a poisoned one is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Workers {
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.attached).is_empty()
    }

    /// Tells every worker, outside of the lock.
    pub(super) fn tell(&self, what: impl Fn(&dyn Attached)) {
        let attached: Vec<_> = lock(&self.attached).iter().map(|(_, worker)| Arc::clone(worker)).collect();
        for worker in attached {
            what(&*worker);
        }
    }

    fn attach(&self, worker: Arc<dyn Attached>) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        lock(&self.attached).push((id, worker));
        id
    }

    fn detach(&self, id: u64) {
        let mut attached = lock(&self.attached);
        let at = attached.iter().position(|(known, _)| *known == id);
        let worker = at.map(|at| attached.remove(at));
        // The worker may hold the last handle of its queue, so it is dropped outside of the lock.
        drop(attached);
        drop(worker);
    }

    /// Resolves when a worker of this process ends the job.
    pub(super) fn waits_for(&self, id: JobId) -> oneshot::Receiver<()> {
        let (send, receive) = oneshot::channel();
        let mut waiters = lock(&self.waiters);
        let list = waiters.entry(id).or_default();
        // Those who gave up meanwhile.
        list.retain(|waiter| !waiter.is_closed());
        list.push(send);
        self.waited_for.store(waiters.len(), Ordering::Release);
        receive
    }

    /// Whoever waited for the job has gone away.
    pub(super) fn gave_up(&self, id: JobId) {
        let mut waiters = lock(&self.waiters);
        if let Some(list) = waiters.get_mut(&id) {
            list.retain(|waiter| !waiter.is_closed());
            if list.is_empty() {
                waiters.remove(&id);
            }
        }
        self.waited_for.store(waiters.len(), Ordering::Release);
    }

    fn ended(&self, id: JobId) {
        let mut waiters = lock(&self.waiters);
        let list = waiters.remove(&id);
        self.waited_for.store(waiters.len(), Ordering::Release);
        drop(waiters);
        for waiter in list.into_iter().flatten() {
            // Whoever waited may have gone away.
            let _ = waiter.send(());
        }
    }
}

impl Queue {
    /// A worker starts.
    pub(crate) fn attach(&self, worker: Arc<dyn Attached>) -> Attachment {
        let id = self.inner.workers.attach(worker);
        Attachment { queue: self.clone(), id }
    }

    /// Whether somebody waits for the end of a job.
    pub(crate) fn has_waiters(&self) -> bool {
        self.inner.workers.waited_for.load(Ordering::Acquire) > 0
    }

    /// A job has become terminal.
    pub(crate) fn terminal(&self, id: JobId) {
        if self.has_waiters() {
            self.inner.workers.ended(id);
        }
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
