//! From a URL to a driver: the one file that names every driver.

use std::env::VarError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

#[cfg(feature = "postgres")]
use crate::drivers::Postgres;
#[cfg(feature = "sqlite")]
use crate::drivers::Sqlite;
use crate::drivers::{BoxFuture, Driver, Memory};
use crate::error::{Error, ErrorKind};
use crate::park;
use crate::queue::Queue;

/// The schemes that this build knows.
const KNOWN: &str = match (cfg!(feature = "sqlite"), cfg!(feature = "postgres")) {
    (false, false) => "`memory:` (also `async:`), `sync:`",
    (true, false) => "`memory:` (also `async:`), `sync:`, `sqlite:`",
    (false, true) => "`memory:` (also `async:`), `sync:`, `postgres:`",
    (true, true) => "`memory:` (also `async:`), `sync:`, `sqlite:`, `postgres:`",
};
/// Schemes that another build may know, and the features that make it know them.
const FEATURES: [(&str, &str); 3] = [("sqlite", "sqlite"), ("postgres", "postgres"), ("postgresql", "postgres")];
/// The variable that [`Queue::from_env`] reads.
const VARIABLE: &str = "QUEUE_URL";

impl Queue {
    /// Opens the store that a URL names. Await it, or [`wait`](Connect::wait).
    ///
    /// | URL | store |
    /// |---|---|
    /// | `memory:`, `async:` | the memory of this process; each connect is a store of its own |
    /// | `sync:` | the same, and a push resolves when its job has ended: for scripts and tests |
    /// | `sqlite:jobs.db` | a SQLite file, which is created where it is missing; the feature `sqlite` |
    ///
    /// `sqlite:` takes `?synchronous=normal` (a push survives the process, and not a power cut of the last moments) and
    /// `?busy_timeout=5000` (for how many milliseconds a statement waits for the lock of the file).
    ///
    /// On `sync:` a delay and the wait before a retry are skipped; the attempts, the hooks and the error at the end are those of any
    /// other store. A snooze waits for its time.
    ///
    /// ```
    /// # use queue::Queue;
    /// let queue = Queue::connect("memory:").wait()?;
    /// # Ok::<(), queue::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a scheme that this build does not know; it lists those it knows. [`ErrorKind::Store`] for a store that
    /// cannot be used as it is, and [`ErrorKind::Unavailable`] for one that stayed away for two minutes.
    pub fn connect(url: &str) -> Connect {
        Connect::new(Ok(url.to_owned()))
    }

    /// Opens the store that the environment variable `QUEUE_URL` names. Await it, or [`wait`](Connect::wait).
    ///
    /// ```no_run
    /// # use queue::Queue;
    /// let queue = Queue::from_env().wait()?.install();
    /// # Ok::<(), queue::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`connect`](Queue::connect), and [`ErrorKind::Invalid`] when the variable is not set.
    pub fn from_env() -> Connect {
        Connect::new(std::env::var(VARIABLE).map_err(|error| unreadable(&error)))
    }
}

/// The error is not kept as the source: its text may hold the value, and with it a password.
fn unreadable(error: &VarError) -> Error {
    let what = match error {
        VarError::NotPresent => "is not set",
        VarError::NotUnicode(_) => "is not Unicode",
    };
    Error::new(ErrorKind::Invalid, format!("the variable `{VARIABLE}` {what}: set it to the URL of a store; known are {KNOWN}"))
}

/// The driver that a URL names.
async fn open(url: &str) -> Result<Arc<dyn Driver>, Error> {
    let invalid = |message: String| Err(Error::new(ErrorKind::Invalid, message));
    let Some((scheme, rest)) = url.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        // Nothing of it is shown: it may hold a password.
        return invalid(format!("the URL of a store begins with a scheme, and this one does not; known are {KNOWN}"));
    };
    let scheme = scheme.to_ascii_lowercase();
    let memory = match scheme.as_str() {
        "memory" | "async" => Memory::new(),
        "sync" => Memory::waiting_pushes(),
        #[cfg(feature = "sqlite")]
        "sqlite" => return Ok(Arc::new(Sqlite::from_url(rest).await?)),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => return Ok(Arc::new(Postgres::from_url(url).await?)),
        _ => return invalid(unknown(&scheme)),
    };
    if !rest.is_empty() {
        return invalid(format!("`{scheme}:` takes nothing behind the colon: a store in memory has no place"));
    }
    Ok(Arc::new(memory))
}

/// What is said of a scheme that this build does not know, and perhaps another does.
fn unknown(scheme: &str) -> String {
    let feature = FEATURES.iter().find(|(known, _)| *known == scheme);
    let hint = feature.map(|(_, name)| format!(" by this build: turn on the feature `{name}` of `queue`")).unwrap_or_default();
    format!("the scheme `{scheme}:` is not known{hint}; known are {KNOWN}")
}

/// Whether a text can be a scheme (RFC 3986, 3.1), and a short one, so that it is fit for a log.
fn is_scheme(text: &str) -> bool {
    text.len() <= 20
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// A queue that is not connected yet.
///
/// Cancel safe: dropping it before it is done leaves nothing open.
#[must_use = "a queue is connected when this is awaited, or by `.wait()`"]
pub struct Connect {
    /// `None` when it has given its queue.
    opening: Option<BoxFuture<'static, Result<Queue, Error>>>,
}

impl Connect {
    fn new(url: Result<String, Error>) -> Self {
        let opening = async { Queue::try_from_driver(open(&url?).await?) };
        Self { opening: Some(Box::pin(opening)) }
    }

    /// Parks the thread until the store is open. It works anywhere, also inside a runtime.
    ///
    /// # Errors
    ///
    /// As awaiting does: see [`Queue::connect`].
    ///
    /// # Panics
    ///
    /// When it has given its queue to an `.await` before.
    pub fn wait(self) -> Result<Queue, Error> {
        park::block_on(self)
    }
}

impl Future for Connect {
    type Output = Result<Queue, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let opening = self.opening.as_mut().expect("a `Connect` gives its queue once");
        let opened = opening.as_mut().poll(context);
        if opened.is_ready() {
            self.opening = None;
        }
        opened
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_of_another_build_names_the_feature() {
        assert!(unknown("sqlite").contains("by this build: turn on the feature `sqlite` of `queue`; known are"));
        assert!(unknown("oracle").starts_with("the scheme `oracle:` is not known; known are"));
    }
}
