//! Jobs in one SQLite file, shared by the processes of a machine.
//!
//! One connection writes, in immediate transactions; another reads for those who look, and a third one watches what other processes do.
//! Each verb is a script of statements, which are files in `sql/`, and where nothing must be decided in between, `BEGIN` and
//! `COMMIT` are part of it. How many jobs are where is counted in the same commit, so that counting never goes over the jobs.
//!
//! A push and a settlement survive a power cut; a claim and a renewal need not, since the worker that holds them does not either.
//! `docs/sqlite.md` says what is promised, measured and tuned.

mod act;
mod acted;
mod claim_one;
mod complete;
mod error;
mod fetch;
mod file;
mod identity;
mod inspect;
mod list;
mod look;
mod maintain;
mod migrate;
mod open;
mod push;
mod reader;
mod renew;
mod retry;
mod rows;
mod schema;
mod script;
mod settings;
mod settle;
mod tally;
mod transaction;
mod unreadable;
mod watch;
mod workers;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use sqlx::{Executor, Row};

use self::error::Fault;
use self::reader::Reader;
use self::watch::Watch;
use self::writer::Writer;
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

/// Keeps jobs in a SQLite file: `sqlite:jobs.db`.
///
/// A confirmed push survives the death of the process and, as far as the disk keeps what it was told to keep, a power cut. Several processes may
/// push to a file and work on it.
///
/// ```
/// use queue::Queue;
/// use queue::drivers::Sqlite;
/// # let path = std::env::temp_dir().join("queue-doc-sqlite.db");
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let queue = Queue::from_driver(std::sync::Arc::new(Sqlite::open(&path).await?));
/// # queue.shutdown().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct Sqlite {
    clock: Clock,
    writer: Writer,
    reader: Reader,
    watch: Watch,
    events: Arc<Events>,
    /// The kinds that were fetched.
    kinds: Names,
    /// The queues that something was pushed to.
    queues: Names,
}

impl Sqlite {
    fn new(clock: Clock, writer: Writer, reader: Reader, watch: Watch, events: Arc<Events>) -> Self {
        Self { clock, writer, reader, watch, events, kinds: Names::default(), queues: Names::default() }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.writer.path()
    }

    /// Now, in microseconds since 1970: the clock of the machine, which all processes share, and what a test has moved it by.
    fn now(&self) -> i64 {
        rows::micros(SystemTime::now() + self.clock.offset())
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path()).finish_non_exhaustive()
    }
}

impl Driver for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::full(Durability::Host)
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn push<'a>(&'a self, groups: &'a [Group]) -> BoxFuture<'a, Vec<PushResult>> {
        Box::pin(self.store(groups))
    }

    fn push_in<'a>(&'a self, transaction: &'a mut dyn StoreTransaction, jobs: Vec<NewJob>) -> BoxFuture<'a, PushResult> {
        Box::pin(self.store_in(transaction, jobs))
    }

    fn fetch<'a>(&'a self, request: &'a FetchRequest) -> BoxFuture<'a, Result<Vec<Delivery>, Error>> {
        Box::pin(self.told(self.claim(request)))
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Result<Vec<Settled>, Error>> {
        Box::pin(self.told(self.end(settlements)))
    }

    fn settle_in<'a>(
        &'a self,
        transaction: &'a mut dyn StoreTransaction,
        settlements: Vec<Settlement>,
    ) -> BoxFuture<'a, Result<Vec<Settled>, SettleError>> {
        Box::pin(self.end_in(transaction, settlements))
    }

    fn exchange<'a>(&'a self, settlements: &'a [Settlement], request: &'a FetchRequest) -> BoxFuture<'a, Exchanged> {
        Box::pin(self.trade(settlements, request))
    }

    fn renew<'a>(&'a self, worker: &'a WorkerRow, renewals: &'a [Renewal]) -> BoxFuture<'a, Result<Renewed, Error>> {
        Box::pin(self.told(self.extend(worker, renewals)))
    }

    fn maintain<'a>(&'a self, limits: &'a MaintainLimits) -> BoxFuture<'a, Result<Maintained, Error>> {
        Box::pin(self.told(self.look_after(limits)))
    }

    fn wake<'a>(&'a self, queues: &'a [Arc<str>]) -> BoxFuture<'a, Result<Wake, Error>> {
        // Not in the async block: events count from the call on, not from the first poll.
        let here = self.events.listen(queues);
        let since = self.watch.seen();
        Box::pin(async move {
            tokio::select! {
                wake = here => Ok(wake),
                wake = self.told(self.watch.news(since, queues)) => wake,
            }
        })
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueRow>, Error>> {
        Box::pin(self.read(async |connection| {
            let rows = connection.fetch_all(include_str!("sql/queues.sql")).await?;
            let mut queues = Vec::with_capacity(rows.len());
            for row in &rows {
                if let Some(name) = rows::queue(row, 0)? {
                    queues.push(QueueRow { name, is_paused: row.try_get(1)? });
                }
            }
            Ok(queues)
        }))
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }

    fn migrate(&self) -> Option<&dyn Migrate> {
        Some(self)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            // The writer last: it leaves the file without its log, where no other process has it open.
            let closed = async {
                self.watch.close().await?;
                self.reader.close().await?;
                self.writer.close().await?;
                Ok(())
            };
            self.told(closed).await
        })
    }
}

impl Sqlite {
    /// What a verb answers, with its faults in the words of the contract.
    async fn told<T>(&self, verb: impl Future<Output = Result<T, Fault>>) -> Result<T, Error> {
        verb.await.map_err(|fault| self.in_words(fault))
    }

    /// A fault in the words of the contract.
    fn in_words(&self, fault: Fault) -> Error {
        self.named(fault).into_error(self.path())
    }

    /// SQLite has many words for a file that went while it was at it; this has one.
    fn named(&self, fault: Fault) -> Fault {
        match (&fault, self.writer.check()) {
            (Fault::Sql(_), Err(gone)) => Fault::Own(gone),
            _ => fault,
        }
    }
}
