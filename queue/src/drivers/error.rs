//! Why a push was not stored.

use std::fmt;

use crate::error::{BoxError, chain};
use crate::job::JobId;
use crate::job::payload::{DecodeError, EncodeError};

/// Why a push was not stored, or, on `sync:`, why its job did not complete.
///
/// `Debug` prints the whole chain as readable text, because that is what `main` prints.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// No queue is installed, entered or in scope.
    #[error(
        "there is no queue to push to: call `.install()` on the one that `Queue::connect` gives, or push inside `queue.scope(..)`"
    )]
    NoQueue,
    /// The queue was shut down.
    #[error("the queue was shut down, so it takes no more jobs")]
    Closed,
    /// `sync:` has no started worker to run the job.
    #[error(
        "`sync:` runs jobs while they are pushed, and no worker is started: start one with `Worker::builder(&queue, container)`"
    )]
    NoWorker,
    /// `.wait()` on `sync:` would block a thread that the job may need.
    #[error(
        "the job is pushed, but `.wait()` on `sync:` inside a runtime would block the thread that it may need: use `.await` to learn how it ends"
    )]
    WouldBlock,
    /// The job cannot be stored as it is: its payload is no JSON, or one of its options is out of bounds.
    #[error("{}", not_encoded(.kind, .source))]
    Encode {
        /// The job's kind.
        kind: String,
        /// What serde says of the payload, or what is wrong with the options or the arguments.
        #[source]
        source: BoxError,
    },
    /// The payload, or what is stored with it, is over the limit.
    #[error(
        "the {what} of `{kind}` has {size} bytes and the limit is {limit}: store the data elsewhere and push a reference to it"
    )]
    TooLarge {
        /// The job's kind.
        kind: String,
        /// What is too large: `payload`, `meta`, `list of tags`, or the payload with what else is stored.
        what: String,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Too much waits to be stored.
    #[error(
        "{waiting} jobs wait to be stored and the bound is {limit} jobs or {limit_bytes} bytes: await your pushes, or push less at once"
    )]
    Overloaded {
        /// How many jobs wait.
        waiting: usize,
        /// The bound in jobs.
        limit: usize,
        /// The bound in bytes.
        limit_bytes: usize,
    },
    /// The store was away for longer than the engine retries.
    #[error("the store is away, and stayed so while the push was tried again")]
    Unavailable(#[source] BoxError),
    /// The transaction belongs to another store.
    #[error("the queue `{queue}` cannot push into a transaction of `{transaction}`")]
    WrongTransaction {
        /// The driver.
        queue: &'static str,
        /// The transaction's database.
        transaction: &'static str,
    },
    /// The transaction reads an old state of the database, so it cannot write.
    #[error("the transaction began with a read and its snapshot is stale, so it cannot write: begin it with `BEGIN IMMEDIATE`")]
    StaleSnapshot(#[source] BoxError),
    /// The driver cannot do what the push asks.
    #[error("the driver `{driver}` cannot store this: {what}")]
    Unsupported {
        /// The driver.
        driver: &'static str,
        /// What it cannot.
        what: String,
    },
    /// Only on `sync:`: the job ran and did not complete.
    #[error("the job {id} ended as {state}: {error}", state = .state.as_str())]
    Job {
        /// The job.
        id: JobId,
        /// How it ended.
        state: crate::job::JobState,
        /// What the last attempt said.
        error: String,
    },
    /// The store answered with an error, or, on `sync:`, does not tell how the job ended.
    #[error("the store did not confirm the push")]
    Store(#[source] BoxError),
}

impl PushError {
    /// The same for each of several that it happened to.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn again(&self) -> Self {
        let text = |error: &BoxError| -> BoxError { chain(&**error).into() };
        match self {
            Self::Unavailable(source) => Self::Unavailable(text(source)),
            Self::Store(source) => Self::Store(text(source)),
            Self::StaleSnapshot(source) => Self::StaleSnapshot(text(source)),
            other => Self::Store(chain(other).into()),
        }
    }
}

fn not_encoded(kind: &str, source: &BoxError) -> String {
    if source.is::<EncodeError>() {
        format!("the payload of `{kind}` cannot be encoded as JSON")
    } else if source.is::<DecodeError>() {
        format!("`{kind}` cannot be pushed with these arguments")
    } else {
        format!("`{kind}` cannot be pushed with these options")
    }
}

impl fmt::Debug for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(self))
    }
}
