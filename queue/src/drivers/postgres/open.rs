//! Opening a database: looked at before anything is written, then brought to this driver's schema.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use sqlx::Row;
use sqlx::postgres::{PgConnectOptions, PgPool};

use super::connection::{self, Limits, Line};
use super::doubt::Doubts;
use super::error::Fault;
use super::frontier::Frontier;
use super::home::Home;
use super::listen::{Ear, Listening};
use super::migrate::{self, WANTED};
use super::settings::{self, Settings};
use super::statement::Dialect;
use super::tell::Teller;
use super::watch::Watch;
use super::{Core, Lines, Postgres};
use crate::clock::Clock;
use crate::drivers::events::Events;
use crate::drivers::names::Names;
use crate::drivers::opening::Opening;
use crate::error::{Error, ErrorKind};

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(250);
/// For how long a server may be silent, however little patience there is.
const SILENCE: Duration = Duration::from_secs(1);

/// For how long statements may take that a worker waits for: less than the time between two renewals of a lease.
const WORK: Limits = Limits { statement: Duration::from_secs(8), lock: Duration::from_secs(4) };
/// For how long a push may wait for a transaction of a user that has its unique key, and holds up other pushes.
const PUSHES: Limits = Limits { statement: Duration::from_secs(20), lock: Duration::from_secs(1) };
/// For how long those who look after jobs, and those who look at them, may take.
const LOOKS: Limits = Limits { statement: Duration::from_secs(30), lock: Duration::from_secs(5) };

/// A database of jobs that is not open yet. Await it, or [`wait`](Open::wait).
///
/// A server that is away is tried again for two minutes, or as long as [`patience`](Open::patience) says, with a warning; what waiting cannot cure, such as a wrong password, fails at once.
///
/// ```no_run
/// use queue::drivers::{Driver, Postgres};
///
/// let pool = sqlx::PgPool::connect_lazy("postgres://localhost/shop")?;
/// let driver = Postgres::from_pool(&pool).schema("jobs").wait()?;
/// assert_eq!(driver.name(), "postgres");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Cancel safe: dropped before it is done, it leaves a database that the next one opens.
#[must_use = "a database is opened when this is awaited, or by `.wait()`"]
pub struct Open {
    opening: Opening<Settings, Postgres>,
}

impl Open {
    fn new(settings: Result<Settings, Error>) -> Self {
        Self { opening: Opening::new(settings, |settings, clock| Box::pin(opened(settings, clock))) }
    }

    fn with(mut self, change: impl FnOnce(&mut Settings) -> Result<(), Error>) -> Self {
        self.opening.change(change);
        self
    }

    /// Goes by this clock, which tests move.
    pub fn go_by(mut self, clock: Clock) -> Self {
        self.opening.go_by(clock);
        self
    }

    /// Keeps the tables in this schema, in place of `queue`. In a URL: `?schema=jobs`.
    pub fn schema(self, name: &str) -> Self {
        self.with(|settings| {
            settings.schema = settings::checked(name)?.to_owned();
            Ok(())
        })
    }

    /// Leaves the schema as it is, for those who bring it up to date themselves with what [`Migrate::sql`](crate::drivers::Migrate::sql)
    /// gives. In a URL: `?migrate=off`.
    pub fn without_migration(self) -> Self {
        self.with(|settings| {
            settings.migrates = false;
            Ok(())
        })
    }

    /// Neither tells others by `NOTIFY` nor listens to them: the database is looked at every second. In a URL: `?notify=off`.
    pub fn without_notify(self) -> Self {
        self.with(|settings| {
            settings.notifies = false;
            Ok(())
        })
    }

    /// Looks at the database so often where others are not heard; where they are, every 5 s, or this where it is longer. In a URL, in milliseconds: `?poll=1000`.
    pub fn poll_every(self, pause: Duration) -> Self {
        self.with(|settings| {
            settings.poll = pause;
            Ok(())
        })
    }

    /// Sends each statement as one text, for a pooler that hands out the connections of the server by the transaction. Such a one passes no
    /// notifications on, either. In a URL: `?prepare=off&notify=off`.
    pub fn behind_pooler(self) -> Self {
        self.with(|settings| {
            settings.prepares = false;
            settings.notifies = false;
            Ok(())
        })
    }

    /// Removes completed jobs at once, in place of keeping them until they are old: nobody can look at them, and it drains faster by a quarter (`docs/postgres.md`).
    /// In a URL: `?completed=remove`.
    pub fn remove_completed(self) -> Self {
        self.with(|settings| {
            settings.keeps_completed = false;
            Ok(())
        })
    }

    /// Waits so long for a server that is away, in place of two minutes. In a URL, in milliseconds: `?wait=3000`.
    pub fn patience(self, patience: Duration) -> Self {
        self.with(|settings| {
            settings.patience = patience;
            Ok(())
        })
    }

    /// Parks the thread until the database is open. It works anywhere, also inside a runtime.
    ///
    /// # Errors
    ///
    /// As awaiting does: [`ErrorKind::Invalid`] for a setting that cannot be meant, [`ErrorKind::Store`] for a server that does not let the user
    /// in, or a schema that is not current (it is left as it was), [`ErrorKind::Unavailable`] for a server that stays away.
    ///
    /// # Panics
    ///
    /// When it has given its driver to an `.await` before.
    pub fn wait(self) -> Result<Postgres, Error> {
        crate::park::block_on(self)
    }
}

impl Future for Open {
    type Output = Result<Postgres, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.opening).poll(context)
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").finish_non_exhaustive()
    }
}

impl Postgres {
    /// Opens the database of a user's pool, with the options of its connections. The driver makes connections of its own: one that must wait for
    /// the connections of the one who waits for it would wait for ever.
    pub fn from_pool(pool: &PgPool) -> Open {
        Self::from_options(PgConnectOptions::clone(&pool.connect_options()))
    }

    /// Opens a database with the options of a connection.
    pub fn from_options(options: PgConnectOptions) -> Open {
        Open::new(Ok(Settings::new(options)))
    }

    /// Reads a URL.
    pub(crate) fn from_url(url: &str) -> Open {
        Open::new(Settings::parse(url))
    }
}

/// What a database is reached for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// To keep jobs in it: its schema is brought up to date, unless the settings say otherwise, and must be current.
    Open,
    /// To see which version its schema has; nothing is written.
    Read,
    /// To bring its schema up to date, and no more.
    Migrate,
}

async fn opened(settings: Settings, clock: Clock) -> Result<Postgres, Error> {
    let (core, _) = reach(settings, clock, Aim::Open).await?;
    Ok(Postgres { core })
}

/// Tries until the server is there; answers the version of the schema, too.
pub(super) async fn reach(settings: Settings, clock: Clock, aim: Aim) -> Result<(Arc<Core>, u32), Error> {
    let core = Arc::new(assemble(settings, clock)?);
    let start = Instant::now();
    let mut has_warned = false;
    loop {
        let left = core.settings.patience.saturating_sub(start.elapsed());
        let fault = match prepare(&core, aim, left.max(SILENCE)).await {
            Ok(version) => return Ok((core, version)),
            Err(fault) => fault.into_open_error(&core.place),
        };
        let left = core.settings.patience.saturating_sub(start.elapsed());
        if fault.kind() != ErrorKind::Unavailable || left.is_zero() {
            return Err(fault);
        }
        if !std::mem::replace(&mut has_warned, true) {
            tracing::warn!(place = core.place, error = %crate::error::chain(&fault), "the Postgres server is away: waiting for it");
        }
        core.home.within(PAUSE.min(left), std::future::pending::<()>()).await;
    }
}

/// Puts the parts together; none of them has a connection yet.
fn assemble(settings: Settings, clock: Clock) -> Result<Core, Error> {
    let home = Home::new()?;
    let dialect = Dialect::new(&settings.schema, settings.prepares);
    let options = settings.options.clone().statement_cache_capacity(if settings.prepares { 200 } else { 0 });
    let line = |limits| {
        let options = match settings.prepares {
            true => connection::configured(options.clone(), limits),
            // A pooler refuses what it does not know; the settings go with each transaction.
            false => options.clone().extra_float_digits(None),
        };
        Line::new(&home, options, limits)
    };
    let lines = Lines {
        work: line(WORK),
        pushes: line(PUSHES),
        renewals: line(WORK),
        upkeep: line(LOOKS),
        sweeps: line(LOOKS),
        looks: line(LOOKS),
    };
    let (place, events) = (settings.place(), Events::of(settings.store()));
    let teller = Teller::new(&settings.schema, settings.notifies);
    let listening = || Listening {
        options: options.clone(),
        place: place.clone(),
        channel: teller.channel.clone(),
        events: Arc::clone(&events),
    };
    let ear = settings.notifies.then(|| Ear::of(settings.store(), &home, listening()));
    Ok(Core {
        clock,
        place,
        dialect,
        home,
        lines,
        ear,
        teller,
        events,
        settings,
        watch: Watch::default(),
        doubts: Doubts::default(),
        frontier: Frontier::default(),
        names: Names::default(),
        queues: Names::default(),
    })
}

/// Looks at the database, and brings its schema up to date where that is the aim; answers the version.
async fn prepare(core: &Core, aim: Aim, patience: Duration) -> Result<u32, Fault> {
    // The first statement makes the connection: how long that takes is a matter of patience, and of the others is not.
    let encoding = core.looked(core.dialect.statement(include_str!("sql/encoding.sql")));
    let encoding = core.home.within(patience, encoding).await.ok_or(Fault::Silent)??;
    let encoding: &str = encoding.first().map_or(Ok(""), |row| row.try_get(0))?;
    if aim != Aim::Read && encoding != "UTF8" {
        let text =
            format!("the database of {} has the encoding {encoding}, and jobs need UTF8: create another for them", core.place);
        return Err(Fault::Own(Error::new(ErrorKind::Store, text)));
    }
    let version = core.version().await?;
    let is_to_be_updated = aim == Aim::Migrate || (aim == Aim::Open && core.settings.migrates);
    let version = if version < WANTED && is_to_be_updated { core.update().await? } else { version };
    if aim == Aim::Open {
        migrate::check(version, &core.settings.schema, &core.place).map_err(Fault::Own)?;
    }
    Ok(version)
}
