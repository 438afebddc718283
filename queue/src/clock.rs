//! The time that the pipeline and the drivers go by.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

/// A clock that runs with the machine's, steadily, and that a test can move forward.
///
/// Steadily: it starts at the wall clock's time and then follows the monotonic clock, so that a step of the wall clock
/// neither expires a lease nor fires a timer. A driver with a clock of its own (a database) adds [`offset`](Clock::offset) to it.
///
/// ```
/// use std::time::Duration;
/// use queue::Clock;
///
/// let clock = Clock::manual();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(3600));
/// assert!(clock.now() >= before + Duration::from_secs(3600));
/// ```
#[derive(Debug, Clone)]
pub struct Clock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    started: Instant,
    epoch: SystemTime,
    moved: AtomicU64,
    changed: Notify,
    manual: bool,
}

impl Clock {
    /// The clock of real programs: it cannot be moved.
    #[must_use]
    pub fn system() -> Self {
        Self::new(false)
    }

    /// A clock for tests: it runs too, and [`advance`](Clock::advance) moves it on.
    #[must_use]
    pub fn manual() -> Self {
        Self::new(true)
    }

    fn new(manual: bool) -> Self {
        Self {
            inner: Arc::new(Inner {
                started: Instant::now(),
                epoch: SystemTime::now(),
                moved: AtomicU64::new(0),
                changed: Notify::new(),
                manual,
            }),
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.inner.epoch + self.inner.started.elapsed() + self.offset()
    }

    /// The time this long after now. A century is as good as never, where the sum would be past the last time that there is.
    pub(crate) fn after(&self, delay: Duration) -> SystemTime {
        later(self.now(), delay)
    }

    /// How far tests have moved this clock; zero outside tests. Whole microseconds.
    #[must_use]
    pub fn offset(&self) -> Duration {
        Duration::from_micros(self.inner.moved.load(Ordering::Acquire))
    }

    /// Moves a manual clock forward and wakes everything that sleeps on it.
    ///
    /// # Panics
    ///
    /// On the system clock: time that others go by is not moved.
    pub fn advance(&self, by: Duration) {
        assert!(self.inner.manual, "only a clock made by `Clock::manual` can be moved");
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        self.inner.moved.fetch_add(micros, Ordering::AcqRel);
        self.inner.changed.notify_waiters();
    }

    /// Sleeps for a time of this clock. Needs a tokio runtime with time.
    ///
    /// Cancel safe: nothing happens when it is dropped.
    pub async fn sleep(&self, time: Duration) {
        self.sleep_until(self.after(time)).await;
    }

    /// Sleeps until this clock shows `deadline`. Needs a tokio runtime with time.
    ///
    /// Cancel safe: nothing happens when it is dropped.
    pub async fn sleep_until(&self, deadline: SystemTime) {
        loop {
            // Made before the look at the time, so that a move in between is not missed.
            let changed = self.inner.changed.notified();
            let Ok(left) = deadline.duration_since(self.now()) else { return };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                () = changed => {}
            }
        }
    }
}

/// The time this long after another, at most a century.
pub(crate) fn later(time: SystemTime, delay: Duration) -> SystemTime {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    time + delay.min(CENTURY)
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}
