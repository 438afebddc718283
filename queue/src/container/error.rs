//! Why a service could not be given.

use std::error::Error as StdError;
use std::fmt;

use super::path;
use crate::error::{BoxError, chain};

/// Why a service could not be given: what is wrong, and the services that needed it.
///
/// `Display` is one line with the path, the constructor's own error comes by `source`; `Debug` prints both.
///
/// ```
/// use queue::Container;
///
/// let error = Container::builder().build().get::<String>().unwrap_err();
/// assert_eq!(error.to_string(), "`String` is not bound");
/// ```
pub struct ResolveError {
    inner: Box<Inner>,
}

struct Inner {
    kind: Kind,
    message: String,
    needed_by: String,
    help: Option<String>,
    source: Option<BoxError>,
}

/// What the boot check does with it: the graph check reports the first kind, building the singletons the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Graph,
    Constructor,
}

impl ResolveError {
    /// An error of a hand-written [`FromContainer`](super::FromContainer): a lower-case fragment without a full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self::of(Kind::Constructor, message.into(), None)
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// The services being built on this thread become the path, so it is made where it happens.
    pub(super) fn of(kind: Kind, message: String, help: Option<String>) -> Self {
        let needed_by = path::needed_by(&path::current());
        Self { inner: Box::new(Inner { kind, message, needed_by, help, source: None }) }
    }

    /// The path of a circle is in its message.
    pub(super) fn of_cycle(message: String, help: String) -> Self {
        Self { inner: Box::new(Inner { kind: Kind::Graph, message, needed_by: String::new(), help: Some(help), source: None }) }
    }

    /// The message with its causes, and the path, for a report that puts them on two lines.
    pub(super) fn in_parts(&self) -> (String, &str) {
        let cause = self.source().map(|source| format!(": {}", chain(source))).unwrap_or_default();
        (format!("{}{cause}", self.inner.message), &self.inner.needed_by)
    }

    /// The constructor's own error, or its panic.
    pub(super) fn cause(&self) -> String {
        self.source().map_or_else(|| self.inner.message.clone(), chain)
    }

    pub(super) fn kind(&self) -> Kind {
        self.inner.kind
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, needed_by, help, .. } = &*self.inner;
        write!(f, "{message}{needed_by}")?;
        match help {
            Some(help) => write!(f, ": {help}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(self))
    }
}

impl StdError for ResolveError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}
