//! The optional part of a driver for looking and acting.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{BoxFuture, WorkerRow};
use crate::error::Error;
use crate::job::{Filter, JobId, JobRow, JobState};

/// Looking into a store, and acting on single jobs and queues.
pub trait Inspect: Send + Sync {
    /// One job, or `None`.
    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobRow>, Error>>;

    /// A page of jobs, by id.
    fn jobs<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<JobRow>, Error>>;

    /// How many jobs are where.
    fn counts(&self) -> BoxFuture<'_, Result<Counts, Error>>;

    /// The workers that were heard of.
    fn workers(&self) -> BoxFuture<'_, Result<Vec<WorkerRow>, Error>>;

    /// Cancels a waiting job at once and marks a running one; a terminal one is [`Conflict`](crate::ErrorKind::Conflict),
    /// an unknown one [`NotFound`](crate::ErrorKind::NotFound). Answers the state that the job now has: `Cancelled` or `Running`.
    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<JobState, Error>>;

    /// Makes a failed or cancelled job available again: history kept, `max_attempts` more. `Conflict` in another state, or with
    /// the winner's id where its unique key is taken.
    fn retry(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>>;

    /// Removes a terminal job; `Conflict` for a live one.
    fn forget(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>>;

    /// Nothing is fetched from this queue until [`resume`](Inspect::resume). A queue that does not exist yet can be paused.
    fn pause<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>>;

    /// The contrary of [`pause`](Inspect::pause).
    fn resume<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>>;
}

/// How many jobs are where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// By queue name.
    pub queues: BTreeMap<String, QueueCounts>,
}

impl Counts {
    /// Jobs in this state, over all queues.
    #[must_use]
    pub fn total(&self, state: JobState) -> u64 {
        self.queues.values().map(|queue| queue.state(state)).sum()
    }

    /// Jobs that wait in queues that no live worker serves, over all queues.
    #[must_use]
    pub fn unserved(&self) -> u64 {
        self.queues.values().map(|queue| queue.unserved).sum()
    }
}

/// How many jobs of a queue are where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueCounts {
    /// Jobs by state; a state without jobs may be missing.
    pub states: BTreeMap<JobState, u64>,
    /// Waiting jobs, when no live worker serves the queue.
    pub unserved: u64,
    /// For how long the oldest available job has been due.
    pub oldest_available: Option<Duration>,
    /// Whether it is paused.
    pub is_paused: bool,
}

impl QueueCounts {
    /// Jobs in this state.
    #[must_use]
    pub fn state(&self, state: JobState) -> u64 {
        self.states.get(&state).copied().unwrap_or(0)
    }
}
