//! Looking and acting, on the handle: the same in every driver that can.
//!
//! Cancel safety: what is given up while it is under way is done all the same, or not at all.

use std::sync::Arc;

use crate::drivers::{
    Action, BoxFuture, Count, Counts, Driver, Inspect, MaintainLimits, Maintained, Page, QueueCounts, Retried, Told, WorkerId,
    WorkerRow,
};
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
    /// It looks on until the page is full or nothing is left, however many jobs that goes over: [`search`](Queue::search) is one look of
    /// bounded length.
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
        let (driver, mut filter) = (Arc::clone(self.driver()), filter.clone());
        self.on_engine(async move {
            let (inspect, size) = (inspection(&*driver)?, filter.page());
            let mut jobs = Vec::new();
            loop {
                filter.limit = Some(size - jobs.len());
                let page = inspect.jobs(&filter).await?;
                jobs.extend(page.jobs);
                let Some(next) = page.next.filter(|_| jobs.len() < size) else { return Ok(jobs) };
                filter.after = Some(next);
            }
        })
        .await
    }

    /// One look for a page of jobs: it takes no longer the more jobs there are, and so may find less than fit. Its
    /// [`next`](Page::next) is where to look on: `filter.after(next)`.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use queue::{Queue, job::Filter};
    ///
    /// let queue = Queue::connect("memory:").await?;
    /// let page = queue.search(&Filter::new().newest_first()).await?;
    /// assert!(page.jobs.is_empty() && page.next.is_none());
    /// # Ok::<(), queue::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`job`](Queue::job).
    pub async fn search(&self, filter: &Filter) -> Result<Page, Error> {
        let (driver, filter) = (Arc::clone(self.driver()), filter.clone());
        self.on_engine(async move { inspection(&*driver)?.jobs(&filter).await }).await
    }

    /// How many jobs fit a filter, up to about `most`. A filter that names nothing but states and queues is counted whole, whatever `most`
    /// says: the stores keep those numbers.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use queue::{JobState, Queue, job::Filter};
    ///
    /// let queue = Queue::connect("memory:").await?;
    /// let failed = queue.count(&Filter::new().state(JobState::Failed).kind("SendWelcomeEmail"), 10_000).await?;
    /// println!("{}{} failed", failed.jobs, if failed.is_all { "" } else { " or more" });
    /// # Ok::<(), queue::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`job`](Queue::job).
    pub async fn count(&self, filter: &Filter, most: u64) -> Result<Count, Error> {
        if let Some(plain) = filter.by_state_and_queue() {
            let counts = self.counts().await?;
            let of_queue = |(name, queue): (&String, &QueueCounts)| match plain.has_queue(name) {
                true => JobState::ALL.into_iter().filter(|state| plain.has_state(*state)).map(|state| queue.state(state)).sum(),
                false => 0,
            };
            return Ok(Count::new(counts.queues.iter().map(of_queue).sum(), true));
        }
        let (driver, filter) = (Arc::clone(self.driver()), filter.clone());
        self.on_engine(async move { inspection(&*driver)?.count(&filter, most).await }).await
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

    /// Does the same to many jobs, as [`cancel`](Queue::cancel), [`retry`](Queue::retry) and [`forget`](Queue::forget) do to one. One answer
    /// each, in order: the state that the job now has, and for a forgotten one the state that it had.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use queue::{ErrorKind, JobId, Queue, drivers::Action};
    ///
    /// let queue = Queue::connect("memory:").await?;
    /// let answers = queue.act(Action::Forget, &[JobId::new()]).await?;
    /// assert_eq!(answers[0].as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), queue::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`job`](Queue::job). A store may do many in one commit, so that an error leaves none of them done, or some.
    pub async fn act(&self, action: Action, ids: &[JobId]) -> Result<Vec<Result<JobState, Error>>, Error> {
        let (driver, asked) = (Arc::clone(self.driver()), ids.to_vec());
        let answers = self.on_engine(async move { inspection(&*driver)?.act(action, &asked).await }).await?;
        if action == Action::Cancel {
            for (&id, answer) in ids.iter().zip(&answers) {
                match answer {
                    Ok(JobState::Running) => self.inner.workers.tell(|worker| worker.cancelled(id)),
                    Ok(_) => self.terminal(id),
                    Err(_) => {}
                }
            }
        }
        Ok(answers)
    }

    /// Tells workers to fetch no more, or to stop so that whoever started them starts them again; they heed it within a third of their
    /// lease, 10 s by default. All that live where none is named. Answers how many were told.
    ///
    /// A worker that was told to restart ends its [`run`](crate::Worker::run) as by a signal.
    ///
    /// # Errors
    ///
    /// As [`job`](Queue::job).
    pub async fn tell(&self, told: Told, workers: &[WorkerId]) -> Result<usize, Error> {
        let (driver, workers) = (Arc::clone(self.driver()), workers.to_vec());
        self.on_engine(async move { inspection(&*driver)?.tell(told, &workers).await }).await
    }

    /// Does by hand what every worker does all the time: one batch of promoting what is due, taking back what dead workers held, and
    /// removing what is older than the limits say. Call it again while [`pruned`](Maintained::pruned) is the batch of the limits.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub async fn maintain(&self, limits: &MaintainLimits) -> Result<Maintained, Error> {
        let (driver, limits) = (Arc::clone(self.driver()), limits.clone());
        let maintained = self.on_engine(async move { driver.maintain(&limits).await }).await?;
        maintained.failed.iter().for_each(|row| self.terminal(row.id));
        Ok(maintained)
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
