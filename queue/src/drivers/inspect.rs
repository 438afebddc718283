//! The optional part of a driver for looking and acting.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{BoxFuture, Delivery, Told, WorkerId, WorkerRow};
use crate::error::{Error, ErrorKind};
use crate::job::{Filter, JobId, JobRow, JobState};

/// Looking into a store, and acting on single jobs and queues.
pub trait Inspect: Send + Sync {
    /// One job, or `None`.
    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobRow>, Error>>;

    /// A page of jobs, in the order of their ids, or the contrary where the filter says so.
    ///
    /// No statement of it goes over more than [`Filter::LOOK`] rows: where the jobs that fit are rare, the page is short, and its
    /// [`next`](Page::next) says from where to look on.
    fn jobs<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Page, Error>>;

    /// How many jobs fit a filter, up to about `most`; its page does not count. Like [`jobs`](Inspect::jobs) no statement of it takes
    /// longer the more rows there are, and ten looks are the most.
    fn count<'a>(&'a self, filter: &'a Filter, most: u64) -> BoxFuture<'a, Result<Count, Error>> {
        Box::pin(async move {
            let mut count = Count { jobs: 0, is_all: true };
            let mut filter = Filter { after: None, limit: Some(1_000), ..filter.clone() };
            for _ in 0..MOST_LOOKS {
                let page = self.jobs(&filter).await?;
                count.jobs += page.jobs.len() as u64;
                let Some(next) = page.next else { return Ok(count) };
                if count.jobs >= most {
                    break;
                }
                filter.after = Some(next);
            }
            count.is_all = false;
            Ok(count)
        })
    }

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

    /// Does the same to many jobs, as [`cancel`](Inspect::cancel), [`retry`](Inspect::retry) and [`forget`](Inspect::forget) do to one.
    /// One answer each, in order: the state that the job now has, and for a forgotten one the state that it had. By default one by one; a
    /// store that can do many in one commit does so.
    fn act<'a>(&'a self, action: Action, ids: &'a [JobId]) -> BoxFuture<'a, Result<Vec<Result<JobState, Error>>, Error>> {
        Box::pin(async move {
            let mut answers = Vec::with_capacity(ids.len());
            for &id in ids {
                let answer = match action {
                    Action::Cancel => self.cancel(id).await,
                    Action::Retry => self.retry(id).await.map(|()| JobState::Available),
                    Action::Forget => {
                        let state = self.job(id).await?.map_or(JobState::Completed, |row| row.state);
                        self.forget(id).await.map(|()| state)
                    }
                };
                match answer {
                    Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict) => return Err(error),
                    answer => answers.push(answer),
                }
            }
            Ok(answers)
        })
    }

    /// Tells workers something that they heed at their next renewal; all that live where none is named. Answers how many were told.
    fn tell<'a>(&'a self, told: Told, workers: &'a [WorkerId]) -> BoxFuture<'a, Result<usize, Error>>;

    /// Claims one job by its id, for a run that its worker decides on: attempt counted, with a lease and a token, as
    /// [`fetch`](super::Driver::fetch) does. A waiting one is claimed due or not, paused or not. A failed or a cancelled one is retried for
    /// the run in the same commit, as [`retry`](Inspect::retry) does, so that nobody ever sees it available; where a live job has its unique
    /// key, that is `Conflict` with the winner's id. A held, a running and a completed one are `Conflict`, an unknown one is `NotFound`.
    fn claim(&self, id: JobId, worker: WorkerId, lease: Duration) -> BoxFuture<'_, Result<Delivery, Error>>;

    /// Retries every job that [`Filter::for_retry`] leaves of a filter, as [`retry`](Inspect::retry) does. By default page by page and one by
    /// one; a store that can do many in one commit does so. What was retried before an error stays retried.
    fn retry_all<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Retried, Error>> {
        Box::pin(async move {
            let mut done = Retried::default();
            let Some(mut filter) = filter.for_retry() else { return Ok(done) };
            loop {
                let page = self.jobs(&filter).await?;
                for row in &page.jobs {
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
                // By id, so that a job which fails again meanwhile is not met again.
                let Some(next) = page.next else { return Ok(done) };
                filter.after = Some(next);
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

/// How many looks one count takes at most.
pub(crate) const MOST_LOOKS: usize = 10;

/// A page of jobs.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Page {
    /// The jobs that fit, as many as the page has room for.
    pub jobs: Vec<JobRow>,
    /// Where the next page begins: behind this id, which need not be that of a job. `None` when there is nothing behind.
    pub next: Option<JobId>,
}

impl Page {
    /// A page, and where the next one begins.
    #[must_use]
    pub const fn new(jobs: Vec<JobRow>, next: Option<JobId>) -> Self {
        Self { jobs, next }
    }
}

/// How many jobs fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// How many were counted.
    pub jobs: u64,
    /// Whether those are all; else there may be more.
    pub is_all: bool,
}

impl Count {
    /// So many, and whether those are all.
    #[must_use]
    pub const fn new(jobs: u64, is_all: bool) -> Self {
        Self { jobs, is_all }
    }
}

/// What can be done to many jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// [`cancel`](Inspect::cancel).
    Cancel,
    /// [`retry`](Inspect::retry).
    Retry,
    /// [`forget`](Inspect::forget).
    Forget,
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
