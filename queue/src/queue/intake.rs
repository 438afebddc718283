//! What waits to be stored: bounded, in order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;

use crate::drivers::{Group, NewJob, PushError};

use super::observe::Observer;
use super::reply::Answer;

/// The most jobs that may wait.
pub(super) const MOST_JOBS: usize = 100_000;
/// The most bytes that may wait.
pub(super) const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What goes with a group on its way into the store.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) answer: Answer,
    pub(super) observer: Observer,
    pub(super) jobs: usize,
    bytes: usize,
    /// Tickets are numbered in the order in which they came, and stored in that order.
    number: u64,
    /// When it came, on the driver's clock.
    pub(super) accepted_at: SystemTime,
    /// Since when the store has been away for this one.
    pub(super) away_since: Option<SystemTime>,
}

/// What waits to be stored.
#[derive(Debug, Default)]
pub(super) struct Intake {
    state: Mutex<State>,
    /// Groups that wait or are under way: a look at it costs no lock.
    open: AtomicUsize,
    /// Whether nothing more is taken: a look at it costs no lock.
    is_sealed: AtomicBool,
    /// Pushes that callers' threads are storing right now.
    now: AtomicUsize,
    arrived: Notify,
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(Group, Ticket)>,
    jobs: usize,
    bytes: usize,
    /// The number of the next ticket.
    next: u64,
    /// All tickets with smaller numbers have their answer.
    answered: u64,
    is_closed: bool,
}

impl State {
    /// Whether so much more is too much.
    fn overloaded(&self, jobs: usize, bytes: usize) -> Option<PushError> {
        let is_over = self.jobs + jobs > MOST_JOBS || self.bytes + bytes > MOST_BYTES;
        let error = PushError::Overloaded { waiting: self.jobs, limit: MOST_JOBS, limit_bytes: MOST_BYTES };
        (is_over && self.jobs > 0).then_some(error)
    }
}

/// The room that answered tickets leave behind.
#[derive(Debug, Default)]
pub(super) struct Room {
    groups: usize,
    jobs: usize,
    bytes: usize,
}

impl Room {
    pub(super) fn add(&mut self, ticket: &Ticket) {
        self.groups += 1;
        self.jobs += ticket.jobs;
        self.bytes += ticket.bytes;
    }
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

    /// Whether nothing more is taken.
    pub(super) fn is_sealed(&self) -> bool {
        self.is_sealed.load(Ordering::SeqCst)
    }

    /// A caller's thread begins to store by itself; `None` when nothing more is taken.
    pub(super) fn begin_now(&self) -> Option<StoringNow<'_>> {
        // Counted before the look at the seal, as `quiet` looks at the count after the seal: one of the two sees the other.
        self.now.fetch_add(1, Ordering::SeqCst);
        let storing = StoringNow(self);
        (!self.is_sealed()).then_some(storing)
    }

    /// Waits for the callers' threads that began before the seal.
    pub(super) async fn quiet(&self) {
        loop {
            let left = self.left.notified();
            if self.now.load(Ordering::SeqCst) == 0 {
                return;
            }
            left.await;
        }
    }

    /// Takes a group in, within the bounds; one that is larger than they are is taken when nothing else waits.
    pub(super) fn accept(
        &self,
        group: Group,
        answer: Answer,
        observer: Observer,
        accepted_at: SystemTime,
    ) -> Result<(), PushError> {
        let (jobs, bytes) = (group.jobs.len(), group.jobs.iter().map(NewJob::size).sum::<usize>());
        let mut state = self.lock();
        // Under the lock: what is taken before the seal is waited for by the flush that follows it.
        let refused = if self.is_sealed() { Some(PushError::Closed) } else { state.overloaded(jobs, bytes) };
        if let Some(error) = refused {
            drop(state);
            observer.failed(&error);
            return Err(error);
        }
        state.jobs += jobs;
        state.bytes += bytes;
        let number = state.next;
        state.next += 1;
        self.open.fetch_add(1, Ordering::AcqRel);
        state.waiting.push_back((group, Ticket { answer, observer, jobs, bytes, number, accepted_at, away_since: None }));
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

    /// How many groups wait to be taken out.
    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Groups that were taken out are stored, or refused. Those that the engine `kept`, to try them again, still wait.
    pub(super) fn left(&self, room: &Room, kept: &[Ticket]) {
        let mut state = self.lock();
        state.jobs -= room.jobs;
        state.bytes -= room.bytes;
        self.open.fetch_sub(room.groups, Ordering::AcqRel);
        let oldest = kept.first().or(state.waiting.front().map(|(_, ticket)| ticket));
        state.answered = oldest.map_or(state.next, |ticket| ticket.number);
        drop(state);
        self.left.notify_waiters();
    }

    /// Resolves when something may have arrived, or the intake was closed.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// From now on a push is [`PushError::Closed`].
    pub(super) fn seal(&self) {
        let _state = self.lock();
        self.is_sealed.store(true, Ordering::SeqCst);
    }

    /// Nobody is left who could push: the engine ends when everything is stored.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_one();
    }

    /// Whether the engine can end.
    pub(super) fn is_done(&self) -> bool {
        let state = self.lock();
        state.is_closed && state.waiting.is_empty()
    }

    /// The engine has ended: what still waits is answered with [`PushError::Closed`], and nothing more is taken.
    pub(super) fn abandon(&self) {
        self.seal();
        let waiting = std::mem::take(&mut self.lock().waiting);
        for (_, ticket) in &waiting {
            ticket.observer.failed(&PushError::Closed);
        }
        // Outside of the lock: it wakes whoever awaits them.
        drop(waiting);
    }

    /// The number of the next ticket: what was accepted so far has smaller ones.
    pub(super) fn next(&self) -> u64 {
        self.lock().next
    }

    /// Waits until every ticket with a smaller number than `goal` is stored, or was refused by the store.
    pub(super) async fn flushed(&self, goal: u64) {
        loop {
            // Made before the look, so that what ends in between is not missed.
            let left = self.left.notified();
            if self.lock().answered >= goal {
                return;
            }
            left.await;
        }
    }
}

/// A push that a caller's thread is storing.
pub(super) struct StoringNow<'a>(&'a Intake);

impl Drop for StoringNow<'_> {
    fn drop(&mut self) {
        if self.0.now.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.is_sealed() {
            self.0.left.notify_waiters();
        }
    }
}
