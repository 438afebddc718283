//! A driver as somebody outside would write it, against the public API of `queue` alone: plain, and without any care for speed.
//!
//! All jobs lie in one table behind one lock, and every verb looks through all of it. The folder has a file a verb; this one has the
//! driver itself, which takes the lock, asks the table, and tells the workers that sleep what happened.

mod fetch;
mod inspect;
mod maintain;
mod push;
mod row;
mod settle;
mod table;
mod transaction;
mod wake;

use std::sync::Arc;
use std::time::SystemTime;

use queue::drivers::{
    BoxFuture, Capabilities, Delivery, Driver, Durability, Exchanged, FetchRequest, Group, Inspect, MaintainLimits, Maintained,
    NewJob, PushResult, QueueRow, Renewal, Renewed, Settled, Settlement, Wake, WorkerRow,
};
use queue::job::{SettleError, StoreTransaction};
use queue::testing::conformance::{OpenTransaction, Store};
use queue::{Clock, Error};
use tokio::sync::{Mutex, MutexGuard, broadcast};

use table::Table;
use transaction::Transaction;
use wake::Event;

/// Where the jobs are: what a database would be.
pub(crate) struct Shared {
    table: Arc<Mutex<Table>>,
    events: broadcast::Sender<Vec<Event>>,
}

/// A handle on the jobs.
pub(crate) struct Outside {
    shared: Arc<Shared>,
    clock: Clock,
}

impl Shared {
    /// An empty store.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { table: Arc::default(), events: broadcast::channel(1024).0 })
    }

    /// Tells those who sleep what happened. That nobody does is no error.
    fn tell(&self, events: Vec<Event>) {
        if !events.is_empty() {
            let _ = self.events.send(events);
        }
    }
}

impl Outside {
    /// A handle on a store, which goes by this clock.
    pub(crate) fn open(shared: Arc<Shared>, clock: Clock) -> Self {
        Self { shared, clock }
    }

    fn now(&self) -> SystemTime {
        self.clock.now()
    }

    async fn table(&self) -> MutexGuard<'_, Table> {
        self.shared.table.lock().await
    }

    /// Does something to the table, and then tells what came of it.
    async fn change<T>(&self, what: impl FnOnce(&mut Table, SystemTime) -> T) -> T {
        let mut table = self.table().await;
        let result = what(&mut table, self.now());
        let events = std::mem::take(&mut table.events);
        drop(table);
        self.shared.tell(events);
        result
    }
}

impl Driver for Outside {
    fn name(&self) -> &'static str {
        "outside"
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::full(Durability::Process);
        capabilities.store_clock = false;
        capabilities
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn push<'a>(&'a self, groups: &'a [Group]) -> BoxFuture<'a, Vec<PushResult>> {
        Box::pin(self.change(|table, now| groups.iter().map(|group| Ok(table.push(group, now))).collect()))
    }

    fn push_in<'a>(&'a self, transaction: &'a mut dyn StoreTransaction, jobs: Vec<NewJob>) -> BoxFuture<'a, PushResult> {
        Box::pin(async move { transaction::push_in(transaction, self.name(), &jobs, self.now()) })
    }

    fn fetch<'a>(&'a self, request: &'a FetchRequest) -> BoxFuture<'a, Result<Vec<Delivery>, Error>> {
        Box::pin(self.change(|table, now| Ok(table.fetch(request, now))))
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Result<Vec<Settled>, Error>> {
        Box::pin(self.change(|table, now| table.settle(settlements, now)))
    }

    fn settle_in<'a>(
        &'a self,
        transaction: &'a mut dyn StoreTransaction,
        settlements: Vec<Settlement>,
    ) -> BoxFuture<'a, Result<Vec<Settled>, SettleError>> {
        Box::pin(async move { transaction::settle_in(transaction, self.name(), &settlements, self.now()) })
    }

    /// Under one lock, as a database does it in one commit.
    fn exchange<'a>(&'a self, settlements: &'a [Settlement], request: &'a FetchRequest) -> BoxFuture<'a, Exchanged> {
        Box::pin(self.change(|table, now| Exchanged {
            settled: table.settle(settlements, now),
            deliveries: Ok(table.fetch(request, now)),
        }))
    }

    fn renew<'a>(&'a self, worker: &'a WorkerRow, renewals: &'a [Renewal]) -> BoxFuture<'a, Result<Renewed, Error>> {
        Box::pin(self.change(|table, now| Ok(table.renew(worker, renewals, now))))
    }

    fn maintain<'a>(&'a self, limits: &'a MaintainLimits) -> BoxFuture<'a, Result<Maintained, Error>> {
        Box::pin(self.change(|table, now| Ok(table.maintain(limits, now))))
    }

    fn wake<'a>(&'a self, queues: &'a [Arc<str>]) -> BoxFuture<'a, Result<Wake, Error>> {
        // Here and not in the future: what happens between this call and the first poll must be heard.
        let events = self.shared.events.subscribe();
        Box::pin(async move { Ok(wake::first(events, queues).await) })
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueRow>, Error>> {
        Box::pin(async move { Ok(self.table().await.queues()) })
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}

/// What the suite is given: a store that many handles share.
pub(crate) struct OutsideStore(Arc<Shared>);

impl OutsideStore {
    /// A fresh one.
    pub(crate) fn new() -> Self {
        Self(Shared::new())
    }
}

impl Store for OutsideStore {
    fn open(&self, clock: Clock) -> BoxFuture<'_, Arc<dyn Driver>> {
        let driver: Arc<dyn Driver> = Arc::new(Outside::open(Arc::clone(&self.0), clock));
        Box::pin(std::future::ready(driver))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn begin(&self) -> Option<BoxFuture<'_, Box<dyn OpenTransaction>>> {
        Some(Box::pin(async { Box::new(Transaction::begin(&self.0).await) as Box<dyn OpenTransaction> }))
    }
}
