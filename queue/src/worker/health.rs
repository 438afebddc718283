//! Whether a worker does its work.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whether a worker fetches, renews and settles.
///
/// ```
/// # use queue::worker::Health;
/// fn probe(health: &Health) -> u16 {
///     if health.is_healthy() { 200 } else { 503 }
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Health {
    /// For how long fetching has failed.
    pub fetch_failing: Option<Duration>,
    /// For how long renewing leases has failed.
    pub renew_failing: Option<Duration>,
    /// For how long storing outcomes has failed.
    pub settle_failing: Option<Duration>,
    /// Whether the runtime of the handlers has ended, which was given with `.on(handle)`: nothing runs any more.
    pub has_lost_handlers: bool,
    /// Whether the worker was told to stop.
    pub is_stopping: bool,
}

impl Health {
    /// Of a worker that is no more: nothing fails.
    pub(super) fn ended() -> Self {
        Self { fetch_failing: None, renew_failing: None, settle_failing: None, has_lost_handlers: false, is_stopping: true }
    }

    /// Nothing fails.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        let nothing_fails = self.fetch_failing.is_none() && self.renew_failing.is_none() && self.settle_failing.is_none();
        nothing_fails && !self.has_lost_handlers
    }
}

/// Since when something fails; it tells the first failure and the recovery from all others, so that the log gets one line each.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    failing_since: Mutex<Option<Instant>>,
}

impl Pulse {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.failing_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It failed; logs when it did not fail before.
    pub(super) fn failed(&self, doing: &'static str, error: &crate::error::Error) {
        let mut since = self.lock();
        if since.is_none() {
            *since = Some(Instant::now());
            drop(since);
            tracing::error!(error = %crate::error::chain(error), "{doing} fails; it is tried again until it works");
        }
    }

    /// It worked; logs when it had failed before.
    pub(super) fn worked(&self, doing: &'static str) {
        let mut since = self.lock();
        if let Some(since) = since.take() {
            tracing::info!(after = ?since.elapsed(), "{doing} works again");
        }
    }

    /// For how long it has failed.
    pub(super) fn failing(&self) -> Option<Duration> {
        self.lock().map(|since| since.elapsed())
    }
}
