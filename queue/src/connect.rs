//! From a URL to a driver: the one file that names every driver.

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
        Connect { result: Some(open(url).and_then(Queue::try_from_driver)) }
    }

    /// Opens the store that the environment variable `QUEUE_URL` names.
    ///
    /// # Errors
    ///
    /// As [`connect`](Queue::connect), and [`ErrorKind::Invalid`] when the variable is not set.
    pub fn from_env() -> Connect {
        match std::env::var(VARIABLE) {
            Ok(url) => Self::connect(&url),
            Err(error) => {
                let message = format!("the variable `{VARIABLE}` does not name a store; known are {KNOWN}");
                Connect { result: Some(Err(Error::new(ErrorKind::Invalid, message).with_source(error))) }
            }
        }
    }
}

fn open(url: &str) -> Result<Arc<dyn Driver>, Error> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(Error::new(ErrorKind::Invalid, format!("`{}` is no URL of a store; known are {KNOWN}", shown(url))));
    };
    let memory = match scheme {
        "memory" | "async" => Memory::new(),
        "sync" => Memory::waiting_pushes(),
        unknown => {
            // Only the scheme is shown: the rest may hold a password.
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the scheme `{}:` is not known; known are {KNOWN}", shown(unknown)),
            ));
        }
    };
    if !rest.is_empty() {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("`{scheme}:` takes nothing behind the colon: a store in memory has no place"),
        ));
    }
    Ok(Arc::new(memory))
}

/// A part of a URL, fit for a log.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

/// A queue that is being connected.
#[must_use = "a queue is connected when this is awaited, or by `.wait()`"]
pub struct Connect {
    result: Option<Result<Queue, Error>>,
}

impl Connect {
    /// Parks the thread until the store is open.
    ///
    /// # Errors
    ///
    /// As awaiting does.
    ///
    /// # Panics
    ///
    /// When it was awaited before.
    pub fn wait(mut self) -> Result<Queue, Error> {
        self.take()
    }

    fn take(&mut self) -> Result<Queue, Error> {
        self.result.take().expect("a `Connect` gives its queue once")
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
