//! The one timer of a worker: it rings the slots whose alarm is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

use super::shared::Shared;

/// The earliest of several times, and a way to wait for an earlier one.
#[derive(Debug)]
pub(super) struct Earliest {
    /// Microseconds of the clock; `u64::MAX` while there is none.
    next: AtomicU64,
    changed: Notify,
}

impl Earliest {
    pub(super) fn new() -> Self {
        Self { next: AtomicU64::new(u64::MAX), changed: Notify::new() }
    }

    /// One more time.
    pub(super) fn add(&self, time: SystemTime) {
        let time = micros(time);
        if self.next.fetch_min(time, Ordering::AcqRel) > time {
            self.changed.notify_one();
        }
    }

    /// The earliest.
    pub(super) fn get(&self) -> Option<SystemTime> {
        let next = self.next.load(Ordering::Acquire);
        (next != u64::MAX).then(|| UNIX_EPOCH + Duration::from_micros(next))
    }

    /// Forgets all times.
    pub(super) fn clear(&self) {
        self.next.store(u64::MAX, Ordering::Release);
    }

    /// Resolves when an earlier time was added since the last call.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// Rings the slots whose alarm is due, until the task is dropped.
///
/// Only a run that waits sets an alarm, and a slot has at most one, so looking at all slots when one is due is cheaper than a wheel.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        let Some(next) = shared.alarms.get() else {
            shared.alarms.changed().await;
            continue;
        };
        tokio::select! {
            () = shared.clock.sleep_until(next) => {
                // Cleared before the look, so that an alarm that is set meanwhile is not lost.
                shared.alarms.clear();
                let now = shared.clock.now();
                for alarm in shared.slots().iter().filter_map(|slot| slot.ring(now)) {
                    shared.alarms.add(alarm);
                }
            }
            () = shared.alarms.changed() => {}
        }
    }
}

/// Rounded up, so that a sleep until then is not a moment short.
fn micros(time: SystemTime) -> u64 {
    let nanos = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    u64::try_from(nanos.div_ceil(1_000)).unwrap_or(u64::MAX - 1)
}
