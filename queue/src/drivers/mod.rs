//! Where jobs are kept and handed out: the contract of every driver.
//!
//! A driver stores and hands out; it decides nothing. When to try again, whether a job has failed for good, what to run: that is
//! above it. `docs/writing-a-driver.md` shows a driver from outside, and the feature `conformance` gives the suite that it must pass.

mod data;
mod error;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod events;
pub mod inspect;
pub mod memory;
pub mod migrate;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod names;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod numbers;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod opening;
#[cfg(feature = "postgres")]
pub mod postgres;
pub(crate) mod refusal;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use std::sync::Arc;

use crate::clock::Clock;
use crate::error::Error;
use crate::job::{SettleError, StoreTransaction};

pub(crate) use data::ExtraSizes;
pub use data::{
    Delivery, Due, Except, Exchanged, Extra, FetchRequest, Group, Lease, MaintainLimits, Maintained, NewJob, PushResult, Pushed,
    QueueRequest, QueueRow, Renewal, Renewed, Settled, Settlement, Tick, Told, Wake, WorkerId, WorkerRow, WorkerState,
};
pub use error::PushError;
pub use futures_util::future::BoxFuture;
pub use inspect::{Action, Count, Counts, Inspect, Page, QueueCounts, Retried};
pub use memory::Memory;
pub use migrate::{Migrate, Schema};
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;

/// Where jobs are kept and handed out. Every verb is a batch.
///
/// All methods are called on the engine thread of a queue, whose runtime has I/O and time; [`push_now`](Driver::push_now),
/// [`exchange_now`](Driver::exchange_now), [`capabilities`](Driver::capabilities) and the inspection are called from any thread.
///
/// Times are compared on the store's clock plus [`Clock::offset`], which tests move.
pub trait Driver: Send + Sync + 'static {
    /// The word in logs: `memory`, `sqlite`, …
    fn name(&self) -> &'static str;

    /// What the driver can do.
    fn capabilities(&self) -> Capabilities;

    /// The clock whose offset the driver adds to its store's now.
    fn clock(&self) -> &Clock;

    /// Stores groups of jobs, in one commit where the store can: each group all or none, and a group that fails does not fail another.
    ///
    /// An id that is stored already is answered as stored and not stored again. Equal unique keys inside the batch are resolved in
    /// order, before the statement. [`PushError::Unavailable`] means that the store is away: the engine tries again for a while.
    fn push<'a>(&'a self, groups: &'a [Group]) -> BoxFuture<'a, Vec<PushResult>>;

    /// Stores on the caller's thread, for a driver that never waits. Takes the groups out of the vector when it does.
    fn push_now(&self, groups: &mut Vec<Group>) -> Option<Vec<PushResult>> {
        let _ = groups;
        None
    }

    /// Stores jobs in the caller's transaction; a connection that is not this store's is [`PushError::WrongTransaction`].
    fn push_in<'a>(&'a self, transaction: &'a mut dyn StoreTransaction, jobs: Vec<NewJob>) -> BoxFuture<'a, PushResult> {
        let _ = jobs;
        let error = PushError::WrongTransaction { queue: self.name(), transaction: transaction.database() };
        Box::pin(async move { Err(error) })
    }

    /// Claims for each named queue up to `free` plus `ahead` due jobs, by priority, due time, id; counts the attempt and gives lease and token.
    ///
    /// The first `free` may be any; of those behind, none has `rescues > 0`. Reads only `available` rows of queues that are not paused,
    /// and leaves `request.except` alone. The answer is sorted by [`Delivery::order`] within each queue.
    fn fetch<'a>(&'a self, request: &'a FetchRequest) -> BoxFuture<'a, Result<Vec<Delivery>, Error>>;

    /// Stores any mix of outcomes, each fenced by its token, each with its follow-ups in the same commit. One answer each, in order.
    ///
    /// Where a cancel was requested, an outcome that would let the job run again is stored as `cancelled`.
    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Result<Vec<Settled>, Error>>;

    /// The same in the caller's transaction.
    fn settle_in<'a>(
        &'a self,
        transaction: &'a mut dyn StoreTransaction,
        settlements: Vec<Settlement>,
    ) -> BoxFuture<'a, Result<Vec<Settled>, SettleError>> {
        let _ = settlements;
        let error = SettleError::WrongTransaction { queue: self.name(), transaction: transaction.database() };
        Box::pin(async move { Err(error) })
    }

    /// Settles and fetches in one commit and round trip; by default one after the other.
    fn exchange<'a>(&'a self, settlements: &'a [Settlement], request: &'a FetchRequest) -> BoxFuture<'a, Exchanged> {
        Box::pin(async move {
            let settled = if settlements.is_empty() { Ok(Vec::new()) } else { self.settle(settlements).await };
            let deliveries = if request.queues.is_empty() { Ok(Vec::new()) } else { self.fetch(request).await };
            Exchanged { settled, deliveries }
        })
    }

    /// The same on the caller's thread, for a driver that never waits; the threads of the handlers exchange by themselves then, and no
    /// job waits for the engine. A driver answers either always or never, and holds no lock of its own while it wakes anybody.
    fn exchange_now(&self, settlements: &[Settlement], request: &FetchRequest) -> Option<Exchanged> {
        let _ = (settlements, request);
        None
    }

    /// Renews all leases of a worker and writes its row, in one statement; a row in the state [`WorkerState::Stopped`] is removed.
    fn renew<'a>(&'a self, worker: &'a WorkerRow, renewals: &'a [Renewal]) -> BoxFuture<'a, Result<Renewed, Error>>;

    /// In bounded batches: promotes what is due, takes back expired leases, fails those out of rescues, prunes.
    ///
    /// Safe to run anywhere at once. When nobody wrote ([`renew`](Driver::renew) or `maintain`) for 15 s, it marks that, and nobody
    /// rescues for another 15 s, so that every live worker renews first.
    fn maintain<'a>(&'a self, limits: &'a MaintainLimits) -> BoxFuture<'a, Result<Maintained, Error>>;

    /// Resolves when something happened **after this call** that a worker of these queues wants to know; polling is a fall-back.
    /// Dropping it loses nothing that a later fetch would not find.
    fn wake<'a>(&'a self, queues: &'a [Arc<str>]) -> BoxFuture<'a, Result<Wake, Error>>;

    /// The queues that exist: at least those that have a row, or are paused.
    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueRow>, Error>>;

    /// Looking and acting, where the store can.
    fn inspect(&self) -> Option<&dyn Inspect> {
        None
    }

    /// The schema, where the store has one.
    fn migrate(&self) -> Option<&dyn Migrate> {
        None
    }

    /// Lets go of connections; called once, by whichever ends last, the queue or its workers.
    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

/// What a confirmed push survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing: jobs die with the process.
    Process,
    /// The death of the process, and of the machine as far as its disk survives.
    Host,
    /// The death of a machine.
    Replicated,
}

/// How large a group of jobs can be that is stored all or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AtomicPush {
    /// Any.
    All,
    /// Any, of one queue.
    PerQueue,
    /// So many jobs.
    Chunks(usize),
}

/// What a driver can do. Where it cannot, the boot check says so; there is never a silent difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// What a confirmed push survives.
    pub durability: Durability,
    /// How large a group can be.
    pub atomic_push: AtomicPush,
    /// How many priorities it tells apart: 256, 2 or 1.
    pub priorities: u16,
    /// Whether it honours unique keys.
    pub unique: bool,
    /// Whether jobs can be cancelled by id.
    pub cancel: bool,
    /// Whether it can be looked into.
    pub inspect: bool,
    /// Whether it can push and settle in the caller's transaction.
    pub in_transaction: bool,
    /// Whether it has a clock of its own that all processes share.
    pub store_clock: bool,
    /// `sync:`: a push resolves when its job is terminal. Such a driver makes due at once what is pushed with a delay or waits for a
    /// retry, so that no push hangs for hours; a snooze waits.
    pub push_waits: bool,
}

impl Capabilities {
    /// Everything a store can do, with this durability; take away what yours cannot.
    #[must_use]
    pub const fn full(durability: Durability) -> Self {
        Self {
            durability,
            atomic_push: AtomicPush::All,
            priorities: 256,
            unique: true,
            cancel: true,
            inspect: true,
            in_transaction: true,
            store_clock: true,
            push_waits: false,
        }
    }
}
