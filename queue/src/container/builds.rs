//! Who builds what: each value once, and no two threads that wait for each other.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// The builds that are going on. Only first uses come here; who finds a value never does.
#[derive(Debug, Default)]
pub(super) struct Builds {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    builders: Vec<(usize, ThreadId)>,
    waiting: Vec<(ThreadId, usize)>,
}

/// What a thread that wants a value may do.
#[derive(Debug)]
pub(super) enum Claim<'a> {
    /// Take it: somebody has made it.
    Made,
    /// Build it, and keep the guard until it is stored.
    Mine(Claimed<'a>),
    /// Give up: this thread is building it, or its builder waits for this thread.
    Cycle,
}

/// The right to build one value; dropping it lets the others look again.
#[derive(Debug)]
pub(super) struct Claimed<'a> {
    builds: &'a Builds,
    index: usize,
}

impl Builds {
    /// Waits while another thread builds the same value.
    pub(super) fn claim(&self, index: usize, is_made: impl Fn() -> bool) -> Claim<'_> {
        let me = thread::current().id();
        let mut state = self.lock();
        loop {
            if is_made() {
                return Claim::Made;
            }
            let Some(builder) = state.builder(index) else {
                state.builders.push((index, me));
                return Claim::Mine(Claimed { builds: self, index });
            };
            if state.leads_to(builder, me) {
                return Claim::Cycle;
            }
            state.waiting.push((me, index));
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting.retain(|(thread, _)| *thread != me);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic halfway, so a poisoned one is as good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn builder(&self, index: usize) -> Option<ThreadId> {
        self.builders.iter().find(|(built, _)| *built == index).map(|(_, thread)| *thread)
    }

    /// Whether `thread` is `me`, or waits for something whose builder is, or waits in turn …
    fn leads_to(&self, mut thread: ThreadId, me: ThreadId) -> bool {
        loop {
            if thread == me {
                return true;
            }
            let waits_for = self.waiting.iter().find(|(waiting, _)| *waiting == thread).map(|(_, index)| *index);
            match waits_for.and_then(|index| self.builder(index)) {
                Some(next) => thread = next,
                None => return false,
            }
        }
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        let mut state = self.builds.lock();
        state.builders.retain(|(index, _)| *index != self.index);
        // Waking is a call of the system, and nearly always nobody waits.
        if !state.waiting.is_empty() {
            self.builds.ended.notify_all();
        }
    }
}
