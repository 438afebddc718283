//! Singletons that keep failing get a rest, so that a store that is down is not asked by every job.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock::Clock;

/// So many failures in a row, and a constructor rests.
const PATIENCE: u32 = 5;
const REST: Duration = Duration::from_secs(10);

/// The singletons whose last attempt failed. Scoped and transient services are not here: a job that needs one backs off itself.
#[derive(Debug)]
pub(super) struct Failures {
    pub(super) clock: Clock,
    streaks: Mutex<Vec<Streak>>,
}

#[derive(Debug)]
struct Streak {
    index: usize,
    length: u32,
    rests_until: SystemTime,
    last: String,
}

impl Failures {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, streaks: Mutex::default() }
    }

    /// Why this constructor is not called now, if it rests.
    pub(super) fn resting(&self, index: usize) -> Option<String> {
        let streaks = self.lock();
        let streak = streaks.iter().find(|streak| streak.index == index && streak.length >= PATIENCE)?;
        let left = streak.rests_until.duration_since(self.clock.now()).ok().filter(|left| !left.is_zero())?;
        Some(format!("failed {} times in a row, it is tried again in {} s: {}", streak.length, left.as_secs() + 1, streak.last))
    }

    pub(super) fn failed(&self, index: usize, last: String) {
        let rests_until = self.clock.now() + REST;
        let mut streaks = self.lock();
        match streaks.iter_mut().find(|streak| streak.index == index) {
            Some(streak) => *streak = Streak { index, length: streak.length.saturating_add(1), rests_until, last },
            None => streaks.push(Streak { index, length: 1, rests_until, last }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Streak>> {
        self.streaks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
