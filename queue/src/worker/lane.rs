//! The buffer of one queue: jobs that were fetched and have not started, and the loops that wait for them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::drivers::{Delivery, Lease, QueueRequest};
use crate::job::JobId;
use crate::sync::{AtomicBool, AtomicU64, Mutex, MutexGuard};

/// What a worker may hold beyond its running jobs: what it starts within this time.
const AHEAD_TIME: Duration = Duration::from_millis(50);
/// The most jobs that it holds beyond its running ones.
const AHEAD_JOBS: usize = 256;
/// The most payload bytes that it holds beyond its running jobs.
const AHEAD_BYTES: usize = 1024 * 1024;
/// The slots of a lane without a limit (`sync:`).
pub(super) const UNLIMITED: usize = 1 << 20;

/// One queue of a worker.
pub(super) struct Lane {
    /// The queue's name.
    pub(super) queue: Arc<str>,
    /// How many jobs run at once.
    pub(super) slots: usize,
    /// How many jobs may be held beyond them, at most.
    prefetch: usize,
    state: Mutex<State>,
    /// The average run time in nanoseconds; zero while it is not known.
    run_time: AtomicU64,
    /// The average payload in bytes.
    payload: AtomicU64,
    /// The last fetch left slots free, and nothing has happened since.
    dry: AtomicBool,
    /// The last fetch brought less than was asked for ahead; jobs that are not prefetched may still wait.
    ahead_dry: AtomicBool,
    /// Counts up when something happens, so that a fetch that was under way does not call the queue dry.
    happened: AtomicU64,
    asked_at: AtomicU64,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Delivery>,
    running: usize,
    idle: Vec<(usize, Waker)>,
    /// How often a job was taken: it tells a stuck buffer from a moving one.
    taken: u64,
    seen_taken: u64,
    is_paused: bool,
    is_closed: bool,
}

/// A job that a loop took from its lane.
pub(super) struct Taken {
    pub(super) delivery: Delivery,
    /// Whether the lane should be filled up.
    pub(super) is_low: bool,
}

impl Lane {
    pub(super) fn new(queue: Arc<str>, slots: usize, prefetch: Option<usize>) -> Self {
        Self {
            queue,
            slots,
            prefetch: prefetch.unwrap_or(AHEAD_JOBS),
            state: Mutex::new(State::default()),
            run_time: AtomicU64::new(0),
            payload: AtomicU64::new(0),
            dry: AtomicBool::new(false),
            ahead_dry: AtomicBool::new(false),
            happened: AtomicU64::new(0),
            asked_at: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock, so a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many jobs may be held beyond the free slots, by the measured run time.
    fn ahead(&self) -> usize {
        let run_time = self.run_time.load(Ordering::Relaxed);
        if run_time == 0 || self.slots >= UNLIMITED {
            return 0;
        }
        let within = AHEAD_TIME.as_nanos() as u64 * self.slots as u64 / run_time;
        let fits = AHEAD_BYTES as u64 / self.payload.load(Ordering::Relaxed).max(1);
        usize::try_from(within.min(fits)).unwrap_or(usize::MAX).min(self.prefetch).min(AHEAD_JOBS)
    }

    /// What to fetch now, if anything is worth a fetch.
    pub(super) fn request(&self) -> Option<QueueRequest> {
        if self.dry.load(Ordering::Acquire) {
            return None;
        }
        let ahead = if self.ahead_dry.load(Ordering::Acquire) { 0 } else { self.ahead() };
        let state = self.lock();
        if state.is_paused || state.is_closed {
            return None;
        }
        let idle = self.slots.saturating_sub(state.running);
        let free = idle.saturating_sub(state.ready.len());
        let buffered = state.ready.len().saturating_sub(idle);
        let ahead_wanted = ahead.saturating_sub(buffered);
        // Small fetches are worth it only for slots that would stand empty.
        if free == 0 && (ahead_wanted == 0 || ahead_wanted * 2 < ahead) {
            return None;
        }
        self.asked_at.store(self.happened.load(Ordering::Acquire), Ordering::Release);
        Some(QueueRequest { queue: Arc::clone(&self.queue), free, ahead: ahead_wanted })
    }

    /// Notes what a fetch brought: a queue that gave less than it could is not asked again until something happens.
    pub(super) fn fetched(&self, asked: &QueueRequest, count: usize) {
        self.dry.store(count < asked.free, Ordering::Release);
        self.ahead_dry.store(count < asked.free + asked.ahead, Ordering::Release);
        // Looked at after the notes, so that what happens in between takes them back, here or there. The addition of nothing reads
        // the newest number, which a load need not.
        if self.happened.fetch_add(0, Ordering::AcqRel) != self.asked_at.load(Ordering::Acquire) {
            self.dry.store(false, Ordering::Release);
            self.ahead_dry.store(false, Ordering::Release);
        }
    }

    /// Something happened: there may be work again.
    pub(super) fn wet(&self) {
        self.happened.fetch_add(1, Ordering::AcqRel);
        self.dry.store(false, Ordering::Release);
        self.ahead_dry.store(false, Ordering::Release);
    }

    /// Takes in fetched jobs, in order, and wakes up to `threads` loops: each wakes another when its handler waits, and more at once
    /// would only wait for a thread. Answers how many jobs no loop waits for, and the jobs back when the lane is closed or paused.
    pub(super) fn deliver(&self, deliveries: Vec<Delivery>, threads: usize) -> Result<usize, Vec<Delivery>> {
        let mut state = self.lock();
        if state.is_closed || state.is_paused {
            return Err(deliveries);
        }
        for delivery in deliveries {
            let bytes = delivery.payload.len() as u64;
            average(&self.payload, bytes.max(1));
            // Mostly the new job is the last one; a better priority overtakes what waits.
            let order = delivery.order();
            let mut at = state.ready.len();
            while at > 0 && state.ready[at - 1].order() > order {
                at -= 1;
            }
            state.ready.insert(at, delivery);
        }
        let unserved = state.ready.len().saturating_sub(state.idle.len());
        let wakes = state.ready.len().min(state.idle.len()).min(threads);
        let keep = state.idle.len() - wakes;
        let wakers = state.idle.split_off(keep);
        drop(state);
        for (_, waker) in wakers {
            waker.wake();
        }
        Ok(unserved)
    }

    /// Takes the next job if one is ready, `None` when the lane is closed; otherwise remembers the waker of loop `index`, when one is given.
    pub(super) fn poll_take(&self, index: usize, waker: Option<&Waker>) -> Poll<Option<Taken>> {
        let mut state = self.lock();
        if state.is_closed {
            return Poll::Ready(None);
        }
        if let Some(delivery) = (!state.is_paused).then(|| state.ready.pop_front()).flatten() {
            if waker.is_some() {
                // It may have been polled for another reason; its entry would be woken in place of a loop that waits.
                state.idle.retain(|(waiting, _)| *waiting != index);
            }
            state.running += 1;
            state.taken += 1;
            // Said once on the way down: what comes later finds the exchange under way.
            let is_low = state.ready.len() == self.ahead() / 2 && !self.dry.load(Ordering::Relaxed);
            return Poll::Ready(Some(Taken { delivery, is_low }));
        }
        if let Some(waker) = waker {
            match state.idle.iter_mut().find(|(waiting, _)| *waiting == index) {
                Some((_, known)) => known.clone_from(waker),
                None => state.idle.push((index, waker.clone())),
            }
        }
        Poll::Pending
    }

    /// A handler waits, so its thread is free for another loop.
    pub(super) fn wake_another(&self) {
        let mut state = self.lock();
        let waker = if state.ready.is_empty() { None } else { state.idle.pop() };
        drop(state);
        if let Some((_, waker)) = waker {
            waker.wake();
        }
    }

    /// A run has ended after this time.
    pub(super) fn ended(&self, run_time: Duration) {
        let nanos = u64::try_from(run_time.as_nanos()).unwrap_or(u64::MAX).max(1);
        average(&self.run_time, nanos);
        self.lock().running -= 1;
    }

    /// How many jobs were taken and have not ended, whether their slot knows of them yet or not.
    pub(super) fn running(&self) -> usize {
        self.lock().running
    }

    /// Takes a job out of the buffer, so that it does not start.
    pub(super) fn remove(&self, id: JobId) -> Option<Delivery> {
        let mut state = self.lock();
        let at = state.ready.iter().position(|delivery| delivery.lease.id == id)?;
        state.ready.remove(at)
    }

    /// Nothing starts from now on; what was buffered is given back.
    pub(super) fn pause(&self) -> Vec<Delivery> {
        let mut state = self.lock();
        state.is_paused = true;
        state.ready.drain(..).collect()
    }

    /// The contrary of [`pause`](Lane::pause). Answers whether it was paused.
    pub(super) fn resume(&self) -> bool {
        std::mem::replace(&mut self.lock().is_paused, false)
    }

    /// Nothing starts any more; what was buffered is given back, and waiting loops end.
    pub(super) fn close(&self) -> Vec<Delivery> {
        let mut state = self.lock();
        state.is_closed = true;
        let wakers = std::mem::take(&mut state.idle);
        let ready = state.ready.drain(..).collect();
        drop(state);
        for (_, waker) in wakers {
            waker.wake();
        }
        ready
    }

    /// Gives back what waits behind slow jobs: called in turns, it answers the buffer when no job was taken in between.
    pub(super) fn give_back_stuck(&self) -> Vec<Delivery> {
        let mut state = self.lock();
        let moved = state.taken != state.seen_taken;
        state.seen_taken = state.taken;
        if moved || state.ready.is_empty() || state.running < self.slots {
            return Vec::new();
        }
        // The average did not know these slow jobs yet.
        self.run_time.fetch_max(AHEAD_TIME.as_nanos() as u64 * self.slots as u64 + 1, Ordering::Relaxed);
        state.ready.drain(..).collect()
    }

    /// The leases of what is buffered.
    pub(super) fn leases(&self, into: &mut Vec<Lease>) {
        into.extend(self.lock().ready.iter().map(|delivery| delivery.lease));
    }

    /// Whether jobs wait in the buffer.
    pub(super) fn is_buffering(&self) -> bool {
        !self.lock().ready.is_empty()
    }
}

/// A moving average that starts with the first value.
fn average(cell: &AtomicU64, value: u64) {
    let old = cell.load(Ordering::Relaxed);
    let new = if old == 0 { value } else { old - old / 8 + value / 8 };
    // A lost update of another loop does not matter to an average.
    cell.store(new.max(1), Ordering::Relaxed);
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("queue", &self.queue).field("slots", &self.slots).finish_non_exhaustive()
    }
}
