//! A service that test jobs tell what they do, and that lets a test wait for it.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// How long a test waits for something that should happen at once; passing it is a failure, never a pass.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A gate and a record, injected into test jobs.
#[derive(Debug, Default)]
pub struct Probe {
    seen: Mutex<Vec<String>>,
    changed: Notify,
    open: Mutex<bool>,
    opened: Condvar,
    opened_async: Notify,
}

impl Probe {
    /// Records what happened.
    pub fn saw(&self, what: impl Into<String>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(what.into());
        self.changed.notify_waiters();
    }

    /// What happened so far, in order.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often this happened.
    #[must_use]
    pub fn count(&self, what: &str) -> usize {
        self.seen().iter().filter(|seen| *seen == what).count()
    }

    /// Waits until this has happened so many times.
    ///
    /// # Panics
    ///
    /// When it does not happen.
    pub async fn wait_for(&self, what: &str, times: usize) {
        let happened = async {
            loop {
                let changed = self.changed.notified();
                if self.count(what) >= times {
                    return;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, happened).await;
        assert!(waited.is_ok(), "`{what}` did not happen {times} times; seen: {:?}", self.seen());
    }

    /// Lets everything through that waits at the gate, and all that comes.
    pub fn open(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
        self.opened_async.notify_waiters();
    }

    /// Waits at the gate, in async code.
    pub async fn pass(&self) {
        loop {
            let opened = self.opened_async.notified();
            if *self.open.lock().unwrap_or_else(PoisonError::into_inner) {
                return;
            }
            opened.await;
        }
    }

    /// Waits at the gate, blocking the thread.
    pub fn pass_blocking(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(open, |open| !*open).unwrap_or_else(PoisonError::into_inner));
    }
}
