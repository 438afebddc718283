//! From a URL to a driver: the one file that names every driver.

use std::env::VarError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::drivers::{Driver, Memory};
use crate::error::{Error, ErrorKind};
use crate::queue::Queue;

/// The schemes that this build knows.
const KNOWN: &str = "`memory:` (also `async:`), `sync:`";
/// The variable that [`Queue::from_env`] reads.
const VARIABLE: &str = "QUEUE_URL";

impl Queue {
    /// Opens the store that a URL names. Await it, or [`wait`](Connect::wait).
    ///
    /// | URL | store |
    /// |---|---|
    /// | `memory:`, `async:` | the memory of this process; each connect is a store of its own |
    /// | `sync:` | the same, and a push resolves when its job has ended: for scripts and tests |
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
    /// [`ErrorKind::Invalid`] for a scheme that this build does not know; it lists those it knows.
    pub fn connect(url: &str) -> Connect {
        Connect { url: Some(Ok(url.to_owned())) }
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
        Connect { url: Some(std::env::var(VARIABLE).map_err(|error| unreadable(&error))) }
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

fn open(url: &str) -> Result<Arc<dyn Driver>, Error> {
    let invalid = |message: String| Err(Error::new(ErrorKind::Invalid, message));
    let Some((scheme, rest)) = url.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        // Nothing of it is shown: it may hold a password.
        return invalid(format!("the URL of a store begins with a scheme, and this one does not; known are {KNOWN}"));
    };
    let scheme = scheme.to_ascii_lowercase();
    let memory = match scheme.as_str() {
        "memory" | "async" => Memory::new(),
        "sync" => Memory::waiting_pushes(),
        _ => return invalid(format!("the scheme `{scheme}:` is not known; known are {KNOWN}")),
    };
    if !rest.is_empty() {
        return invalid(format!("`{scheme}:` takes nothing behind the colon: a store in memory has no place"));
    }
    Ok(Arc::new(memory))
}

/// Whether a text can be a scheme (RFC 3986, 3.1), and a short one, so that it is fit for a log.
fn is_scheme(text: &str) -> bool {
    text.len() <= 20
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// A queue that is not connected yet.
///
/// Cancel safe: dropping it opens nothing.
#[must_use = "a queue is connected when this is awaited, or by `.wait()`"]
pub struct Connect {
    /// `None` when it has given its queue.
    url: Option<Result<String, Error>>,
}

impl Connect {
    /// Parks the thread until the store is open.
    ///
    /// # Errors
    ///
    /// As awaiting does: [`ErrorKind::Invalid`] for a URL that this build does not know.
    ///
    /// # Panics
    ///
    /// When it has given its queue to an `.await` before.
    pub fn wait(mut self) -> Result<Queue, Error> {
        self.take()
    }

    fn take(&mut self) -> Result<Queue, Error> {
        let url = self.url.take().expect("a `Connect` gives its queue once")?;
        Queue::try_from_driver(open(&url)?)
    }
}

impl Future for Connect {
    type Output = Result<Queue, Error>;

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(self.take())
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").finish_non_exhaustive()
    }
}
