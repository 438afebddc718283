//! Opening a file: looked at before anything is written, then brought to this driver's schema.

use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{ConnectOptions, Connection, Executor, Row, SqliteConnection};
use tokio::sync::oneshot;

use super::Sqlite;
use super::error::Fault;
use super::file::File;
use super::reader::Reader;
use super::script::Script;
use super::settings::Settings;
use super::writer::{Level, Writer};
use super::{migrate, watch};
use crate::clock::Clock;
use crate::drivers::BoxFuture;
use crate::drivers::events::Events;
use crate::drivers::opening::Opening;
use crate::error::{Error, ErrorKind};

/// For how long a file that is locked is tried again.
const PATIENCE: Duration = Duration::from_secs(120);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// A file of jobs that is not open yet. Await it, or [`wait`](Open::wait).
///
/// ```
/// use queue::drivers::{Driver, Sqlite};
///
/// let path = std::env::temp_dir().join("queue-doc-open.db");
/// let driver = Sqlite::open(&path).wait()?;
/// assert_eq!(driver.name(), "sqlite");
/// # Ok::<(), queue::Error>(())
/// ```
///
/// A file that others lock is tried again for two minutes, with a warning; what waiting cannot cure fails at once.
///
/// Cancel safe: dropped before it is done, it leaves a file that the next one opens.
#[must_use = "a file is opened when this is awaited, or by `.wait()`"]
pub struct Open {
    opening: Opening<Settings, Sqlite>,
}

impl Open {
    pub(super) fn new(settings: Result<Settings, Error>) -> Self {
        Self {
            opening: Opening::new(settings, |settings, clock| {
                Box::pin(async move { patiently(&settings, || Box::pin(open(&settings, &clock))).await })
            }),
        }
    }

    /// Goes by this clock, which tests move.
    pub fn go_by(mut self, clock: Clock) -> Self {
        self.opening.go_by(clock);
        self
    }

    /// A confirmed push survives the death of the process, and not a power cut of the last moments: `PRAGMA synchronous = NORMAL`.
    pub fn synchronous_normal(mut self) -> Self {
        self.opening.change(|settings| {
            settings.durable = Level::Normal;
            Ok(())
        });
        self
    }

    /// Parks the thread until the file is open. It works anywhere, also inside a runtime.
    ///
    /// # Errors
    ///
    /// As awaiting does: [`ErrorKind::Invalid`] for a path or setting that cannot be meant, [`ErrorKind::Store`] for a file that cannot be
    /// written, is no database, or has a newer schema (it is left as it was), [`ErrorKind::Unavailable`] for one that stays locked.
    ///
    /// # Panics
    ///
    /// When it has given its driver to an `.await` before.
    pub fn wait(self) -> Result<Sqlite, Error> {
        crate::park::block_on(self)
    }
}

impl Future for Open {
    type Output = Result<Sqlite, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.opening).poll(context)
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Opens a file, which is created where it is missing.
    pub fn open(path: impl AsRef<Path>) -> Open {
        let settings = Settings::new(path.as_ref().to_owned());
        Open::new(settings.check().map(|()| settings))
    }

    /// Opens the file of a user's pool, with the options of its connections. The driver makes connections of its own.
    ///
    /// # Errors
    ///
    /// As [`open`](Sqlite::open), and [`ErrorKind::Invalid`] for a pool of databases in memory.
    pub fn from_pool(pool: &SqlitePool) -> Open {
        let options = SqliteConnectOptions::clone(&pool.connect_options());
        let path = options.get_filename().to_owned();
        // The client library gives each database in memory a name of its own.
        let is_in_memory = path.as_os_str().is_empty()
            || path.starts_with(":memory:")
            || path.to_string_lossy().starts_with("file:sqlx-in-memory");
        Open::new(match is_in_memory {
            true => Err(Error::new(ErrorKind::Invalid, "the pool has databases in memory, and jobs need a file")),
            false => Ok(Settings::with(options, path)),
        })
    }

    /// Reads what stands behind `sqlite:` in a URL.
    pub(crate) fn from_url(rest: &str) -> Open {
        Open::new(Settings::parse(rest))
    }
}

/// Tries until the file is not locked any more.
pub(super) async fn patiently<'a, T>(
    settings: &'a Settings,
    open: impl Fn() -> BoxFuture<'a, Result<T, Fault>>,
) -> Result<T, Error> {
    let start = Instant::now();
    let mut has_warned = false;
    loop {
        let fault = match open().await {
            Ok(opened) => return Ok(opened),
            Err(fault) => fault,
        };
        if !fault.is_locked() || start.elapsed() >= PATIENCE {
            return Err(fault.into_open_error(&settings.path));
        }
        if !std::mem::replace(&mut has_warned, true) {
            tracing::warn!(path = %settings.path.display(), "the SQLite file is locked: waiting for it");
        }
        pause().await;
    }
}

/// Waits for a moment, without a runtime.
async fn pause() {
    let (sender, receiver) = oneshot::channel::<()>();
    let spawned = thread::Builder::new().name("queue-sqlite-pause".to_owned()).spawn(move || {
        thread::park_timeout(PAUSE);
        drop(sender);
    });
    if spawned.is_ok() {
        let _ = receiver.await;
    }
}

async fn open(settings: &Settings, clock: &Clock) -> Result<Sqlite, Fault> {
    let (writer, file) = prepared(settings).await?;
    let reader = Reader::new(settings.reading("queue-sqlite-read").connect().await?);
    let watching = Reader::new(settings.reading("queue-sqlite-watch").connect().await?);
    let events = Events::of(format!("{:?}", file.identity()));
    let watch = watch::Watch::open(watching, file).await?;
    Ok(Sqlite::new(clock.clone(), writer, reader, watch, events))
}

/// The connection that writes, to a file that has the schema.
pub(super) async fn prepared(settings: &Settings) -> Result<(Writer, File), Fault> {
    let version = look(settings).await?;
    migrate::check(version, &settings.path).map_err(Fault::Own)?;
    if !settings.migrates {
        migrate::check_current(version, &settings.path).map_err(Fault::Own)?;
    }
    let mut writing = settings.writing().connect().await?;
    if let Err(fault) = can_keep_a_log(&mut writing, settings).await {
        writing.close().await?;
        return Err(fault);
    }
    let file = File::at(settings.path.clone()).map_err(Fault::Own)?;
    let writer = Writer::new(writing, file.clone(), settings.durable);
    // Who only looks needs no lock, which a long transaction of another may hold.
    if (settings.migrates || settings.creates)
        && let Err(fault) = prepare(&writer).await
    {
        writer.close().await?;
        return Err(fault);
    }
    Ok((writer, file))
}

/// Reads the version of a file before anything is written to it, so that one that is not for this driver stays as it was.
pub(super) async fn look(settings: &Settings) -> Result<u32, Fault> {
    settings.check_there().map_err(Fault::Own)?;
    let mut looking = settings.looking().connect().await?;
    let version = version(&mut looking, settings).await;
    // Closed in any case, so that nothing is left beside a file that is refused.
    looking.close().await?;
    version
}

async fn version(connection: &mut SqliteConnection, settings: &Settings) -> Result<u32, Fault> {
    let encoding: String = connection.fetch_one("PRAGMA encoding").await?.try_get(0)?;
    if encoding != "UTF-8" {
        return Err(not_for_jobs(settings, &format!("has the encoding {encoding}, and jobs need UTF-8")));
    }
    let tables = connection.fetch_all(include_str!("sql/taken.sql")).await?;
    let names = tables.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
    let has_schema = names.iter().any(|name| name == "queue_schema");
    if let Some(name) = names.first().filter(|_| !has_schema) {
        return Err(not_for_jobs(settings, &format!("has a table `{name}` that this driver did not make")));
    }
    match migrate::version(connection).await {
        Err(Fault::Sql(error)) if has_schema && is_wrong_statement(&error) => {
            Err(not_for_jobs(settings, "has a table `queue_schema` that this driver did not make"))
        }
        version => version,
    }
}

fn not_for_jobs(settings: &Settings, why: &str) -> Fault {
    let text = format!("the file `{}` {why}: give the jobs a file of its own", settings.path.display());
    Fault::Own(Error::new(ErrorKind::Store, text))
}

/// Whether SQLite does not know what a statement names.
fn is_wrong_statement(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("1"))
}

async fn can_keep_a_log(connection: &mut SqliteConnection, settings: &Settings) -> Result<(), Fault> {
    let mode: String = connection.fetch_one("PRAGMA journal_mode").await?.try_get(0)?;
    if mode == "wal" {
        return Ok(());
    }
    let text = format!(
        "the file `{}` has the journal mode `{mode}` and cannot have `wal`: put it on a disk of this machine, not on a network",
        settings.path.display()
    );
    Err(Fault::Own(Error::new(ErrorKind::Store, text)))
}

/// Brings the schema up to date, where it is not, and makes sure that the file can be written: to begin a transaction is no proof of that.
async fn prepare(writer: &Writer) -> Result<(), Fault> {
    let mut transaction = writer.durable().await?;
    let version = migrate::migrate(&mut transaction).await?;
    if let Err(error) = migrate::check(version, writer.path()) {
        transaction.roll_back().await;
        return Err(Fault::Own(error));
    }
    let mut script = Script::default();
    script.add(include_str!("sql/touch.sql"));
    transaction.finish(script).await?;
    Ok(())
}
