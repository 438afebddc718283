//! What was asked of a server that then went away: it may have done it, and whoever asks again is to be told so.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::drivers::WorkerId;
use crate::job::JobId;

/// How much is remembered. A worker has some hundred jobs on their way at once; past it, what was done once is called lost, and nothing worse.
const MOST: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// Jobs that were pushed.
    jobs: Mutex<HashSet<JobId>>,
    /// Leases that were settled, by job and token.
    leases: Mutex<HashSet<(JobId, u64)>>,
    /// What each worker claimed.
    claims: Mutex<HashMap<WorkerId, Claims>>,
}

/// The claims of a worker.
#[derive(Debug, Clone, Copy)]
struct Claims {
    /// When the last one was whose answer came, in microseconds since 1970 on the server's clock.
    answered_at: i64,
    /// Whether there may be one after it whose answer did not come.
    is_doubted: bool,
}

impl Claims {
    const NONE: Self = Self { answered_at: i64::MIN, is_doubted: false };
}

/// A claim on its way: dropped before its answer has come, it is in doubt.
pub(super) struct Claiming<'a> {
    doubts: &'a Doubts,
    /// `None` when it has been answered, or nothing is claimed.
    worker: Option<WorkerId>,
    before: Claims,
}

impl Claiming<'_> {
    /// Whether the worker may have claimed what it does not know of.
    pub(super) fn is_doubted(&self) -> bool {
        self.before.is_doubted
    }

    /// After when that would be.
    pub(super) fn since(&self) -> i64 {
        self.before.answered_at
    }

    /// The answer has come; when it was, where it says so.
    pub(super) fn answered(mut self, at: Option<i64>) {
        // Where the clock of the server was set back, what the worker holds began later than this one.
        let answered_at = at.unwrap_or(i64::MIN).max(self.before.answered_at);
        self.note(Claims { answered_at, is_doubted: false });
    }

    /// It was refused, and so claimed nothing.
    pub(super) fn refused(mut self) {
        self.note(self.before);
    }

    fn note(&mut self, claims: Claims) {
        if let Some(worker) = self.worker.take() {
            let mut known = locked(&self.doubts.claims);
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(worker, claims);
        }
    }
}

impl Drop for Claiming<'_> {
    fn drop(&mut self) {
        self.note(Claims { is_doubted: true, ..self.before });
    }
}

fn locked<T>(set: &Mutex<T>) -> MutexGuard<'_, T> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Doubts {
    /// A worker claims, or nobody does.
    pub(super) fn claiming(&self, worker: Option<WorkerId>) -> Claiming<'_> {
        let before = worker.and_then(|worker| locked(&self.claims).get(&worker).copied()).unwrap_or(Claims::NONE);
        Claiming { doubts: self, worker, before }
    }

    pub(super) fn doubt_jobs(&self, jobs: impl Iterator<Item = JobId>) {
        let mut doubted = locked(&self.jobs);
        let room = MOST.saturating_sub(doubted.len());
        doubted.extend(jobs.take(room));
    }

    pub(super) fn doubt_leases(&self, leases: impl Iterator<Item = (JobId, u64)>) {
        let mut doubted = locked(&self.leases);
        let room = MOST.saturating_sub(doubted.len());
        doubted.extend(leases.take(room));
    }

    /// Whether any of these jobs may be stored already.
    pub(super) fn has_job(&self, mut jobs: impl Iterator<Item = JobId>) -> bool {
        let doubted = locked(&self.jobs);
        !doubted.is_empty() && jobs.any(|job| doubted.contains(&job))
    }

    /// Those of these leases that may be settled already.
    pub(super) fn leases(&self, leases: impl Iterator<Item = (JobId, u64)>) -> Vec<(JobId, u64)> {
        let doubted = locked(&self.leases);
        if doubted.is_empty() { Vec::new() } else { leases.filter(|lease| doubted.contains(lease)).collect() }
    }

    pub(super) fn clear_jobs(&self, jobs: impl Iterator<Item = JobId>) {
        let mut doubted = locked(&self.jobs);
        if !doubted.is_empty() {
            jobs.for_each(|job| {
                doubted.remove(&job);
            });
        }
    }

    pub(super) fn clear_leases(&self, leases: impl Iterator<Item = (JobId, u64)>) {
        let mut doubted = locked(&self.leases);
        if !doubted.is_empty() {
            leases.for_each(|lease| {
                doubted.remove(&lease);
            });
        }
    }
}
