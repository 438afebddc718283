//! Looking and acting, on the handle: the same in every driver that can.

use std::sync::Arc;
use std::time::Duration;

use crate::drivers::{BoxFuture, Counts, Driver, Inspect, WorkerRow};
use crate::error::{Error, ErrorKind};
use crate::job::{Filter, JobId, JobRow, JobState};

use super::Queue;

/// How often a job is looked at that may end in another process.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Queue {
    /// One job, or `None`.
    ///
    /// # Errors
    ///
    /// What the store says; [`ErrorKind::Unsupported`] where it cannot be looked into.
    pub async fn job(&self, id: JobId) -> Result<Option<JobRow>, Error> {
        self.inspect(move |inspect| inspect.job(id)).await
    }

    /// A page of jobs, by id. The next page is `filter.after(last.id)`.
    ///
    /// # Errors
    ///
    /// As [`job`](Queue::job).
    pub async fn jobs(&self, filter: &Filter) -> Result<Vec<JobRow>, Error> {
        let (driver, filter) = (Arc::clone(self.driver()), filter.clone());
        self.on_engine(async move { inspection(&*driver)?.jobs(&filter).await }).await
    }

    /// How many jobs are where.
    ///
    /// # Errors
    ///
    /// As [`job`](Queue::job).
    pub async fn counts(&self) -> Result<Counts, Error> {
        self.inspect(|inspect| inspect.counts()).await
    }

    /// The workers that were heard of.
    ///
    /// # Errors
    ///
    /// As [`job`](Queue::job).
    pub async fn workers(&self) -> Result<Vec<WorkerRow>, Error> {
        self.inspect(|inspect| inspect.workers()).await
    }

    /// Takes a job back: a waiting one is cancelled at once, a running one gets the signal.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Conflict`] for a job that has ended, and as [`job`](Queue::job).
    pub async fn cancel(&self, id: JobId) -> Result<(), Error> {
        match self.inspect(move |inspect| inspect.cancel(id)).await? {
            JobState::Running => self.inner.workers.tell(|worker| worker.cancelled(id)),
            _ => self.terminal(id),
        }
        Ok(())
    }

    /// Makes a failed or cancelled job available again: it keeps its history and gets `max_attempts` more.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Conflict`] for a job in another state, and, with the winner's id, where its unique key is
    /// taken; and as [`job`](Queue::job).
    pub async fn retry(&self, id: JobId) -> Result<(), Error> {
        self.inspect(move |inspect| inspect.retry(id)).await
    }

    /// Removes a job that has ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Conflict`] for a live job, and as [`job`](Queue::job).
    pub async fn forget(&self, id: JobId) -> Result<(), Error> {
        self.inspect(move |inspect| inspect.forget(id)).await
    }

    /// Nothing of this queue is fetched or started from now on; what runs goes on. In this process it is in force when this returns.
    ///
    /// # Errors
    ///
    /// As [`job`](Queue::job).
    pub async fn pause(&self, queue: &str) -> Result<(), Error> {
        let (driver, name) = (Arc::clone(self.driver()), queue.to_owned());
        self.on_engine(async move { inspection(&*driver)?.pause(&name).await }).await?;
        self.inner.workers.tell(|worker| worker.paused(queue));
        Ok(())
    }

    /// The contrary of [`pause`](Queue::pause).
    ///
    /// # Errors
    ///
    /// As [`job`](Queue::job).
    pub async fn resume(&self, queue: &str) -> Result<(), Error> {
        let (driver, name) = (Arc::clone(self.driver()), queue.to_owned());
        self.on_engine(async move { inspection(&*driver)?.resume(&name).await }).await?;
        self.inner.workers.tell(|worker| worker.resumed(queue));
        Ok(())
    }

    /// Waits until a job has ended, whatever it came to. That a push is *stored* is what awaiting the push tells.
    ///
    /// Cancel safe: nothing happens when it is dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Timeout`], which names the state that the job is in; [`ErrorKind::NotFound`], also when the store no longer keeps
    /// the row; and as [`job`](Queue::job).
    pub async fn wait(&self, id: JobId, timeout: Duration) -> Result<JobRow, Error> {
        let queue = self.clone();
        // On the engine, which has timers whatever the caller runs on; it ends when the caller drops this.
        let task = AbortOnDrop(self.engine().spawn(async move {
            match tokio::time::timeout(timeout, queue.until_terminal(id)).await {
                Ok(row) => row,
                Err(_) => Err(queue.not_in_time(id, timeout).await),
            }
        }));
        task.join().await
    }

    async fn not_in_time(&self, id: JobId, timeout: Duration) -> Error {
        let state = match self.job(id).await {
            Ok(Some(row)) => format!("it is {}", row.state),
            Ok(None) => "it is gone".to_owned(),
            Err(error) => format!("and the store does not answer: {error}"),
        };
        Error::new(ErrorKind::Timeout, format!("job {id} did not end within {timeout:?}; {state}"))
    }

    /// Waits until a job has ended; on the engine.
    pub(super) async fn until_terminal(&self, id: JobId) -> Result<JobRow, Error> {
        let _tidy = GiveUp { queue: self, id };
        loop {
            // Made before the look, so that an end in between is not missed.
            let ended = self.inner.workers.waits_for(id);
            match inspection(&**self.driver())?.job(id).await? {
                None => {
                    return Err(Error::new(ErrorKind::NotFound, format!("there is no job {id}, or its row is no longer kept")));
                }
                Some(row) if row.state.is_terminal() => return Ok(row),
                Some(_) => {}
            }
            // Real time: it is how often another process is looked at.
            drop(tokio::time::timeout(LOOK_AGAIN, ended).await);
        }
    }

    async fn inspect<T: Send + 'static>(
        &self,
        look: impl for<'a> FnOnce(&'a dyn Inspect) -> BoxFuture<'a, Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let driver = Arc::clone(self.driver());
        self.on_engine(async move { look(inspection(&*driver)?).await }).await
    }

    /// Runs work of the driver on the engine, where its connections live, and waits for it on any executor.
    pub(crate) async fn on_engine<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.engine().spawn(work).await.unwrap_or_else(|_| Err(gone()))
    }
}

fn inspection(driver: &dyn Driver) -> Result<&dyn Inspect, Error> {
    let unsupported = || Error::new(ErrorKind::Unsupported, format!("the driver `{}` cannot be looked into", driver.name()));
    driver.inspect().ok_or_else(unsupported)
}

fn gone() -> Error {
    Error::new(ErrorKind::Closed, "the engine of the queue has ended")
}

/// Forgets a waiter that has gone away.
struct GiveUp<'a> {
    queue: &'a Queue,
    id: JobId,
}

impl Drop for GiveUp<'_> {
    fn drop(&mut self) {
        self.queue.inner.workers.gave_up(self.id);
    }
}

/// A task that ends when nobody waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> AbortOnDrop<Result<T, Error>> {
    async fn join(mut self) -> Result<T, Error> {
        (&mut self.0).await.unwrap_or_else(|_| Err(gone()))
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
