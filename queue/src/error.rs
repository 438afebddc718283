//! The error of everything that is neither a push nor a handler: connecting, looking, running.

use std::error::Error as StdError;
use std::fmt;

/// Any error that can travel between threads.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// What kind of thing went wrong; the text says which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An address or a setting that cannot be meant.
    Invalid,
    /// The store is away; trying again can help.
    Unavailable,
    /// The store answered with an error; trying again does not help.
    Store,
    /// There is no such job.
    NotFound,
    /// The job is not in a state, or its unique key is not free, for what was asked.
    Conflict,
    /// The driver cannot do this; see [`Capabilities`](crate::drivers::Capabilities).
    Unsupported,
    /// It did not happen in the given time.
    Timeout,
    /// The queue was shut down.
    Closed,
    /// A worker could not go on.
    Worker,
}

/// An error of connecting, inspecting or running.
///
/// `Display` is one level, the causes come by [`source`](StdError::source); `Debug` prints the whole chain as readable text,
/// because that is what `main` prints.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let error = queue::Queue::connect("memry:").await.unwrap_err();
/// assert_eq!(error.kind(), queue::ErrorKind::Invalid);
/// # });
/// ```
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<BoxError>,
}

impl Error {
    /// An error with a message: a lower-case fragment without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { inner: Box::new(Inner { kind, message: message.into(), source: None }) }
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(self))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

/// How many causes of an error are looked at: one may be its own.
pub(crate) const MOST_CAUSES: usize = 64;

/// The causes of an error, the nearest first.
pub(crate) fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source()).take(MOST_CAUSES)
}

/// An error and its causes in one line, as it is stored with an attempt and printed by `Debug`.
///
/// A cause whose text already ends the line (errors that print their source themselves) is not said twice.
///
/// ```
/// let error = "x".parse::<u16>().unwrap_err();
/// assert_eq!(queue::chain(&error), "invalid digit found in string");
/// ```
#[must_use]
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error that is its own cause, and says what it is told.
    #[derive(Debug)]
    struct Snake(&'static str);

    impl fmt::Display for Snake {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Snake {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(self)
        }
    }

    #[test]
    fn a_chain_that_bites_its_tail_has_an_end() {
        assert_eq!(chain(&Snake("bites")), "bites");
        let error = Error::new(ErrorKind::Store, "top").with_source(Snake("bites"));
        assert_eq!(chain(&error), "top: bites");
        assert_eq!(causes(&error).count(), MOST_CAUSES);
    }
}
