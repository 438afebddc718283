//! What was asked of a server that then went away: it may have done it, and whoever asks again is to be told so.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::job::JobId;

/// How much is remembered. A worker has some hundred jobs on their way at once; past it, what was done once is called lost, and nothing worse.
const MOST: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// Jobs that were pushed.
    jobs: Mutex<HashSet<JobId>>,
    /// Leases that were settled, by job and token.
    leases: Mutex<HashSet<(JobId, u64)>>,
}

fn locked<T>(set: &Mutex<HashSet<T>>) -> MutexGuard<'_, HashSet<T>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Doubts {
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
