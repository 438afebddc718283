//! The handle that pushes jobs, and looks after them.
//!
//! A push goes from [`Pending`] (`pending`) over [`Push`] (`push`) either straight into a driver that never waits, or to the `intake`,
//! from which the `engine` stores whatever has gathered in one commit.

mod attach;
mod engine;
mod inspect;
mod intake;
pub mod pending;
pub mod push;
mod reply;
pub mod scope;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::container::{Dependencies, FromContainer, ResolveError, Scope};
use crate::drivers::{AtomicPush, Capabilities, Driver, Durability, Group, NewJob, PushError, PushResult, Pushed};
use crate::error::Error;
use crate::job::options::JobOptions;
use crate::job::{JobState, Queueable, StoreTransaction};
use crate::telemetry;

pub(crate) use attach::{Attached, Attachment};
pub use pending::{Dispatch, Pending};
pub use push::{Push, PushSet};
pub use scope::{Entered, Scoped};

use attach::Workers;
use engine::Engine;
use push::JobList;
use reply::Reply;

/// The handle that pushes jobs, and looks after them. Clones are the same queue.
///
/// A queue has a thread of its own, the engine, that stores what is pushed and that its workers live on. It needs nothing of the
/// caller's runtime, so pushes work from any thread, inside any runtime or none. The engine ends, after storing what waits, when the
/// last handle and the last worker are gone.
#[derive(Clone)]
pub struct Queue {
    inner: Arc<Inner>,
}

struct Inner {
    driver: Arc<dyn Driver>,
    capabilities: Capabilities,
    engine: Engine,
    workers: Workers,
    is_shut_down: AtomicBool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.engine.close();
    }
}

impl Queue {
    /// A queue on a driver of one's own.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use queue::{Queue, drivers::Memory};
    ///
    /// let queue = Queue::from_driver(Arc::new(Memory::new()));
    /// ```
    ///
    /// # Panics
    ///
    /// When the system gives no thread.
    #[must_use]
    pub fn from_driver(driver: Arc<dyn Driver>) -> Self {
        Self::try_from_driver(driver).expect("the system gives a thread and a poll handle for the engine")
    }

    /// The same, with an error where the system gives no thread.
    pub(crate) fn try_from_driver(driver: Arc<dyn Driver>) -> Result<Self, Error> {
        let engine = Engine::start(&driver)?;
        let capabilities = driver.capabilities();
        let inner = Inner { driver, capabilities, engine, workers: Workers::default(), is_shut_down: AtomicBool::new(false) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Pushes a job without payload, or a tuple of up to twelve, all or none, to the [current](Queue::current) queue.
    ///
    /// ```
    /// use queue::prelude::*;
    ///
    /// #[derive(Queueable)]
    /// struct PurgeSessions;
    /// impl Job for PurgeSessions {
    ///     async fn handle(&self) -> JobResult {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// Queue::connect("memory:").await?.install();
    /// Queue::push::<PurgeSessions>().await?;
    /// let (one, two) = Queue::push::<(PurgeSessions, PurgeSessions)>().await?;
    /// assert!(one.id < two.id);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push<S: PushSet>() -> Push<S::Pushed> {
        let queue = match Self::current() {
            Ok(queue) => queue,
            Err(error) => return Push::failed(error),
        };
        let mut jobs = JobList::default();
        S::add_to(&mut jobs);
        queue.submit(jobs, |pushed| S::take_from(&mut pushed.into_iter()))
    }

    /// Pushes to this queue: a pending job, a tuple of up to twelve, or a list of one kind; several are stored all or none.
    pub fn dispatch<D: Dispatch>(&self, jobs: D) -> Push<D::Pushed> {
        let mut list = JobList::default();
        jobs.add_to(&mut list);
        self.submit(list, |pushed| D::take_from(&mut pushed.into_iter()))
    }

    /// Pushes many jobs of one kind in bulk, all or none.
    pub fn dispatch_all<J: Queueable>(&self, jobs: impl IntoIterator<Item = Pending<J>>) -> Push<Vec<Pushed>> {
        let jobs = jobs.into_iter();
        let mut list = JobList::default();
        list.reserve(jobs.size_hint().0);
        jobs.for_each(|pending| list.add(pending));
        self.submit(list, Some)
    }

    /// Pushes in the caller's transaction: the jobs exist if and only if it commits. It goes past the engine, and wakes workers when the
    /// transaction has committed.
    ///
    /// # Errors
    ///
    /// [`PushError::WrongTransaction`] for a transaction of another store, and what the store says.
    pub async fn dispatch_in<D: Dispatch>(
        &self,
        transaction: &mut impl StoreTransaction,
        jobs: D,
    ) -> Result<D::Pushed, PushError> {
        let mut list = JobList::default();
        jobs.add_to(&mut list);
        let jobs = list.finish()?;
        self.check(&jobs)?;
        let pushed = self.inner.driver.push_in(transaction, jobs).await?;
        let missing = || PushError::Store("the driver did not answer for each job of the push".into());
        D::take_from(&mut pushed.into_iter()).ok_or_else(missing)
    }

    /// Gives jobs to the driver or to the engine, at once.
    fn submit<T>(&self, jobs: JobList, finish: fn(Vec<Pushed>) -> Option<T>) -> Push<T> {
        let jobs = match jobs.finish().and_then(|jobs| self.check(&jobs).map(|()| jobs)) {
            Ok(jobs) => jobs,
            Err(error) => return Push::failed(error),
        };
        if jobs.is_empty() {
            return Push::ready(Ok(Vec::new()), finish);
        }
        let is_sync = self.inner.capabilities.push_waits;
        if is_sync && self.inner.workers.is_empty() {
            return Push::failed(PushError::NoWorker);
        }
        let mut groups = vec![Group { jobs, tick: None }];
        // What waits goes first, so that pushes of one caller stay in order.
        if self.inner.engine.intake.is_empty()
            && let Some(mut results) = self.inner.driver.push_now(&mut groups)
            && let Some(result) = results.pop()
        {
            if let Ok(pushed) = &result {
                metrics::counter!(telemetry::JOBS_PUSHED).increment(pushed.len() as u64);
            }
            return if is_sync { self.wait_for_end(result, finish) } else { Push::ready(result, finish) };
        }
        let reply = Arc::new(Reply::default());
        for group in groups {
            if let Err(error) = self.inner.engine.intake.accept(group, Arc::clone(&reply)) {
                return Push::failed(error);
            }
        }
        Push::waiting(reply, finish, false)
    }

    /// `sync:` a push resolves when its jobs are terminal, a duplicate's when the job that was there is.
    fn wait_for_end<T>(&self, stored: PushResult, finish: fn(Vec<Pushed>) -> Option<T>) -> Push<T> {
        let pushed = match stored {
            Ok(pushed) => pushed,
            Err(error) => return Push::failed(error),
        };
        let reply = Arc::new(Reply::default());
        let (queue, answer) = (self.clone(), Arc::clone(&reply));
        self.engine().spawn(async move {
            let result = queue.all_ended(&pushed).await;
            answer.answer(result.map(|()| pushed));
        });
        Push::waiting(reply, finish, true)
    }

    async fn all_ended(&self, pushed: &[Pushed]) -> Result<(), PushError> {
        for one in pushed {
            let row = self.until_terminal(one.id).await.map_err(|error| PushError::Store(error.into()))?;
            if row.state != JobState::Completed {
                let error = row.errors.last().map_or_else(|| "no error was recorded".to_owned(), |error| error.message.clone());
                return Err(PushError::Job { id: one.id, state: row.state, error });
            }
        }
        Ok(())
    }

    /// What can be said of a push without the store.
    fn check(&self, jobs: &[NewJob]) -> Result<(), PushError> {
        if self.inner.is_shut_down.load(Ordering::Acquire) {
            return Err(PushError::Closed);
        }
        let can = &self.inner.capabilities;
        let driver = self.inner.driver.name();
        let refuse = |what: String| Err(PushError::Unsupported { driver, what });
        match can.atomic_push {
            AtomicPush::Chunks(most) if jobs.len() > most => {
                return refuse(format!("{} jobs all or none, it stores at most {most}", jobs.len()));
            }
            AtomicPush::PerQueue if jobs.windows(2).any(|two| two[0].queue != two[1].queue) => {
                return refuse("jobs of several queues all or none".to_owned());
            }
            _ => {}
        }
        if !can.unique && jobs.iter().any(|job| job.unique_key().is_some()) {
            return refuse("a unique job".to_owned());
        }
        if can.priorities < 2 && jobs.iter().any(|job| job.priority != JobOptions::DEFAULT_PRIORITY) {
            return refuse("a priority".to_owned());
        }
        Ok(())
    }

    /// Waits until everything that was pushed before is stored, or was refused: each push tells its own failure.
    ///
    /// # Errors
    ///
    /// [`PushError::Closed`] when the engine has ended.
    pub async fn flush(&self) -> Result<(), PushError> {
        let intake = Arc::clone(&self.inner.engine.intake);
        self.engine().spawn(async move { intake.flushed().await }).await.map_err(|_| PushError::Closed)
    }

    /// Ends the pushing: from now on a push is [`PushError::Closed`]. What was pushed before is stored; on the memory driver the log
    /// says how many waiting jobs die with the process. Workers go on until they stop; the driver is closed by whichever ends last.
    ///
    /// # Errors
    ///
    /// [`PushError::Closed`] when the engine has ended.
    pub async fn shutdown(&self) -> Result<(), PushError> {
        self.inner.is_shut_down.store(true, Ordering::Release);
        self.flush().await?;
        self.log_what_dies().await;
        self.close_driver_if_last().await;
        Ok(())
    }

    /// On a driver that keeps nothing: says how many waiting jobs die with the process.
    pub(crate) async fn log_what_dies(&self) {
        if self.inner.capabilities.durability != Durability::Process {
            return;
        }
        let Ok(counts) = self.counts().await else { return };
        let waiting: u64 = JobState::ALL.into_iter().filter(|state| !state.is_terminal()).map(|state| counts.total(state)).sum();
        if waiting > 0 {
            tracing::warn!(jobs = waiting, "{waiting} jobs in memory did not end, and die with the process");
        }
    }

    async fn close_driver_if_last(&self) {
        if self.inner.is_shut_down.load(Ordering::Acquire) && self.inner.workers.is_empty() {
            self.inner.engine.close_driver(Arc::clone(&self.inner.driver)).await;
        }
    }

    pub(crate) fn driver(&self) -> &Arc<dyn Driver> {
        &self.inner.driver
    }

    /// The runtime of the engine thread.
    pub(crate) fn engine(&self) -> &tokio::runtime::Handle {
        &self.inner.engine.handle
    }
}

impl FromContainer for Queue {
    fn dependencies(needs: &mut Dependencies) {
        needs.run_value::<Self>();
    }

    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
        scope.run_value::<Self>().map(|queue| (*queue).clone())
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("driver", &self.inner.driver.name()).finish_non_exhaustive()
    }
}
