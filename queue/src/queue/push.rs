//! A push on its way, and what can be pushed by type.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use crate::drivers::{NewJob, PushError, PushResult, Pushed};
use crate::job::Queueable;

use super::observe::{self, Labels, Observer};
use super::reply::{Reply, unheard};
use super::{Pending, names, pending};

/// A push on its way. The job is with the engine already: dropping this changes nothing, and awaiting it, or
/// [`wait`](Push::wait), confirms that the driver has stored the job. To wait until the job has *run* is
/// [`Queue::wait`](crate::Queue::wait).
///
/// A push that nobody awaits and that fails is logged as an error; the first one is written to standard error where the program has
/// no `tracing` subscriber. Write `drop(..)` where clippy objects to `let _ =`. What nobody
/// awaits is stored when the engine gets to it: [`flush`](crate::Queue::flush), [`shutdown`](crate::Queue::shutdown) and the end of
/// [`Worker::run`](crate::Worker::run) wait for it, and a process that ends without any of them may lose it.
///
/// Cancel safe: the job is pushed all the same.
///
/// ```
/// use queue::prelude::*;
///
/// #[derive(Queueable)]
/// struct Announce { name: String }
/// impl Job for Announce {
///     async fn handle(&self) -> JobResult {
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let queue = Queue::connect("memory:").wait()?;
/// let pushed = queue.dispatch(Announce::with("Ada".to_owned())).wait()?;      // confirmed, on a plain thread
/// assert!(!pushed.is_duplicate);
/// drop(queue.dispatch(Announce::with("Grace".to_owned())));                   // fire and forget
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Awaiting it gives what is wrong with the push: nothing was stored.
/// - [`PushError::NoQueue`], [`PushError::Closed`], and on `sync:` [`PushError::NoWorker`];
/// - [`PushError::Encode`], [`PushError::TooLarge`], [`PushError::Unsupported`] for what the job or the driver cannot;
/// - [`PushError::Overloaded`] when too much waits to be stored, [`PushError::Unavailable`] when the store was away for 30 s,
///   [`PushError::Store`] with what else it says;
/// - on `sync:`, where the answer comes when the job has ended, [`PushError::Job`].
pub struct Push<T> {
    state: State,
    finish: fn(Vec<Pushed>) -> Option<T>,
    /// On `sync:` a thread that waits may be the one that the job needs.
    is_sync: bool,
}

/// Jobs that were given to the driver or to the engine.
pub(super) enum Storing {
    Done(PushResult),
    UnderWay(Arc<Reply>),
}

enum State {
    Storing(Storing),
    Taken,
}

impl<T> Push<T> {
    /// A push that failed before it was given to anybody.
    pub(super) fn failed(error: PushError) -> Self {
        Self::new(Storing::Done(Err(error)), |_| None, false)
    }

    pub(super) fn new(storing: Storing, finish: fn(Vec<Pushed>) -> Option<T>, is_sync: bool) -> Self {
        Self { state: State::Storing(storing), finish, is_sync }
    }

    fn take(&mut self) -> Option<Storing> {
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Storing(storing) => Some(storing),
            State::Taken => None,
        }
    }

    fn finish(&self, result: PushResult) -> Result<T, PushError> {
        let missing = || PushError::Store("the driver did not answer for each job of the push".into());
        result.and_then(|pushed| (self.finish)(pushed).ok_or_else(missing))
    }

    /// Parks the thread until the driver has stored the job. It works anywhere; inside a runtime it holds up a thread that other
    /// tasks need, so there it warns once. (It cannot tell a blocking handler or `spawn_blocking` from a task, and warns there too.)
    ///
    /// # Errors
    ///
    /// As awaiting does; on `sync:` inside a runtime [`PushError::WouldBlock`], since the job may need the very thread: the job is
    /// pushed all the same, and `.await` is the way to its end.
    ///
    /// # Panics
    ///
    /// When it has given its answer to an `.await` before.
    pub fn wait(mut self) -> Result<T, PushError> {
        static WARNED: AtomicBool = AtomicBool::new(false);
        let reply = match self.take().expect(ANSWERED) {
            Storing::Done(result) => return self.finish(result),
            Storing::UnderWay(reply) => reply,
        };
        if tokio::runtime::Handle::try_current().is_ok() {
            if self.is_sync {
                reply.abandon();
                return Err(PushError::WouldBlock);
            }
            if !WARNED.swap(true, Ordering::Relaxed) {
                tracing::warn!("`.wait()` inside a runtime holds up a thread that other tasks need: use `.await`");
            }
        }
        self.finish(reply.wait())
    }
}

/// What a second answer would be asked for.
const ANSWERED: &str = "a `Push` gives its answer once";

impl<T> Future for Push<T> {
    type Output = Result<T, PushError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match self.take().expect(ANSWERED) {
            Storing::Done(result) => result,
            Storing::UnderWay(reply) => match reply.poll(context.waker()) {
                Poll::Ready(result) => result,
                Poll::Pending => {
                    self.state = State::Storing(Storing::UnderWay(reply));
                    return Poll::Pending;
                }
            },
        };
        Poll::Ready(self.finish(result))
    }
}

impl<T> Drop for Push<T> {
    fn drop(&mut self) {
        match self.take() {
            Some(Storing::Done(Err(error))) => unheard(&error),
            Some(Storing::UnderWay(reply)) => reply.abandon(),
            Some(Storing::Done(Ok(_))) | None => {}
        }
    }
}

impl<T> fmt::Debug for Push<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Storing(Storing::Done(Ok(_))) => "stored",
            State::Storing(Storing::Done(Err(_))) => "failed",
            State::Storing(Storing::UnderWay(_)) => "under way",
            State::Taken => "taken",
        };
        f.debug_struct("Push").field("state", &state).finish_non_exhaustive()
    }
}

/// What [`Queue::push`](crate::Queue::push) takes: a job without payload, or a tuple of up to twelve of them.
///
/// The derive implements it for each job. For one that has payload fields the impl asks for `WithoutPayload`, which nothing is, so that
/// the compiler says what to write instead.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be pushed by type alone",
    label = "not a job",
    note = "a struct becomes a job by `#[derive(Queueable)]`",
    note = "several at once: a tuple of 1 to 12 jobs, or `queue.dispatch_all(..)`"
)]
pub trait PushSet {
    /// `Pushed`, or a tuple of it.
    type Pushed;

    /// Adds the jobs, in order.
    #[doc(hidden)]
    fn add_to(jobs: &mut JobList);

    /// Takes back what became of them, in order.
    #[doc(hidden)]
    fn take_from(pushed: &mut std::vec::IntoIter<Pushed>) -> Option<Self::Pushed>;
}

/// What a job with payload fields is not. The lifetime says nothing; it lets an impl ask for what is known to be missing.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be pushed by type alone",
    label = "has payload fields",
    note = "`{Self}` has payload fields: write `{Self}::with(..).push()`",
    note = "several at once: `queue.dispatch((One::with(..), Other::with(..)))`"
)]
pub trait WithoutPayload<'q> {}

/// What no jobs at all are not, in the same way.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no job to push",
    label = "no job",
    note = "name a job without payload, or a tuple of 1 to 12 of them: `Queue::push::<PurgeSessions>()`"
)]
pub trait NamesAJob<'q> {}

impl PushSet for ()
where
    for<'q> (): NamesAJob<'q>,
{
    type Pushed = ();

    fn add_to(_jobs: &mut JobList) {}

    fn take_from(_pushed: &mut std::vec::IntoIter<Pushed>) -> Option<()> {
        None
    }
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        tuples!($($rest)*);
        impl<$first: PushSet, $($rest: PushSet),*> PushSet for ($first, $($rest,)*) {
            type Pushed = ($first::Pushed, $($rest::Pushed,)*);

            fn add_to(jobs: &mut JobList) {
                $first::add_to(jobs);
                $($rest::add_to(jobs);)*
            }

            fn take_from(pushed: &mut std::vec::IntoIter<Pushed>) -> Option<Self::Pushed> {
                Some(($first::take_from(pushed)?, $($rest::take_from(pushed)?,)*))
            }
        }
    };
    () => {};
}

tuples!(A B C D E F G H I J K L);

/// The jobs of one push, encoded; the first error is kept.
#[derive(Debug, Default)]
pub struct JobList {
    jobs: Vec<NewJob>,
    /// Where the queue or the kind changes.
    starts: Vec<usize>,
    error: Option<PushError>,
    /// The one that is the error's, where it is not counted yet.
    refused: Option<Box<NewJob>>,
}

impl JobList {
    /// Encodes a job and adds it.
    pub fn add<J: Queueable>(&mut self, pending: Pending<J>) {
        if self.error.is_some() {
            return;
        }
        match pending.encode() {
            Ok(job) => self.append(job),
            Err(error) => {
                observe::refused(J::KIND, J::OPTIONS.queue);
                self.error = Some(error);
            }
        }
    }

    /// Checks a job and adds it.
    pub(super) fn add_new(&mut self, job: NewJob) {
        if self.error.is_some() {
            return;
        }
        // Shared with those of earlier pushes: what is measured of a push knows names by their address.
        let job = NewJob { kind: names::of_push(&job.kind), queue: names::of_push(&job.queue), ..job };
        match pending::check(&job) {
            Ok(()) => self.append(job),
            Err(error) => (self.error, self.refused) = (Some(error), Some(Box::new(job))),
        }
    }

    fn append(&mut self, job: NewJob) {
        let is_alike = |last: &NewJob| Arc::ptr_eq(&last.queue, &job.queue) && Arc::ptr_eq(&last.kind, &job.kind);
        if self.jobs.last().is_some_and(|last| !is_alike(last)) {
            self.starts.push(self.jobs.len());
        }
        self.jobs.push(job);
    }

    pub(super) fn reserve(&mut self, jobs: usize) {
        self.jobs.reserve(jobs);
    }

    pub(super) fn finish(self, labels: &Labels) -> Result<(Vec<NewJob>, Observer), PushError> {
        match self.error {
            Some(error) => {
                if let Some(job) = self.refused {
                    Observer::of(&[*job], &[], labels).failed(&error);
                }
                Err(error)
            }
            None => {
                let observer = Observer::of(&self.jobs, &self.starts, labels);
                Ok((self.jobs, observer))
            }
        }
    }
}
