//! Gathers outcomes into groups, for the next exchange with the store.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::drivers::{Renewal, Settlement};

use super::shared::Shared;
use super::slot::Slot;

/// How many outcomes a loop keeps before it hands them on.
const GROUP: usize = 32;
/// How long an outcome lies in a loop's group at the most.
const PATIENCE: Duration = Duration::from_millis(5);

/// The outcomes that wait for the next exchange.
#[derive(Debug, Default)]
pub(super) struct Gather {
    handed_on: Mutex<Vec<Settlement>>,
    /// Something lies in a loop's group.
    is_dirty: AtomicBool,
    dirty: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Only pushes and takes run under these locks, so a poisoned one is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gather {
    /// An outcome of a loop. Answers whether its group was handed on, so that the exchange has work.
    pub(super) fn add(&self, slot: &Slot, settlement: Settlement) -> bool {
        let mut group = lock(&slot.group);
        group.push(settlement);
        if group.len() >= GROUP {
            lock(&self.handed_on).append(&mut group);
            return true;
        }
        drop(group);
        if !self.is_dirty.swap(true, Ordering::AcqRel) {
            self.dirty.notify_one();
        }
        false
    }

    /// Outcomes that no loop made: of jobs that were given back.
    pub(super) fn add_all(&self, settlements: impl IntoIterator<Item = Settlement>) {
        lock(&self.handed_on).extend(settlements);
    }

    /// Hands a loop's group on. Answers whether there was anything in it.
    pub(super) fn flush(&self, slot: &Slot) -> bool {
        let mut group = lock(&slot.group);
        if group.is_empty() {
            return false;
        }
        lock(&self.handed_on).append(&mut group);
        true
    }

    /// Takes what was handed on.
    pub(super) fn take(&self) -> Vec<Settlement> {
        std::mem::take(&mut *lock(&self.handed_on))
    }

    /// Puts back what could not be stored, before what came meanwhile.
    pub(super) fn put_back(&self, mut settlements: Vec<Settlement>) {
        let mut handed_on = lock(&self.handed_on);
        settlements.append(&mut handed_on);
        *handed_on = settlements;
    }

    /// Whether nothing was handed on.
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.handed_on).is_empty()
    }

    /// The leases of what waits: they are renewed, so that a store that was away for long does not give the jobs to others.
    pub(super) fn renewals(&self, into: &mut Vec<Renewal>) {
        into.extend(lock(&self.handed_on).iter().map(|settlement| Renewal { lease: settlement.lease, progress: None }));
    }
}

/// Hands on what has lain in the groups for 5 ms, whatever the loops are doing, until the task is dropped.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        shared.gather.dirty.notified().await;
        // Real time: this is about throughput, not about a promise that a test moves a clock for.
        tokio::time::sleep(PATIENCE).await;
        // Cleared before the look, so that an outcome that comes meanwhile calls again.
        shared.gather.is_dirty.store(false, Ordering::Release);
        let mut any = false;
        for slot in shared.slots().iter() {
            any |= shared.gather.flush(slot);
        }
        if any {
            shared.wake_exchange();
        }
    }
}
