//! The faults of looking and acting.

use std::time::Duration;

use queue::drivers::{Action, BoxFuture, Count, Counts, Delivery, Inspect, Page, Retried, Told, WorkerId, WorkerRow};
use queue::job::{Filter, JobRow};
use queue::{Error, ErrorKind, JobId, JobState};

use super::{Fault, Faulty};

impl Faulty {
    pub(super) fn inner(&self) -> &dyn Inspect {
        self.inner.inspect().expect("the driver inside can be looked into")
    }
}

impl Inspect for Faulty {
    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobRow>, Error>> {
        Box::pin(async move {
            let mut row = self.inner().job(id).await?;
            if self.has(Fault::RetriesWithoutTheHistory) {
                row.iter_mut().for_each(|row| drop(row.errors.drain(..row.errors.len().saturating_sub(1))));
            }
            Ok(row)
        })
    }

    fn jobs<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(self.look(filter))
    }

    fn count<'a>(&'a self, filter: &'a Filter, most: u64) -> BoxFuture<'a, Result<Count, Error>> {
        Box::pin(self.counted(filter, most))
    }

    fn counts(&self) -> BoxFuture<'_, Result<Counts, Error>> {
        Box::pin(async move {
            let mut counts = self.inner().counts().await?;
            if self.has(Fault::SeesNothingUnserved) {
                counts.queues.values_mut().for_each(|queue| queue.unserved = 0);
            }
            Ok(counts)
        })
    }

    fn workers(&self) -> BoxFuture<'_, Result<Vec<WorkerRow>, Error>> {
        Box::pin(async move {
            let mut workers = self.inner().workers().await?;
            if self.has(Fault::ForgetsKinds) {
                workers.iter_mut().for_each(|worker| worker.kinds.clear());
            }
            Ok(workers)
        })
    }

    fn tell<'a>(&'a self, told: Told, workers: &'a [WorkerId]) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(self.tell_workers(told, workers))
    }

    fn claim(&self, id: JobId, worker: WorkerId, lease: Duration) -> BoxFuture<'_, Result<Delivery, Error>> {
        Box::pin(self.claim_one(id, worker, lease))
    }

    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<JobState, Error>> {
        if self.has(Fault::CancelsNothing) {
            return Box::pin(async { Ok(JobState::Cancelled) });
        }
        self.inner().cancel(id)
    }

    fn retry(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let result = self.inner().retry(id).await;
            if self.has(Fault::NamesNoWinner) {
                return result.map_err(|_| Error::new(ErrorKind::Conflict, "the unique key is taken"));
            }
            result
        })
    }

    fn act<'a>(&'a self, action: Action, ids: &'a [JobId]) -> BoxFuture<'a, Result<Vec<Result<JobState, Error>>, Error>> {
        Box::pin(self.act_on(action, ids))
    }

    fn retry_all<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Retried, Error>> {
        Box::pin(async move {
            match self.fault {
                Fault::RetriesManyInWords => {
                    let mut retried = Retried::default();
                    retried.retried = self.inner().jobs(filter).await?.jobs.len() as u64;
                    Ok(retried)
                }
                Fault::RetriesOnePage => {
                    let mut retried = Retried::default();
                    for row in self.inner().jobs(&filter.clone().state(JobState::Failed)).await?.jobs {
                        retried.retried += u64::from(self.inner().retry(row.id).await.is_ok());
                    }
                    Ok(retried)
                }
                Fault::RetriesMoreThanFits => {
                    self.inner().retry_all(&Filter::new().state(JobState::Failed).state(JobState::Cancelled)).await
                }
                Fault::HidesRefusals => {
                    let mut retried = self.inner().retry_all(filter).await?;
                    retried.refused.clear();
                    Ok(retried)
                }
                _ => self.inner().retry_all(filter).await,
            }
        })
    }

    fn forget(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            if self.has(Fault::ForgetsLiveJobs) {
                let _ = self.inner().cancel(id).await;
            }
            self.inner().forget(id).await
        })
    }

    fn pause<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        if self.has(Fault::IgnoresPauses) {
            return Box::pin(async { Ok(()) });
        }
        self.inner().pause(queue)
    }

    fn resume<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.inner().resume(queue)
    }
}
