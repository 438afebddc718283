//! The optional part of a driver for looking and acting.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{BoxFuture, WorkerRow};
use crate::error::{Error, ErrorKind};
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

    /// Retries every job that [`Filter::for_retry`] leaves of a filter, as [`retry`](Inspect::retry) does. By default page by page and one by
    /// one; a store that can do many in one commit does so. What was retried before an error stays retried.
    fn retry_all<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Retried, Error>> {
        Box::pin(async move {
            let mut done = Retried::default();
            let Some(mut filter) = filter.for_retry() else { return Ok(done) };
            loop {
                let page = self.jobs(&filter).await?;
                let Some(last) = page.last() else { return Ok(done) };
                // By id, so that a job which fails again meanwhile is not met again.
                filter.after = Some(last.id);
                for row in &page {
                    match self.retry(row.id).await {
                        Ok(()) => done.retried += 1,
                        // Somebody was faster: it is forgotten, or retried already.
                        Err(error) if error.kind() == ErrorKind::NotFound => {}
                        Err(error) if error.kind() == ErrorKind::Conflict => {
                            let has_ended = |row: JobRow| filter.states.contains(&row.state);
                            if self.job(row.id).await?.is_some_and(has_ended) {
                                done.refused.push(row.id);
                            }
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        })
    }

    /// Removes a terminal job; `Conflict` for a live one.
    fn forget(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>>;

    /// Nothing is fetched from this queue until [`resume`](Inspect::resume). A queue that does not exist yet can be paused.
    fn pause<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>>;

    /// The contrary of [`pause`](Inspect::pause).
    fn resume<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>>;
}

/// What a retry of many came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retried {
    /// How many jobs are available again.
    pub retried: u64,
    /// Jobs that stay as they were because a live job has their unique key, by id. Of several with one key the first one is retried.
    pub refused: Vec<JobId>,
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
