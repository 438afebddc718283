//! Looking and acting, on the handle: the same in every driver that can.
//!
//! Cancel safety: what is given up while it is under way is done all the same, or not at all.

use std::sync::Arc;

use crate::drivers::{BoxFuture, Counts, Driver, Inspect, Retried, WorkerRow};
use crate::error::{Error, ErrorKind};
use crate::job::{Filter, JobId, JobRow, JobState, queue_name};

use super::Queue;

impl Queue {
    /// One job, or `None`.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use queue::prelude::*;
    /// use queue::JobState;
    ///
    /// #[derive(Queueable)]
    /// struct Salute { name: String }
    /// impl Job for Salute {
    ///     async fn handle(&self) -> JobResult {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let queue = Queue::connect("memory:").await?;
    /// let pushed = queue.dispatch(Salute::with("Ada".to_owned())).await?;
    /// let row = queue.job(pushed.id).await?.expect("it was just stored");
    /// assert_eq!((row.kind.as_str(), row.state), ("Salute", JobState::Available));
    /// assert_eq!(row.args::<Salute>()?.name, "Ada");
    ///
    /// queue.cancel(pushed.id).await?;
    /// assert_eq!(queue.counts().await?.total(JobState::Cancelled), 1);
    /// queue.retry(pushed.id).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// What the store says; [`ErrorKind::Unsupported`] where it cannot be looked into.
    pub async fn job(&self, id: JobId) -> Result<Option<JobRow>, Error> {
        self.inspect(move |inspect| inspect.job(id)).await
    }

    /// A page of jobs, by id. The next page is `filter.after(last.id)`.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use queue::{JobState, Queue, job::Filter};
    ///
    /// let queue = Queue::connect("memory:").await?;
    /// let failed = queue.jobs(&Filter::new().state(JobState::Failed).queue("mail")).await?;
    /// assert!(failed.is_empty());
    /// # Ok::<(), queue::Error>(()) }).unwrap();
    /// ```
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

    /// Makes every failed job that fits a filter available again, as [`retry`](Queue::retry) does; where the filter names states, the
    /// failed and cancelled ones among them. All of them: the page of the filter, `after` and `limit`, does not count.
    ///
    /// A job whose unique key is taken stays as it was, and the answer names it.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use queue::{Queue, job::Filter};
    ///
    /// let queue = Queue::connect("memory:").await?;
    /// let done = queue.retry_all(&Filter::new().queue("mail").kind("SendWelcomeEmail")).await?;
    /// println!("{} jobs run again, {} have a successor", done.retried, done.refused.len());
    /// # assert_eq!((done.retried, done.refused.len()), (0, 0));
    /// # Ok::<(), queue::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`job`](Queue::job). What was retried before the error stays retried: call it again for the rest.
    pub async fn retry_all(&self, filter: &Filter) -> Result<Retried, Error> {
        let (driver, filter) = (Arc::clone(self.driver()), filter.clone());
        self.on_engine(async move { inspection(&*driver)?.retry_all(&filter).await }).await
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
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let queue = queue::Queue::connect("memory:").await?;
    /// queue.pause("mail").await?;
    /// queue.resume("mail").await?;
    /// # Ok::<(), queue::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`job`](Queue::job); [`ErrorKind::Invalid`] for a name that no queue can have.
    pub async fn pause(&self, queue: &str) -> Result<(), Error> {
        queue_name::check(queue).map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))?;
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
        self.inner.workers.tell(|worker| Arc::clone(worker).resumed(queue));
        Ok(())
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
        joined(self.engine().spawn(work).await)
    }
}

/// The part of a driver that looks and acts.
pub(super) fn inspection(driver: &dyn Driver) -> Result<&dyn Inspect, Error> {
    let unsupported = || Error::new(ErrorKind::Unsupported, format!("the driver `{}` cannot be looked into", driver.name()));
    driver.inspect().ok_or_else(unsupported)
}

/// What a task on the engine came to.
pub(super) fn joined<T>(joined: Result<Result<T, Error>, tokio::task::JoinError>) -> Result<T, Error> {
    joined.unwrap_or_else(|error| {
        Err(match error.is_panic() {
            true => Error::new(ErrorKind::Store, "the driver panicked"),
            false => Error::new(ErrorKind::Closed, "the engine of the queue has ended"),
        })
    })
}
