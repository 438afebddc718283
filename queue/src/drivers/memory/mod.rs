//! Jobs in the memory of the process: the reference of the contract.
//!
//! One lock guards one `Store`, and every verb holds it for a batch. A waiting job lies in a line of its queue and
//! priority; a fetch moves it among the leases, and its delivery carries that place; so neither a fetch nor a settlement looks
//! anything up by id. Whoever comes with an id alone (looking, cancelling, a repeated push) pays for the search.

mod fetch;
mod inspect;
mod lanes;
mod lease;
mod maintain;
mod push;
mod queues;
mod retain;
mod rows;
mod seen;
mod segments;
mod settle;
mod store;
mod unique;
mod wake;

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use self::rows::Time;
use self::store::Store;
use super::{
    BoxFuture, Capabilities, Delivery, Driver, Durability, Exchanged, FetchRequest, Group, Inspect, MaintainLimits, Maintained,
    PushResult, QueueRow, Renewal, Renewed, Settled, Settlement, Wake, WorkerRow,
};
use crate::clock::Clock;
use crate::error::Error;
use crate::job::JobState;

/// How many ended jobs of a sort are kept where nobody says otherwise.
const KEEP_ROWS: usize = 10_000;

/// Keeps jobs in the memory of the process: `memory:`, `async:` and `sync:`.
///
/// What waits dies with the process. All else is as in any other store: delays, priorities, unique keys, leases, rescues,
/// inspection. Each value is a store of its own.
///
/// ```
/// use queue::drivers::{Driver, Memory};
///
/// let driver = Memory::new().keep_completed_rows(100);
/// assert_eq!(driver.name(), "memory");
/// ```
pub struct Memory {
    clock: Clock,
    push_waits: bool,
    store: Mutex<Store>,
}

/// What a [`Memory`] holds at a moment, in numbers of things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Footprint {
    /// Queues: those that have a row or are paused, and until the next maintenance those that had one.
    pub queues: usize,
    /// Segments of waiting jobs, of up to 512 rows each; a lane that was never long keeps a small one.
    pub segments: usize,
    /// Jobs that wait for their time, for their chain, or out of the usual order.
    pub aside: usize,
    /// Running jobs.
    pub running: usize,
    /// Completed, failed and cancelled jobs that are kept.
    pub ended: usize,
    /// Unique keys that are taken.
    pub keys: usize,
    /// Cron ticks that are remembered.
    pub ticks: usize,
    /// Calls of [`wake`](Driver::wake) that wait.
    pub waiters: usize,
}

impl Memory {
    /// An empty store that goes by the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Clock::system())
    }

    /// An empty store that goes by this clock.
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        let store = Store::new(clock.now().into(), KEEP_ROWS, KEEP_ROWS);
        Self { clock, push_waits: false, store: Mutex::new(store) }
    }

    /// The store of `sync:`: a push resolves when its job has ended. The driver only says so; the queue waits.
    #[must_use]
    pub fn waiting_pushes() -> Self {
        Self { push_waits: true, ..Self::new() }
    }

    /// Keeps so many completed jobs, the last ones, without their payloads; 10,000 where nothing is said.
    ///
    /// What is more than that is let go of when the next jobs end, or within seconds: whoever waits for a job sees its row.
    #[must_use]
    pub fn keep_completed_rows(self, rows: usize) -> Self {
        self.lock().retained.completed.set_bound(rows);
        self
    }

    /// Keeps so many failed jobs and so many cancelled ones, the last ones, whole; 10,000 of each where nothing is said.
    #[must_use]
    pub fn keep_failed_rows(self, rows: usize) -> Self {
        {
            let mut store = self.lock();
            store.retained.failed.set_bound(rows);
            store.retained.cancelled.set_bound(rows);
        }
        self
    }

    /// What it holds now, to see that memory goes back.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let store = self.lock();
        Footprint {
            queues: store.queues.len(),
            segments: store.queues.iter().flat_map(lanes::Lanes::all).map(lanes::Lane::segments).sum(),
            aside: store.aside.len(),
            running: store.leases.len(),
            ended: store.retained.len(),
            keys: store.keys.len(),
            ticks: store.ticks.len(),
            waiters: store.waiters.len(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        // Nothing below panics half-way through a change, so a store whose lock was poisoned is still whole.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the store at one time, and wakes whom it concerns once the store is free again.
    fn with<T>(&self, act: impl FnOnce(&mut Store, Time) -> T) -> T {
        let mut store = self.lock();
        // Read under the lock, so that the times of the rows ascend in the order in which they are stored.
        let answer = act(&mut store, self.clock.now().into());
        let rung = store.waiters.take_rung();
        drop(store);
        rung.into_iter().for_each(std::task::Waker::wake);
        answer
    }

    fn settle_and_fetch(&self, settlements: &[Settlement], request: &FetchRequest) -> Exchanged {
        self.with(|store, now| {
            store.trim();
            Exchanged {
                settled: Ok(settlements.iter().map(|one| store.settle(one, now)).collect()),
                deliveries: Ok(store.fetch(request, now)),
            }
        })
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("push_waits", &self.push_waits).field("holds", &self.footprint()).finish_non_exhaustive()
    }
}

impl Driver for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { in_transaction: false, push_waits: self.push_waits, ..Capabilities::full(Durability::Process) }
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn push<'a>(&'a self, groups: &'a [Group]) -> BoxFuture<'a, Vec<PushResult>> {
        Box::pin(async move { self.with(|store, now| store.push(groups.iter().cloned(), now)) })
    }

    fn push_now(&self, groups: &mut Vec<Group>) -> Option<Vec<PushResult>> {
        Some(self.with(|store, now| store.push(groups.drain(..), now)))
    }

    fn fetch<'a>(&'a self, request: &'a FetchRequest) -> BoxFuture<'a, Result<Vec<Delivery>, Error>> {
        Box::pin(async move { Ok(self.with(|store, now| store.fetch(request, now))) })
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Result<Vec<Settled>, Error>> {
        Box::pin(async move {
            Ok(self.with(|store, now| {
                store.trim();
                settlements.iter().map(|one| store.settle(one, now)).collect()
            }))
        })
    }

    fn exchange<'a>(&'a self, settlements: &'a [Settlement], request: &'a FetchRequest) -> BoxFuture<'a, Exchanged> {
        Box::pin(async move { self.settle_and_fetch(settlements, request) })
    }

    fn exchange_now(&self, settlements: &[Settlement], request: &FetchRequest) -> Option<Exchanged> {
        Some(self.settle_and_fetch(settlements, request))
    }

    fn renew<'a>(&'a self, worker: &'a WorkerRow, renewals: &'a [Renewal]) -> BoxFuture<'a, Result<Renewed, Error>> {
        Box::pin(async move { Ok(self.with(|store, now| store.renew(worker, renewals, now))) })
    }

    fn maintain<'a>(&'a self, limits: &'a MaintainLimits) -> BoxFuture<'a, Result<Maintained, Error>> {
        Box::pin(async move { Ok(self.with(|store, now| store.maintain(limits, now))) })
    }

    fn wake<'a>(&'a self, queues: &'a [Arc<str>]) -> BoxFuture<'a, Result<Wake, Error>> {
        // Not in an async block: events count from the call on, not from the first poll.
        let ticket = {
            let mut store = self.lock();
            let (born, unborn): (Vec<_>, Vec<_>) = queues.iter().partition(|name| store.queue_named(name).is_some());
            let born = born.into_iter().filter_map(|name| store.queue_named(name)).collect();
            store.waiters.register(born, unborn.into_iter().cloned().collect())
        };
        Box::pin(Waking { memory: self, ticket })
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueRow>, Error>> {
        Box::pin(async move {
            let row = |lanes: &lanes::Lanes| QueueRow { name: Arc::clone(&lanes.name), is_paused: lanes.is_paused };
            Ok(self.lock().queues.existing().map(row).collect())
        })
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let waiting: u64 = {
                let store = self.lock();
                let counts = |state| store.queues.iter().map(move |lanes| lanes.count(state));
                JobState::ALL.into_iter().filter(|state| !state.is_terminal()).flat_map(counts).sum()
            };
            if waiting > 0 {
                tracing::warn!(waiting, "jobs that have not ended die with the process: the memory driver keeps nothing");
            }
            Ok(())
        })
    }
}

/// A call of `wake` that waits. Dropping it ends its ticket.
struct Waking<'a> {
    memory: &'a Memory,
    ticket: u64,
}

impl Future for Waking<'_> {
    type Output = Result<Wake, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.memory.lock().waiters.poll(self.ticket, context).map(Ok)
    }
}

impl Drop for Waking<'_> {
    fn drop(&mut self) {
        self.memory.lock().waiters.leave(self.ticket);
    }
}
