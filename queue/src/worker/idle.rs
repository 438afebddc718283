//! How a stop learns that runs have ended.

use std::future::poll_fn;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};

use crate::sync::{AtomicBool, Mutex, MutexGuard};

/// Where a stop waits for runs to end. One waits at a time.
pub(super) struct Idle {
    /// Somebody has begun to wait: before that, the end of a run costs one load here.
    is_awaited: AtomicBool,
    waiting: Mutex<Option<Waker>>,
}

impl Idle {
    pub(super) fn new() -> Self {
        Self { is_awaited: AtomicBool::new(false), waiting: Mutex::new(None) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        // Only a store and a take run under this lock, so a poisoned one is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when this is true, which is looked at now and after each end of a run. It must ask under the lock of a lane which
    /// jobs run: through that lock a run that was seen learns, when it ends, that it is awaited.
    pub(super) async fn until(&self, is_true: impl Fn() -> bool) {
        poll_fn(|context| {
            // Before the look, so that a run that ends in between is not missed.
            *self.lock() = Some(context.waker().clone());
            self.is_awaited.store(true, Ordering::Release);
            if is_true() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// A run has ended. To be called after its lane was told.
    pub(super) fn run_ended(&self) {
        if !self.is_awaited.load(Ordering::Acquire) {
            return;
        }
        let waiting = self.lock().take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}
