//! The handle that pushes jobs, and looks after them.
//!
//! A push goes from [`Pending`] (`pending`) over [`Push`] (`push`) either straight into a driver that never waits, or to the `intake`,
//! from which the `engine` stores whatever has gathered in one commit; the answer comes back by a `reply`. Which queue is meant is in
//! `scope`, how jobs are looked at in `inspect`, how their end is waited for in `terminal`, what is measured and
//! traced of pushes in `observe`.

mod attach;
mod engine;
mod inspect;
mod intake;
mod names;
mod observe;
pub mod pending;
pub mod push;
mod reply;
pub mod scope;
mod terminal;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::Instrument;

use crate::container::{Dependencies, FromContainer, ResolveError, Scope};
use crate::drivers::{AtomicPush, Capabilities, Driver, Durability, Group, NewJob, PushError, PushResult, Pushed};
use crate::error::Error;
use crate::job::in_arc::{InArc, NoHandle};
use crate::job::options::JobOptions;
use crate::job::{JobState, Queueable, StoreTransaction};
use crate::telemetry;

pub(crate) use attach::{Attached, Attachment};
pub use pending::{Dispatch, Pending};
pub use push::{Push, PushSet};
pub use scope::{Entered, Scoped};

use attach::Workers;
use engine::Engine;
use observe::{Labels, Observer};
use push::{JobList, Storing};
use reply::Reply;
use terminal::Waiters;

/// For how many jobs of a bulk push there is room from the start.
const MOST_RESERVED: usize = 1_000_000;

/// The handle that pushes jobs, and looks after them. Clones are the same queue.
///
/// A queue has a thread of its own, the engine, that stores what is pushed and that its workers live on. It needs nothing of the
/// caller's runtime, so pushes work from any thread, inside any runtime or none. The engine ends, after storing what waits and closing
/// the driver, when the last handle and the last worker are gone. It has a thread of its own for that, which the end of the process
/// does not wait for: [`flush`](Queue::flush) or [`shutdown`](Queue::shutdown) first.
#[derive(Clone)]
pub struct Queue {
    inner: Arc<Inner>,
}

struct Inner {
    driver: Arc<dyn Driver>,
    capabilities: Capabilities,
    engine: Engine,
    workers: Workers,
    waiters: Waiters,
    labels: Labels,
    /// Nothing more is pushed, and what was is stored: the driver can be closed when no worker is left.
    is_drained: AtomicBool,
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
    /// When the system gives no thread, or no handle to poll.
    #[must_use]
    pub fn from_driver(driver: Arc<dyn Driver>) -> Self {
        Self::try_from_driver(driver).expect("the system gives a thread and a poll handle for the engine")
    }

    /// The same, with an error where the system gives no thread.
    pub(crate) fn try_from_driver(driver: Arc<dyn Driver>) -> Result<Self, Error> {
        let engine = Engine::start(&driver)?;
        let capabilities = driver.capabilities();
        let (workers, waiters) = (Workers::default(), Waiters::default());
        let labels = Labels::new();
        let inner = Inner { driver, capabilities, engine, workers, waiters, labels, is_drained: AtomicBool::new(false) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Pushes a job without payload, or a tuple of up to twelve, all or none, to the [current](Queue::current) queue.
    ///
    /// It names the job by its type and takes no value: a job with payload is pushed by `J::with(..).push()`, and on a queue at hand by
    /// [`queue.dispatch(J::with(..))`](Queue::dispatch).
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
        let mut jobs = JobList::default();
        S::add_to(&mut jobs);
        match Self::current() {
            Ok(queue) => queue.submit(jobs, |pushed| S::take_from(&mut pushed.into_iter())),
            Err(error) => {
                if let Ok((_, observer)) = jobs.finish(&Labels::new()) {
                    observer.failed(&error);
                }
                Push::failed(error)
            }
        }
    }

    /// Pushes to this queue: a pending job, a tuple of up to twelve, or a list of one kind; several are stored all or none.
    ///
    /// ```
    /// use queue::prelude::*;
    ///
    /// #[derive(Queueable)]
    /// struct Shrink { width: u32 }
    /// impl Job for Shrink {
    ///     async fn handle(&self) -> JobResult {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let queue = Queue::connect("memory:").await?;
    /// queue.dispatch(Shrink::with(80)).await?;
    /// let (small, large) = queue.dispatch((Shrink::with(80), Shrink::with(1_600))).await?;
    /// assert_ne!(small.id, large.id);
    /// let all = queue.dispatch_all((1..=1_000).map(Shrink::with)).await?;
    /// assert_eq!(all.len(), 1_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dispatch<D: Dispatch>(&self, jobs: D) -> Push<D::Pushed> {
        let mut list = JobList::default();
        jobs.add_to(&mut list);
        self.submit(list, |pushed| D::take_from(&mut pushed.into_iter()))
    }

    /// Pushes many jobs of one kind in bulk, all or none. An empty list is stored at once, and nothing is.
    pub fn dispatch_all<J: Queueable>(&self, jobs: impl IntoIterator<Item = Pending<J>>) -> Push<Vec<Pushed>> {
        let jobs = jobs.into_iter();
        let mut list = JobList::default();
        // An iterator may say anything of its size.
        list.reserve(jobs.size_hint().0.min(MOST_RESERVED));
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
        let (jobs, observer) = list.finish(&self.inner.labels)?;
        let expected = jobs.len();
        let store = async {
            self.check(&jobs)?;
            let pushed = match expected {
                0 => Vec::new(),
                _ => self.inner.driver.push_in(transaction, jobs).await?,
            };
            let pushed = (pushed.len() == expected).then_some(pushed);
            pushed.and_then(|pushed| D::take_from(&mut pushed.into_iter())).ok_or_else(|| engine::silent(&*self.inner.driver))
        };
        let pushed = store.instrument(observer.span()).await;
        // Stored jobs are not counted: the transaction may not commit.
        pushed.inspect_err(|error| observer.failed(error))
    }

    /// Gives jobs to the driver or to the engine, at once.
    fn submit<T>(&self, jobs: JobList, finish: fn(Vec<Pushed>) -> Option<T>) -> Push<T> {
        let is_sync = self.inner.capabilities.push_waits;
        let storing = match jobs.finish(&self.inner.labels) {
            Err(error) => Storing::Done(Err(error)),
            Ok((jobs, observer)) => match self.check(&jobs) {
                Err(error) => refused(error, &observer),
                Ok(()) if jobs.is_empty() => Storing::Done(Ok(Vec::new())),
                Ok(()) if is_sync => self.store_and_wait(jobs, observer),
                Ok(()) => self.store(jobs, observer),
            },
        };
        Push::new(storing, finish, is_sync)
    }

    /// Stores jobs, all or none: on this thread where the driver never waits, else on the engine.
    fn store(&self, jobs: Vec<NewJob>, observer: Observer) -> Storing {
        let (expected, mut groups) = (jobs.len(), vec![Group { jobs, tick: None }]);
        // What waits goes first, so that pushes of one caller stay in order.
        if self.inner.engine.intake.is_empty()
            && let Some(result) = observer.within(|| self.store_now(&mut groups, expected))
        {
            observer.ended(&result);
            return Storing::Done(result);
        }
        // A driver that took the group, and said that it did not.
        let Some(group) = groups.pop() else { return refused(engine::silent(&*self.inner.driver), &observer) };
        let (answer, reply) = Reply::new();
        match self.inner.engine.intake.accept(group, answer, observer, self.inner.driver.clock().now()) {
            Ok(()) => Storing::UnderWay(reply),
            Err(error) => Storing::Done(Err(error)),
        }
    }

    /// Stores on this thread, if the driver can.
    fn store_now(&self, groups: &mut Vec<Group>, expected: usize) -> Option<PushResult> {
        let driver = &*self.inner.driver;
        // A shutdown waits for it, so that nothing is confirmed by a driver that is closed.
        let Some(_storing) = self.inner.engine.intake.begin_now() else { return Some(Err(PushError::Closed)) };
        let result = match catch_unwind(AssertUnwindSafe(|| driver.push_now(groups))) {
            Ok(results) => match results?.pop() {
                Some(Ok(pushed)) if pushed.len() == expected => Ok(pushed),
                Some(Err(error)) => Err(error),
                Some(Ok(_)) | None => Err(engine::silent(driver)),
            },
            Err(_) => Err(engine::panicked(driver)),
        };
        Some(result)
    }

    /// What can be said of a push without the store.
    fn check(&self, jobs: &[NewJob]) -> Result<(), PushError> {
        if self.inner.engine.intake.is_sealed() {
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
    /// Cancel safe: nothing depends on it. Any executor can await it.
    ///
    /// ```
    /// use queue::prelude::*;
    ///
    /// #[derive(Queueable)]
    /// struct Beat;
    /// impl Job for Beat {
    ///     async fn handle(&self) -> JobResult {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let queue = Queue::connect("memory:").await?;
    /// for _ in 0..100 {
    ///     drop(queue.dispatch(Beat::with()));
    /// }
    /// queue.flush().await?;
    /// assert_eq!(queue.counts().await?.total(queue::JobState::Available), 100);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PushError::Closed`] when the engine has ended.
    pub async fn flush(&self) -> Result<(), PushError> {
        let intake = Arc::clone(&self.inner.engine.intake);
        // Read here, not by the task: what is pushed until that runs does not count.
        let goal = intake.next();
        self.engine().spawn(async move { intake.flushed(goal).await }).await.map_err(|_| PushError::Closed)
    }

    /// Ends the pushing: from now on a push is [`PushError::Closed`]. What was pushed before is stored. Workers go on until they stop;
    /// the driver is closed by whichever ends last, and the memory driver logs then how many waiting jobs die with the process.
    ///
    /// Cancel safe: when the future is dropped, once polled, the shutdown goes on by itself.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let queue = queue::Queue::connect("memory:").await.unwrap();
    /// queue.shutdown().await?;
    /// # Ok::<(), queue::PushError>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`PushError::Closed`] when the engine has ended.
    pub async fn shutdown(&self) -> Result<(), PushError> {
        let queue = self.clone();
        // Here, not by the task: nothing is taken any more when this was called.
        self.inner.engine.intake.seal();
        let ends = async move {
            let intake = &queue.inner.engine.intake;
            intake.quiet().await;
            intake.flushed(intake.next()).await;
            // Before the look at the workers: the last of them looks at this when it has left, so one of the two sees the other.
            queue.inner.is_drained.store(true, Ordering::Release);
            queue.close_driver_if_last().await;
        };
        self.engine().spawn(ends).await.map_err(|_| PushError::Closed)
    }

    /// On a driver that keeps nothing: says how many waiting jobs die with the process. A closed driver has said so itself.
    pub(crate) async fn log_what_dies(&self) {
        if self.inner.capabilities.durability != Durability::Process || self.inner.engine.is_driver_closed() {
            return;
        }
        let Ok(counts) = self.counts().await else { return };
        let live = JobState::ALL.into_iter().filter(|state| !state.is_terminal());
        telemetry::warn_of_what_dies(live.map(|state| counts.total(state)).sum());
    }

    async fn close_driver_if_last(&self) {
        if self.inner.is_drained.load(Ordering::Acquire) && self.inner.workers.is_empty() {
            self.inner.engine.close_driver(Arc::clone(&self.inner.driver)).await;
        }
    }

    /// The driver of this queue, for programs that look into stores themselves.
    ///
    /// All but its inspection, [`push_now`](Driver::push_now), [`exchange_now`](Driver::exchange_now) and what needs no store is meant for
    /// the engine of a queue.
    ///
    /// ```
    /// let queue = queue::Queue::connect("memory:").wait()?;
    /// assert_eq!(queue.driver().name(), "memory");
    /// # Ok::<(), queue::Error>(())
    /// ```
    #[must_use]
    pub fn driver(&self) -> &Arc<dyn Driver> {
        &self.inner.driver
    }

    /// The runtime of the engine thread.
    pub(crate) fn engine(&self) -> &tokio::runtime::Handle {
        &self.inner.engine.handle
    }
}

impl InArc<Queue> {
    /// Does not compile.
    pub fn check()
    where
        for<'a> Queue: NoHandle<'a>,
    {
    }
}

/// A push that nobody stores.
fn refused(error: PushError, observer: &Observer) -> Storing {
    observer.failed(&error);
    Storing::Done(Err(error))
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
