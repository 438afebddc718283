//! The buffer of one queue: jobs that were fetched and have not started, and the loops that wait for them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::drivers::{Lease, QueueRequest};
use crate::job::JobId;
use crate::sync::{AtomicBool, Mutex, MutexGuard};

use super::ready::Ready;

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
    /// Whether it is served as long as the worker lives: a registered job declares it, or the worker names it.
    pub(super) is_lasting: bool,
    state: Mutex<State>,
    /// `State::is_dry`, for a look that costs no lock.
    is_dry: AtomicBool,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Ready>,
    running: usize,
    idle: Vec<(usize, Waker)>,
    /// How often a job was taken: it tells a stuck buffer from a moving one.
    taken: u64,
    seen_taken: u64,
    is_paused: bool,
    is_closed: bool,
    /// The average run time in nanoseconds; zero while it is not known.
    run_time: u64,
    /// The average payload in bytes.
    payload: u64,
    /// The last fetch left slots free, and nothing has happened since.
    is_dry: bool,
    /// The last fetch brought less than was asked for ahead; jobs that are not prefetched may still wait.
    is_ahead_dry: bool,
    /// A loop has said that the lane is low, or a fetch is under way.
    is_asked: bool,
    /// Counts up when something happens, so that a fetch that was under way does not call the queue dry.
    happened: u64,
    asked_at: u64,
}

/// What a loop finds that has ended a run.
#[derive(Debug)]
pub(super) enum Next {
    /// A job, which is now taken.
    Job(Ready),
    /// The lane should be filled up before a job is taken.
    Low,
    /// Nothing that it could take.
    Nothing,
}

impl Lane {
    pub(super) fn new(queue: Arc<str>, slots: usize, prefetch: Option<usize>) -> Self {
        Self {
            is_lasting: false,
            queue,
            slots,
            prefetch: prefetch.unwrap_or(AHEAD_JOBS),
            state: Mutex::new(State::default()),
            is_dry: AtomicBool::new(false),
        }
    }

    /// Served as long as the worker lives.
    pub(super) fn lasting(self) -> Self {
        Self { is_lasting: true, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock, so a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many jobs may be held beyond the free slots, by the measured run time.
    fn ahead(&self, state: &State) -> usize {
        if state.run_time == 0 || state.is_ahead_dry || self.slots >= UNLIMITED {
            return 0;
        }
        let within = AHEAD_TIME.as_nanos() as u64 * self.slots as u64 / state.run_time;
        let fits = AHEAD_BYTES as u64 / state.payload.max(1);
        usize::try_from(within.min(fits)).unwrap_or(usize::MAX).min(self.prefetch).min(AHEAD_JOBS)
    }

    /// How much to fetch, for free slots and ahead, if anything is worth a fetch.
    fn wanted(&self, state: &State) -> Option<(usize, usize)> {
        if !state.may_give() {
            return None;
        }
        let ahead = self.ahead(state);
        let idle = self.slots.saturating_sub(state.running);
        let free = idle.saturating_sub(state.ready.len());
        let buffered = state.ready.len().saturating_sub(idle);
        let ahead_wanted = ahead.saturating_sub(buffered);
        // Small fetches are worth it only for slots that would stand empty.
        (free > 0 || (ahead_wanted > 0 && ahead_wanted * 2 >= ahead)).then_some((free, ahead_wanted))
    }

    /// What to fetch now, at most so many, if anything is worth a fetch. Where none may be fetched, no loop needs to say that the lane is low:
    /// whoever gives room back has the next exchange made.
    pub(super) fn request(&self, most: usize) -> Option<QueueRequest> {
        let mut state = self.lock();
        let wanted = self.wanted(&state);
        state.is_asked = wanted.is_some();
        let (free, ahead) = wanted.map(|(free, ahead)| (free.min(most), ahead.min(most.saturating_sub(free))))?;
        if free + ahead == 0 {
            return None;
        }
        state.asked_at = state.happened;
        Some(QueueRequest { queue: Arc::clone(&self.queue), free, ahead })
    }

    /// Notes what a fetch brought: a queue that gave less than it could is not asked again until something happens.
    pub(super) fn fetched(&self, asked: &QueueRequest, count: usize) {
        let mut state = self.lock();
        state.is_asked = false;
        let has_news = state.happened != state.asked_at;
        state.is_dry = count < asked.free && !has_news;
        state.is_ahead_dry = count < asked.free + asked.ahead && !has_news;
        self.is_dry.store(state.is_dry, Ordering::Release);
    }

    /// A fetch failed: the next may ask the same.
    pub(super) fn not_fetched(&self) {
        self.lock().is_asked = false;
    }

    /// Something happened: there may be work again.
    pub(super) fn wet(&self) {
        let mut state = self.lock();
        state.happened += 1;
        (state.is_dry, state.is_ahead_dry) = (false, false);
        self.is_dry.store(false, Ordering::Release);
    }

    /// Whether slots stand empty since the last fetch. It costs no lock, and may be wrong about what happens just now.
    pub(super) fn is_dry(&self) -> bool {
        self.is_dry.load(Ordering::Acquire)
    }

    /// Takes in fetched jobs, in order, and wakes up to `threads` loops: each wakes another when its handler waits, and more at once
    /// would only wait for a thread. Answers how many jobs no loop waits for, and the jobs back when the lane is closed or paused.
    pub(super) fn deliver(&self, jobs: Vec<Ready>, threads: usize) -> Result<usize, Vec<Ready>> {
        let mut state = self.lock();
        if state.is_closed || state.is_paused {
            return Err(jobs);
        }
        for job in jobs {
            state.payload = average(state.payload, job.payload.len() as u64);
            // Mostly the new job is the last one; a better priority overtakes what waits.
            let order = job.order();
            let mut at = state.ready.len();
            while at > 0 && state.ready[at - 1].order() > order {
                at -= 1;
            }
            state.ready.insert(at, job);
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
    pub(super) fn poll_take(&self, index: usize, waker: Option<&Waker>) -> Poll<Option<Ready>> {
        let mut state = self.lock();
        if state.is_closed {
            return Poll::Ready(None);
        }
        if let Some(job) = state.take() {
            if waker.is_some() {
                // It may have been polled for another reason; its entry would be woken in place of a loop that waits.
                state.idle.retain(|(waiting, _)| *waiting != index);
            }
            return Poll::Ready(Some(job));
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

    /// A run has ended after this time; what comes next for its loop, where it `takes` another job at once. That the lane is low is
    /// said once for each fetch.
    pub(super) fn ended(&self, run_time: Duration, takes: bool) -> Next {
        let mut state = self.lock();
        state.running -= 1;
        state.run_time = average(state.run_time, u64::try_from(run_time.as_nanos()).unwrap_or(u64::MAX));
        if !state.is_asked && self.wanted(&state).is_some() {
            state.is_asked = true;
            return Next::Low;
        }
        let job = if takes { state.take() } else { None };
        job.map_or(Next::Nothing, Next::Job)
    }

    /// How many jobs were taken and have not ended, whether their slot knows of them yet or not.
    pub(super) fn running(&self) -> usize {
        self.lock().running
    }

    /// How many jobs were taken.
    pub(super) fn taken(&self) -> u64 {
        self.lock().taken
    }

    /// How many jobs were taken, or wait to be. Only a fetch makes it more.
    pub(super) fn claimed(&self) -> u64 {
        let state = self.lock();
        state.taken + state.ready.len() as u64
    }

    /// Takes a job out of the buffer, so that it does not start.
    pub(super) fn remove(&self, id: JobId) -> Option<Ready> {
        let mut state = self.lock();
        let at = state.ready.iter().position(|job| job.lease.id == id)?;
        state.ready.remove(at)
    }

    /// Nothing starts from now on; what was buffered is given back.
    pub(super) fn pause(&self) -> Vec<Ready> {
        let mut state = self.lock();
        state.is_paused = true;
        state.ready.drain(..).collect()
    }

    /// The contrary of [`pause`](Lane::pause). Answers whether it was paused.
    pub(super) fn resume(&self) -> bool {
        std::mem::replace(&mut self.lock().is_paused, false)
    }

    /// Nothing starts any more; what was buffered is given back, and waiting loops end.
    pub(super) fn close(&self) -> Vec<Ready> {
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

    /// Whether nothing starts any more.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Gives back what waits behind slow jobs: called in turns, it answers the buffer when no job was taken in between.
    pub(super) fn give_back_stuck(&self) -> Vec<Ready> {
        let mut state = self.lock();
        let moved = state.taken != state.seen_taken;
        state.seen_taken = state.taken;
        if moved || state.ready.is_empty() || state.running < self.slots {
            return Vec::new();
        }
        // The average did not know these slow jobs yet.
        state.run_time = state.run_time.max(AHEAD_TIME.as_nanos() as u64 * self.slots as u64 + 1);
        state.ready.drain(..).collect()
    }

    /// Closes the lane, if it runs and buffers nothing. Answers whether it is closed.
    pub(super) fn close_if_empty(&self) -> bool {
        let mut state = self.lock();
        if state.running > 0 || !state.ready.is_empty() {
            return false;
        }
        state.is_closed = true;
        let wakers = std::mem::take(&mut state.idle);
        drop(state);
        for (_, waker) in wakers {
            waker.wake();
        }
        true
    }

    /// The leases of what is buffered.
    pub(super) fn leases(&self, into: &mut Vec<Lease>) {
        into.extend(self.lock().ready.iter().map(|job| job.lease));
    }

    /// A number that grows with everything that happens, while nothing runs, nothing is buffered, and nothing is to be fetched: the
    /// worker `fetches` no more, or this lane gave nothing.
    pub(super) fn stillness(&self, fetches: bool) -> Option<u64> {
        let state = self.lock();
        let is_empty = state.running == 0 && state.ready.is_empty();
        (is_empty && !(fetches && state.may_give())).then(|| state.happened.wrapping_add(state.taken))
    }

    /// Whether the next fetch would ask nothing of it, or the last one found nothing.
    pub(super) fn has_nothing_to_fetch(&self) -> bool {
        self.is_dry() || !self.lock().may_give()
    }

    /// Whether jobs wait in the buffer.
    pub(super) fn is_buffering(&self) -> bool {
        !self.lock().ready.is_empty()
    }
}

impl State {
    /// Whether a fetch may bring jobs.
    fn may_give(&self) -> bool {
        !(self.is_dry || self.is_paused || self.is_closed)
    }

    /// Takes the next job, if it may start.
    fn take(&mut self) -> Option<Ready> {
        if self.is_paused || self.is_closed {
            return None;
        }
        let job = self.ready.pop_front()?;
        self.running += 1;
        self.taken += 1;
        Some(job)
    }
}

/// A moving average that starts with the first value, and is never zero again.
fn average(old: u64, value: u64) -> u64 {
    let new = if old == 0 { value } else { old - old / 8 + value / 8 };
    new.max(1)
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("queue", &self.queue).field("slots", &self.slots).finish_non_exhaustive()
    }
}
