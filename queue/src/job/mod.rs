//! What a job is: the traits, its identity, its options, and what comes of a run.

pub mod backoff;
pub mod context;
pub mod field;
pub mod filter;
mod flaw;
pub mod id;
pub(crate) mod in_arc;
mod message;
pub mod options;
pub mod outcome;
pub mod payload;
pub(crate) mod queue_name;
pub mod row;
mod sequence;
pub mod state;
pub mod transaction;
pub(crate) mod unique;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::container::{Dependency, ResolveError, Scope};
use crate::error::BoxError;

pub use backoff::Backoff;
pub use context::{CancelReason, JobContext};
pub use filter::Filter;
pub use id::JobId;
pub use options::{JobOptions, Unique};
pub use outcome::{JobError, JobResult, Outcome};
pub use payload::Payload;
pub use row::{AttemptError, JobRow, Progress};
pub use state::JobState;
pub use transaction::{HeldLease, SettleError, StoreTransaction};

/// A struct that can be pushed. Derive it: `#[derive(Queueable)]`.
///
/// The derive splits the fields: those marked `#[inject]` are services that the container gives when the job runs, all others
/// are the payload, which is stored. It also writes `with`, the `…Args` struct, and the registration.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a job",
    label = "not a job",
    note = "add `#[derive(Queueable)]` to `{Self}`"
)]
pub trait Queueable: Sized + 'static {
    /// The stable name that is stored with each job of this type.
    const KIND: &'static str;
    /// Earlier names under which jobs of this type may still wait.
    const ALIASES: &'static [&'static str];
    /// What the attributes say.
    const OPTIONS: JobOptions;
    /// The payload fields.
    type Args: Serialize + DeserializeOwned + Send + 'static;

    /// The injected fields, and what each needs.
    fn dependencies() -> &'static [Dependency];

    /// Puts a job together: the payload that was stored, and services from the container.
    ///
    /// # Errors
    ///
    /// When a service cannot be given.
    fn build(args: Self::Args, scope: &Scope<'_>) -> Result<Self, ResolveError>;

    /// Turns a payload that an older version of the type stored into one of this version.
    ///
    /// # Errors
    ///
    /// What the function named by `upgrade = ..` answers.
    fn upgrade(payload: serde_json::Value, from: u16) -> Result<serde_json::Value, BoxError> {
        let _ = from;
        Ok(payload)
    }

    /// Does not compile. It is there so that `SendWelcomeEmail { .. }.push()` is answered with what to write instead. By `&mut self`,
    /// the last that the compiler tries, so that a method of the job's own with this name goes first.
    #[doc(hidden)]
    fn push(&mut self) -> std::future::Ready<Result<(), std::convert::Infallible>>
    where
        for<'a> Self: IsPending<'a>,
    {
        std::future::ready(Ok(()))
    }
}

/// What no job is: only what `with(..)` gives is pending. The lifetime says nothing; it lets a method ask for what is known to be
/// missing.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a value of `{Self}` has its services and runs; what is pushed is a pending job",
    label = "write `{Self}::with(..)`, which takes the payload fields and no services"
)]
pub trait IsPending<'a> {}

/// What a job does.
///
/// Anything may be `?`-ed in [`handle`](Job::handle): see [`JobError`].
///
/// ```
/// use queue::prelude::*;
///
/// #[derive(Queueable)]
/// struct Greet { name: String }
///
/// impl Job for Greet {
///     async fn handle(&self) -> JobResult {
///         if self.name.is_empty() {
///             return Err("nobody to greet".into());
///         }
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` derives `Queueable` but has no `impl Job`",
    label = "this job does nothing yet",
    note = "add `impl Job for {Self} {{ async fn handle(&self) -> JobResult {{ Ok(()) }} }}`",
    note = "if `{Self}` has an `impl BlockingJob`, say so: `#[queueable(blocking)]`"
)]
pub trait Job: Queueable {
    /// One run. It may be run again after an error, a timeout, a panic or the death of its process, so it should bear that.
    fn handle(&self) -> impl Future<Output = JobResult> + Send;

    /// Called before a final failure is stored, at least once, when the job could be built; under the job's timeout.
    fn failed(&self, error: &JobError) -> impl Future<Output = ()> + Send {
        let _ = error;
        async {}
    }

    /// When to try again after attempt `attempt` (from 1). `None` means "as the options say", not "no retry".
    fn backoff(&self, attempt: u32, error: &JobError) -> Option<Duration> {
        let _ = (attempt, error);
        None
    }
}

/// What a job does whose work blocks its thread: it runs on the blocking pool. Goes with `#[queueable(blocking)]`.
///
/// ```
/// use queue::prelude::*;
///
/// #[derive(Queueable)]
/// #[queueable(blocking)]
/// struct Resize { width: u32 }
///
/// impl BlockingJob for Resize {
///     fn handle(&self) -> JobResult {
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is `#[queueable(blocking)]` but has no `impl BlockingJob`",
    label = "this job does nothing yet",
    note = "add `impl BlockingJob for {Self} {{ fn handle(&self) -> JobResult {{ Ok(()) }} }}`",
    note = "if `{Self}` has an `impl Job`, remove `blocking`"
)]
pub trait BlockingJob: Queueable {
    /// One run, on a thread that it may block.
    ///
    /// # Errors
    ///
    /// Whatever ended the run; see [`JobError`] for what each answer means.
    fn handle(&self) -> JobResult;

    /// Called before a final failure is stored, at least once, when the job could be built.
    fn failed(&self, error: &JobError) {
        let _ = error;
    }

    /// When to try again after attempt `attempt` (from 1). `None` means "as the options say", not "no retry".
    fn backoff(&self, attempt: u32, error: &JobError) -> Option<Duration> {
        let _ = (attempt, error);
        None
    }
}
