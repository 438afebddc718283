//! How a run ends.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use super::message::shortened;
use crate::error::{BoxError, MOST_CAUSES, chain};

/// What `handle` answers.
pub type JobResult = Result<(), JobError>;

/// Why a run did not complete, and what shall come of it.
///
/// It is made from any error by `?` or `into()`: `io::Error`, `anyhow::Error`, `eyre::Report`, `&'static str`, `String`, your own.
/// Such an error costs the attempt and is tried again. The functions here say something else:
///
/// ```
/// use std::time::Duration;
/// use queue::JobError;
///
/// let later = JobError::retry_in(Duration::from_secs(60), "the server is busy");
/// let never = JobError::fail("the account is closed");
/// let sleep = JobError::snooze(Duration::from_secs(3600));
/// let gone = JobError::cancel("the order was taken back");
/// assert_eq!(never.to_string(), "the account is closed");
/// ```
///
/// So that `From` can take every error, `JobError` itself is not a [`std::error::Error`]; see [`source`](JobError::source).
pub struct JobError {
    verdict: Verdict,
    source: BoxError,
}

/// What shall come of a run that did not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As the backoff says.
    Retry,
    /// After this time.
    RetryIn(Duration),
    /// No more attempts.
    Fail,
    /// Again after this time, attempt not counted.
    Snooze(Duration),
    /// Never.
    Cancel,
}

impl JobError {
    /// Try again after this time; the attempt counts.
    pub fn retry_in(delay: Duration, error: impl Into<BoxError>) -> Self {
        Self { verdict: Verdict::RetryIn(delay), source: error.into() }
    }

    /// Do not try again: the job has failed.
    pub fn fail(error: impl Into<BoxError>) -> Self {
        Self { verdict: Verdict::Fail, source: error.into() }
    }

    /// Come again after this time; the attempt does not count.
    #[must_use]
    pub fn snooze(delay: Duration) -> Self {
        Self { verdict: Verdict::Snooze(delay), source: format!("snoozed for {delay:?}").into() }
    }

    /// Take the job back: it ends as cancelled.
    pub fn cancel(reason: impl Into<BoxError>) -> Self {
        Self { verdict: Verdict::Cancel, source: reason.into() }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The error inside.
    #[must_use]
    pub fn source(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.source
    }

    /// The error inside, taken out.
    #[must_use]
    pub fn into_source(self) -> BoxError {
        self.source
    }

    /// The chain in one line, as it is stored with the attempt: one over 64 KiB is cut, and says how long it was.
    #[must_use]
    pub fn message(&self) -> String {
        shortened(chain(&*self.source))
    }

    /// The first error of type `E` in the chain. It sees through `io::Error` and, with the feature `anyhow`, `anyhow::Error`;
    /// an `eyre::Report` shows what was put behind `wrap_err`.
    ///
    /// ```
    /// use std::io;
    /// use queue::JobError;
    ///
    /// let error = JobError::from(io::Error::new(io::ErrorKind::NotFound, "no template"));
    /// assert!(error.downcast_ref::<io::Error>().is_some());
    /// ```
    #[must_use]
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        let mut next: Option<&(dyn StdError + 'static)> = Some(&*self.source);
        for _ in 0..=MOST_CAUSES {
            let error = next?;
            if let Some(found) = error.downcast_ref::<E>() {
                return Some(found);
            }
            // `io::Error::other(error).source()` skips the error itself and gives its source.
            if let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
                next = Some(inner);
            } else {
                next = error.source();
            }
        }
        None
    }
}

impl<E: Into<BoxError> + 'static> From<E> for JobError {
    fn from(error: E) -> Self {
        Self { verdict: Verdict::Retry, source: boxed(error) }
    }
}

#[cfg(not(feature = "anyhow"))]
fn boxed<E: Into<BoxError> + 'static>(error: E) -> BoxError {
    error.into()
}

/// `anyhow::Error` hides its error from `downcast_ref` when it is boxed by `into`; this way it does not.
#[cfg(feature = "anyhow")]
fn boxed<E: Into<BoxError> + 'static>(error: E) -> BoxError {
    let mut error = Some(error);
    let any: &mut dyn std::any::Any = &mut error;
    if let Some(found) = any.downcast_mut::<Option<anyhow::Error>>().and_then(Option::take) {
        return found.reallocate_into_boxed_dyn_error_without_backtrace();
    }
    match error {
        Some(error) => error.into(),
        None => "an error that was taken".into(),
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.source, f)
    }
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

/// How a run ended, as the store is told. What to do after an error is decided above the driver; a driver only stores it.
///
/// Exhaustive on purpose: one more way to end must not compile in a driver that does not store it.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Done: → completed.
    Complete,
    /// Failed, and due again after `delay`: → retryable.
    Retry {
        /// From now, on the store's clock.
        delay: Duration,
        /// What is added to the errors of the row.
        error: String,
    },
    /// Out of attempts, or failed for good: → failed.
    Fail {
        /// What is added to the errors of the row.
        error: String,
    },
    /// Again after `delay`, attempt given back: → scheduled.
    Snooze {
        /// From now, on the store's clock.
        delay: Duration,
    },
    /// Given back unfinished, attempt given back: → available, or scheduled with a delay.
    Release {
        /// From now, on the store's clock; zero is "at once".
        delay: Duration,
    },
    /// Taken back: → cancelled.
    Cancel {
        /// What is added to the errors of the row, if anything.
        reason: Option<String>,
    },
}

impl Outcome {
    /// The same, with a text that is not too long to keep.
    pub(crate) fn shortened(self) -> Self {
        match self {
            Self::Retry { delay, error } => Self::Retry { delay, error: shortened(error) },
            Self::Fail { error } => Self::Fail { error: shortened(error) },
            Self::Cancel { reason: Some(reason) } => Self::Cancel { reason: Some(shortened(reason)) },
            other @ (Self::Complete | Self::Snooze { .. } | Self::Release { .. } | Self::Cancel { reason: None }) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Snake;

    impl fmt::Display for Snake {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bites")
        }
    }

    impl StdError for Snake {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(self)
        }
    }

    #[test]
    fn an_error_that_is_its_own_cause_is_looked_through_once() {
        let error = JobError::from(Snake);
        assert!(error.downcast_ref::<fmt::Error>().is_none());
        assert!(error.downcast_ref::<Snake>().is_some());
        let error = JobError::from(std::io::Error::other(Snake));
        assert!(error.downcast_ref::<fmt::Error>().is_none());
        assert!(error.downcast_ref::<Snake>().is_some());
        assert_eq!(error.message(), "bites");
    }
}
