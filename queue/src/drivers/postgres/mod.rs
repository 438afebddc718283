//! Jobs in a Postgres database, shared by any number of machines.
//!
//! Each verb is one statement, which is a file in `sql/`, and so one round trip and one commit: what it counts and whom it tells is part of it.
//! Jobs that have not ended are a table of their own, which stays small; what has ended is appended to another. A running job is found by its place
//! in the table, so that settling looks nothing up.
//!
//! A driver has connections of its own, one for each sort of work, so that a slow statement of one holds up no other. They live on a thread of the
//! driver, because a verb may be called in any runtime, and outside of all. `docs/postgres.md` says what is promised, measured and tuned.

mod act;
mod apart;
mod claim;
mod complete;
mod connection;
mod doubt;
mod error;
mod fetch;
mod frontier;
mod home;
mod inspect;
mod list;
mod listen;
mod maintain;
mod migrate;
mod open;
mod push;
mod renew;
mod rows;
mod settings;
mod settle;
mod statement;
mod tell;
mod transaction;
mod unreadable;
mod watch;
mod workers;

use std::fmt;
use std::sync::Arc;

use sqlx::Row;

use self::connection::Line;
use self::doubt::Doubts;
use self::error::Fault;
use self::frontier::Frontier;
use self::home::Home;
use self::listen::Ear;
use self::settings::Settings;
use self::statement::{Dialect, Statement};
use self::tell::Teller;
use self::watch::Watch;
use super::{
    BoxFuture, Capabilities, Delivery, Driver, Durability, Exchanged, FetchRequest, Group, Inspect, MaintainLimits, Maintained,
    Migrate, NewJob, PushResult, QueueRow, Renewal, Renewed, Settled, Settlement, Wake, WorkerRow,
};
use crate::clock::Clock;
use crate::drivers::events::Events;
use crate::drivers::names::Names;
use crate::error::Error;
use crate::job::{SettleError, StoreTransaction};

pub use open::Open;

/// Keeps jobs in a Postgres database: `postgres://user:password@host/database`.
///
/// A confirmed push survives what the server's commits survive. Any number of processes and machines may push to a database and work on it.
///
/// ```no_run
/// use queue::Queue;
/// use queue::drivers::Postgres;
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = sqlx::PgPool::connect("postgres://localhost/shop").await?;
/// let queue = Queue::from_driver(std::sync::Arc::new(Postgres::from_pool(&pool).await?));
/// # queue.shutdown().await?;
/// # Ok(()) }
/// ```
pub struct Postgres {
    core: Arc<Core>,
}

/// What a handle and its tasks share.
struct Core {
    clock: Clock,
    settings: Settings,
    /// The server and the database, for errors.
    place: String,
    dialect: Dialect,
    home: Home,
    lines: Lines,
    events: Arc<Events>,
    /// `None` where nobody is told by the server.
    ear: Option<Arc<Ear>>,
    teller: Teller,
    watch: Watch,
    doubts: Doubts,
    frontier: Frontier,
    /// The kinds and queues that were met.
    names: Names,
    /// The queues that something was pushed to.
    queues: Names,
}

/// The connections, each for a sort of work that must not wait for another.
struct Lines {
    /// Claims and settlements.
    work: Line,
    pushes: Line,
    renewals: Line,
    upkeep: Line,
    /// Looks for jobs behind the claims.
    sweeps: Line,
    /// Those who look and act.
    looks: Line,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("place", &self.core.place)
            .field("schema", &self.core.settings.schema)
            .finish_non_exhaustive()
    }
}

impl Core {
    /// What a test has moved the clock by, in microseconds.
    fn moved(&self) -> i64 {
        rows::span(self.clock.offset())
    }

    /// A statement whose first parameter is by what the clock was moved.
    fn timed(&self, text: &'static str) -> Statement {
        self.dialect.statement(text).bind(self.moved())
    }

    async fn lanes(&self) -> Result<Vec<QueueRow>, Fault> {
        let rows = self.looked(self.dialect.statement(include_str!("sql/queues.sql"))).await?;
        let queue = |row| Ok(QueueRow { name: rows::queue(row, 0)?, is_paused: row.try_get(1)? });
        Ok(rows.iter().map(queue).collect::<Result<_, sqlx::Error>>()?)
    }

    /// What a verb answers, with its faults in the words of the contract.
    fn told<T>(&self, answer: Result<T, Fault>) -> Result<T, Error> {
        answer.map_err(|fault| fault.into_error(&self.place))
    }
}

impl Driver for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::full(Durability::Host)
    }

    fn clock(&self) -> &Clock {
        &self.core.clock
    }

    fn push<'a>(&'a self, groups: &'a [Group]) -> BoxFuture<'a, Vec<PushResult>> {
        Box::pin(self.core.store(groups))
    }

    fn push_in<'a>(&'a self, transaction: &'a mut dyn StoreTransaction, jobs: Vec<NewJob>) -> BoxFuture<'a, PushResult> {
        Box::pin(self.core.store_in(transaction, jobs))
    }

    fn fetch<'a>(&'a self, request: &'a FetchRequest) -> BoxFuture<'a, Result<Vec<Delivery>, Error>> {
        Box::pin(async { self.core.told(self.core.claim(request).await) })
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Result<Vec<Settled>, Error>> {
        Box::pin(async { self.core.told(self.core.end(settlements).await) })
    }

    fn settle_in<'a>(
        &'a self,
        transaction: &'a mut dyn StoreTransaction,
        settlements: Vec<Settlement>,
    ) -> BoxFuture<'a, Result<Vec<Settled>, SettleError>> {
        Box::pin(self.core.end_in(transaction, settlements))
    }

    fn exchange<'a>(&'a self, settlements: &'a [Settlement], request: &'a FetchRequest) -> BoxFuture<'a, Exchanged> {
        Box::pin(self.core.trade(settlements, request))
    }

    fn renew<'a>(&'a self, worker: &'a WorkerRow, renewals: &'a [Renewal]) -> BoxFuture<'a, Result<Renewed, Error>> {
        Box::pin(async { self.core.told(self.core.extend(worker, renewals).await) })
    }

    fn maintain<'a>(&'a self, limits: &'a MaintainLimits) -> BoxFuture<'a, Result<Maintained, Error>> {
        Box::pin(async { self.core.told(self.core.look_after(limits).await) })
    }

    fn wake<'a>(&'a self, queues: &'a [Arc<str>]) -> BoxFuture<'a, Result<Wake, Error>> {
        // Not in the async block: events count from the call on, not from the first poll.
        let here = self.core.events.listen(queues);
        let since = self.core.watch.seen();
        Box::pin(async move {
            tokio::select! {
                wake = here => Ok(wake),
                wake = self.core.news(since, queues) => Ok(wake),
            }
        })
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueRow>, Error>> {
        Box::pin(async move { self.core.told(self.core.lanes().await) })
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }

    fn migrate(&self) -> Option<&dyn Migrate> {
        Some(self)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let Lines { work, pushes, renewals, upkeep, sweeps, looks } = &self.core.lines;
            for line in [pushes, work, renewals, upkeep, sweeps, looks] {
                line.close().await;
            }
            Ok(())
        })
    }
}
