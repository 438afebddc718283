//! From a URL to a driver: the one file that names every driver.

use std::env::VarError;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

#[cfg(feature = "postgres")]
use crate::drivers::Postgres;
#[cfg(feature = "sqlite")]
use crate::drivers::Sqlite;
use crate::drivers::{BoxFuture, Driver, Memory, Schema};
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
    /// | `postgres://user@host/database` | a schema of a Postgres database; the feature `postgres` |
    ///
    /// `sqlite:` takes `?synchronous=normal` (a push survives the process, and not a power cut of the last moments),
    /// `?busy_timeout=5000` (for how many milliseconds a statement waits for the lock of the file), `?create=off` (a file that is not there is
    /// an error) and `?migrate=off` (an old schema is an error). `postgres:` takes `schema`, `notify`, `migrate`, `prepare`, `completed`,
    /// `poll` and `wait`: see its page in the documents.
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
    let Place { scheme, rest } = place(url)?;
    let memory = match scheme.as_str() {
        "memory" | "async" => Memory::new(),
        "sync" => Memory::waiting_pushes(),
        #[cfg(feature = "sqlite")]
        "sqlite" => return Ok(Arc::new(Sqlite::from_url(rest).await?)),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => return Ok(Arc::new(Postgres::from_url(url).await?)),
        _ => return Err(Error::new(ErrorKind::Invalid, unknown(&scheme))),
    };
    if !rest.is_empty() {
        let text = format!("`{scheme}:` takes nothing behind the colon: a store in memory has no place");
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    Ok(Arc::new(memory))
}

/// The two parts of a URL.
struct Place<'a> {
    scheme: String,
    rest: &'a str,
}

fn place(url: &str) -> Result<Place<'_>, Error> {
    let Some((scheme, rest)) = url.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        // Nothing of it is shown: it may hold a password.
        let text = format!("the URL of a store begins with a scheme, and this one does not; known are {KNOWN}");
        return Err(Error::new(ErrorKind::Invalid, text));
    };
    Ok(Place { scheme: scheme.to_ascii_lowercase(), rest })
}

/// A store that a URL names, not opened: for programs that look after stores, as `craft` does.
///
/// ```
/// use queue::connect::Store;
///
/// let store = Store::at("memory:")?;
/// assert!(store.is_of_this_process());
/// assert_eq!(store.sql(0)?, None, "a store in memory has no schema");
/// # Ok::<(), queue::Error>(())
/// ```
#[derive(Clone)]
pub struct Store {
    url: String,
    scheme: String,
}

impl Store {
    /// The store that a URL names.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a scheme that this build does not know.
    pub fn at(url: impl Into<String>) -> Result<Self, Error> {
        let url = url.into();
        let scheme = place(&url)?.scheme;
        let is_known = matches!(
            (scheme.as_str(), cfg!(feature = "sqlite"), cfg!(feature = "postgres")),
            ("memory" | "async" | "sync", ..) | ("sqlite", true, _) | ("postgres" | "postgresql", _, true)
        );
        if is_known { Ok(Self { url, scheme }) } else { Err(Error::new(ErrorKind::Invalid, unknown(&scheme))) }
    }

    /// The word before the colon.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whether it lives in the memory of a process: what another process opens under the same URL is another store.
    #[must_use]
    pub fn is_of_this_process(&self) -> bool {
        matches!(self.scheme.as_str(), "memory" | "async" | "sync")
    }

    /// Its file, where it is one.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        match self.scheme.as_str() {
            #[cfg(feature = "sqlite")]
            "sqlite" => Sqlite::path_at(self.rest()),
            _ => None,
        }
    }

    /// The same store with one more setting in its URL, which goes before what is said there.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use queue::connect::Store;
    ///
    /// let store = Store::at("sqlite:jobs.db")?.with("busy_timeout", 100);
    /// # }
    /// # Ok::<(), queue::Error>(())
    /// ```
    #[must_use]
    pub fn with(mut self, setting: &str, value: impl fmt::Display) -> Self {
        // Of two the last one counts.
        let separator = if self.url.contains('?') { '&' } else { '?' };
        self.url = format!("{}{separator}{setting}={value}", self.url);
        self
    }

    /// Opens it, as [`Queue::connect`] does.
    pub fn open(&self) -> Connect {
        Queue::connect(&self.url)
    }

    /// Opens it for looking and acting: nothing is created, and the schema is left as it is. A store that is not there, or whose schema is
    /// not the one of this program, is an error that says so.
    pub fn open_as_it_is(&self) -> Connect {
        let store = self.clone();
        match self.scheme.as_str() {
            "sqlite" => store.with("create", "off").with("migrate", "off").open(),
            "postgres" | "postgresql" => store.with("migrate", "off").open(),
            _ => store.open(),
        }
    }

    /// Which version its schema has, 0 for none, and which one this program wants; `None` for a store without a schema. Nothing is
    /// created or changed.
    ///
    /// # Errors
    ///
    /// As [`Queue::connect`].
    pub async fn schema(&self) -> Result<Option<Schema>, Error> {
        match self.scheme.as_str() {
            #[cfg(feature = "sqlite")]
            "sqlite" => Sqlite::schema_at(self.rest()).await.map(Some),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Postgres::schema_at(&self.url).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Brings its schema to the version that this program wants, and answers what it has now; `None` for a store without a schema.
    ///
    /// # Errors
    ///
    /// As [`Queue::connect`]; a schema that is newer than this program is left as it is.
    pub async fn migrate(&self) -> Result<Option<Schema>, Error> {
        match self.scheme.as_str() {
            #[cfg(feature = "sqlite")]
            "sqlite" => Sqlite::migrate_at(self.rest()).await.map(Some),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Postgres::migrate_at(&self.url).await.map(Some),
            _ => Ok(None),
        }
    }

    /// The statements that lead from a version of its schema to the wanted one; `None` for a store without a schema. It is not connected
    /// to.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for settings in the URL that cannot be meant.
    pub fn sql(&self, from: u32) -> Result<Option<String>, Error> {
        match self.scheme.as_str() {
            #[cfg(feature = "sqlite")]
            "sqlite" => Ok(Some(Sqlite::sql_from(from))),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Postgres::sql_from(&self.url, from).map(Some),
            _ => {
                let _ = from;
                Ok(None)
            }
        }
    }

    /// What stands behind the scheme.
    #[cfg(feature = "sqlite")]
    fn rest(&self) -> &str {
        self.url.split_once(':').map_or("", |(_, rest)| rest)
    }
}

impl fmt::Debug for Store {
    /// Without what stands behind the scheme, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("scheme", &self.scheme).finish_non_exhaustive()
    }
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
