//! What waits to be stored: bounded, in order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::drivers::{Group, PushError};

use super::reply::Reply;

/// The most jobs that may wait.
pub(super) const MOST_JOBS: usize = 100_000;
/// The most bytes that may wait.
pub(super) const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A group on its way into the store.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) reply: Arc<Reply>,
    pub(super) jobs: usize,
    bytes: usize,
}

/// What waits to be stored.
#[derive(Debug, Default)]
pub(super) struct Intake {
    state: Mutex<State>,
    /// Groups that wait or are under way: a look at it costs no lock.
    open: AtomicUsize,
    arrived: Notify,
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(Group, Ticket)>,
    jobs: usize,
    bytes: usize,
    accepted: u64,
    finished: u64,
    is_closed: bool,
}

impl Intake {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock, so a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing waits and nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    /// Takes a group in, within the bounds; one that is larger than they are is taken when nothing else waits.
    pub(super) fn accept(&self, group: Group, reply: Arc<Reply>) -> Result<(), PushError> {
        let (jobs, bytes) = (group.jobs.len(), group.jobs.iter().map(crate::drivers::NewJob::size).sum::<usize>());
        let mut state = self.lock();
        let is_over = state.jobs + jobs > MOST_JOBS || state.bytes + bytes > MOST_BYTES;
        if is_over && state.jobs > 0 {
            return Err(PushError::Overloaded { waiting: state.jobs, limit: MOST_JOBS, limit_bytes: MOST_BYTES });
        }
        state.jobs += jobs;
        state.bytes += bytes;
        state.accepted += 1;
        self.open.fetch_add(1, Ordering::AcqRel);
        state.waiting.push_back((group, Ticket { reply, jobs, bytes }));
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Takes groups out, in order, until they have about so many jobs together.
    pub(super) fn take(&self, most: usize, groups: &mut Vec<Group>, tickets: &mut Vec<Ticket>) {
        let mut state = self.lock();
        let mut jobs: usize = tickets.iter().map(|ticket| ticket.jobs).sum();
        while jobs < most
            && let Some((group, ticket)) = state.waiting.pop_front()
        {
            jobs += ticket.jobs;
            groups.push(group);
            tickets.push(ticket);
        }
    }

    /// A group was stored, or was not: it no longer waits.
    pub(super) fn finish(&self, ticket: &Ticket) {
        let mut state = self.lock();
        state.jobs -= ticket.jobs;
        state.bytes -= ticket.bytes;
        state.finished += 1;
        self.open.fetch_sub(1, Ordering::AcqRel);
        drop(state);
        self.left.notify_waiters();
    }

    /// Resolves when something may have arrived, or the intake was closed.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_one();
    }

    /// Whether nothing more will come and nothing waits.
    pub(super) fn is_done(&self) -> bool {
        let state = self.lock();
        state.is_closed && state.waiting.is_empty()
    }

    /// Waits until everything that was accepted before is stored, or was refused by the store.
    pub(super) async fn flushed(&self) {
        let goal = self.lock().accepted;
        loop {
            // Made before the look, so that what ends in between is not missed.
            let left = self.left.notified();
            if self.lock().finished >= goal {
                return;
            }
            left.await;
        }
    }
}
