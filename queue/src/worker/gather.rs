//! Outcomes on their way to the store: first in the group of their loop, then handed on, then under way.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crate::drivers::{Renewal, Settlement};
use crate::sync::{AtomicBool, Mutex, MutexGuard};

/// How many outcomes a loop keeps before it hands them on.
const GROUP: usize = 32;

/// How many outcomes are worth an exchange by themselves: the engine is woken for them at once.
const BATCH: usize = 4 * GROUP;

/// The outcomes of one loop that were not handed on.
pub(super) type Group = Mutex<Vec<Settlement>>;

/// The outcomes that wait for the next exchange.
pub(super) struct Gather {
    state: Mutex<State>,
    /// Something waits that nobody was woken for.
    is_dirty: AtomicBool,
}

#[derive(Default)]
struct State {
    handed_on: Vec<Settlement>,
    /// How many outcomes exchanges have taken and not stored yet.
    under_way: usize,
    /// How many exchanges are under way; they may still bring jobs, which a stop gives back.
    exchanges: usize,
}

/// What follows from one more outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// So much is handed on that it is worth an exchange now.
    Batch,
    /// Something waits, and nothing did: somebody must look after it soon.
    First,
    /// Somebody looks after it already.
    More,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Only pushes and takes run under these locks, so a poisoned one is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gather {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State::default()), is_dirty: AtomicBool::new(false) }
    }

    /// An outcome of a loop.
    pub(super) fn add(&self, group: &Group, settlement: Settlement) -> Added {
        let mut group = lock(group);
        group.push(settlement);
        if group.len() >= GROUP {
            let mut state = lock(&self.state);
            state.handed_on.append(&mut group);
            if state.handed_on.len() >= BATCH {
                return Added::Batch;
            }
        }
        drop(group);
        // Mostly it is dirty, and a look costs the other threads nothing.
        if self.is_dirty.load(Ordering::Acquire) || self.is_dirty.swap(true, Ordering::AcqRel) {
            Added::More
        } else {
            Added::First
        }
    }

    /// Outcomes that no loop made: of jobs that were given back.
    pub(super) fn add_all(&self, settlements: impl IntoIterator<Item = Settlement>) {
        lock(&self.state).handed_on.extend(settlements);
    }

    /// Hands a loop's group on. Answers whether there was anything in it.
    pub(super) fn flush(&self, group: &Group) -> bool {
        let mut group = lock(group);
        if group.is_empty() {
            return false;
        }
        lock(&self.state).handed_on.append(&mut group);
        true
    }

    /// From now on an outcome is the first again. To be called before the groups are flushed and the exchange is woken.
    pub(super) fn look(&self) {
        self.is_dirty.store(false, Ordering::Release);
    }

    /// An exchange begins, with what was handed on: that is under way until [`stored`](Gather::stored) or [`put_back`](Gather::put_back).
    pub(super) fn begin(&self) -> Vec<Settlement> {
        let mut state = lock(&self.state);
        state.exchanges += 1;
        state.under_way += state.handed_on.len();
        std::mem::take(&mut state.handed_on)
    }

    /// So many outcomes that were under way are stored.
    pub(super) fn stored(&self, count: usize) {
        lock(&self.state).under_way -= count;
    }

    /// What was under way could not be stored: it goes before what came meanwhile.
    pub(super) fn put_back(&self, mut settlements: Vec<Settlement>) {
        let mut state = lock(&self.state);
        state.under_way -= settlements.len();
        settlements.append(&mut state.handed_on);
        state.handed_on = settlements;
    }

    /// An exchange has ended. To be called after the jobs that it brought were delivered, or given back.
    pub(super) fn end(&self) {
        lock(&self.state).exchanges -= 1;
    }

    /// Whether no outcome waits or is under way.
    pub(super) fn is_stored(&self) -> bool {
        let state = lock(&self.state);
        state.handed_on.is_empty() && state.under_way == 0
    }

    /// The same, and no exchange is under way that may bring jobs.
    pub(super) fn is_settled(&self) -> bool {
        let state = lock(&self.state);
        state.handed_on.is_empty() && state.under_way == 0 && state.exchanges == 0
    }

    /// The leases of what waits: they are renewed, so that a store that was away for long does not give the jobs to others.
    pub(super) fn renewals(&self, into: &mut Vec<Renewal>) {
        into.extend(lock(&self.state).handed_on.iter().map(|settlement| Renewal { lease: settlement.lease, progress: None }));
    }
}
