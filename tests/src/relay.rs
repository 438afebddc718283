//! A driver in front of another one: it tells a probe what goes through, and a test may cut it off from the store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use queue::drivers::{
    BoxFuture, Capabilities, Delivery, Driver, Exchanged, FetchRequest, Group, Inspect, MaintainLimits, Maintained, NewJob,
    PushResult, QueueRow, Renewal, Renewed, Settled, Settlement, Wake, WorkerRow,
};
use queue::job::{Outcome, SettleError, StoreTransaction};
use queue::{Clock, Error, ErrorKind, PushError};

use crate::probe::Probe;

/// A driver in front of another one, as the processes of a store have one each.
///
/// The probe sees, once the store has answered: `fetched` for each job, the word of the outcome for each settlement (`completed`,
/// `released`, …), and `maintained`, `renewed` and `woken` for each call, with `3 leases` for one that carried three; and `refused` for a renewal that the store was away for.
pub struct Relay {
    driver: Arc<dyn Driver>,
    /// What goes through. A test that closes the gate of [`hold_news`](Relay::hold_news) opens it here.
    pub probe: Arc<Probe>,
    is_away: AtomicBool,
    holds_news: AtomicBool,
    is_maintained: bool,
}

impl Relay {
    /// In front of this driver.
    #[must_use]
    pub fn new(driver: Arc<dyn Driver>) -> Arc<Self> {
        Arc::new(Self::to(driver, true))
    }

    /// In front of this driver, and no call of `maintain` ends: what a worker hears, it hears by `wake` or with a renewal.
    #[must_use]
    pub fn without_maintenance(driver: Arc<dyn Driver>) -> Arc<Self> {
        Arc::new(Self::to(driver, false))
    }

    fn to(driver: Arc<dyn Driver>, is_maintained: bool) -> Self {
        let (is_away, holds_news) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { driver, probe: Arc::default(), is_away, holds_news, is_maintained }
    }

    /// From now on the store is away: for the workers behind this driver, who for the others are as good as dead.
    pub fn cut_off(&self) {
        self.is_away.store(true, Ordering::Release);
    }

    /// The store is there again.
    pub fn join_up(&self) {
        self.is_away.store(false, Ordering::Release);
    }

    /// From now on news is under way to the worker until the gate of the probe opens.
    pub fn hold_news(&self) {
        self.holds_news.store(true, Ordering::Release);
    }

    fn reach(&self) -> Result<&dyn Driver, Error> {
        match self.is_away.load(Ordering::Acquire) {
            true => Err(Error::new(ErrorKind::Unavailable, "no way to the store")),
            false => Ok(&*self.driver),
        }
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "completed",
        Outcome::Retry { .. } => "retried",
        Outcome::Fail { .. } => "failed",
        Outcome::Snooze { .. } => "snoozed",
        Outcome::Release { .. } => "released",
        Outcome::Cancel { .. } => "cancelled",
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("is_away", &self.is_away).finish_non_exhaustive()
    }
}

impl Driver for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn capabilities(&self) -> Capabilities {
        self.driver.capabilities()
    }

    fn clock(&self) -> &Clock {
        self.driver.clock()
    }

    fn push<'a>(&'a self, groups: &'a [Group]) -> BoxFuture<'a, Vec<PushResult>> {
        match self.reach() {
            Ok(driver) => driver.push(groups),
            Err(_) => {
                Box::pin(async { groups.iter().map(|_| Err(PushError::Unavailable("no way to the store".into()))).collect() })
            }
        }
    }

    fn push_in<'a>(&'a self, transaction: &'a mut dyn StoreTransaction, jobs: Vec<NewJob>) -> BoxFuture<'a, PushResult> {
        self.driver.push_in(transaction, jobs)
    }

    fn fetch<'a>(&'a self, request: &'a FetchRequest) -> BoxFuture<'a, Result<Vec<Delivery>, Error>> {
        Box::pin(async move {
            let deliveries = self.reach()?.fetch(request).await?;
            deliveries.iter().for_each(|_| self.probe.saw("fetched"));
            Ok(deliveries)
        })
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Result<Vec<Settled>, Error>> {
        Box::pin(async move {
            let settled = self.reach()?.settle(settlements).await?;
            settlements.iter().for_each(|settlement| self.probe.saw(word(&settlement.outcome)));
            Ok(settled)
        })
    }

    /// In one round trip: when the store is away both halves fail, whatever was in them.
    fn exchange<'a>(&'a self, settlements: &'a [Settlement], request: &'a FetchRequest) -> BoxFuture<'a, Exchanged> {
        Box::pin(async move {
            if let (Err(settled), Err(deliveries)) = (self.reach().map(drop), self.reach().map(drop)) {
                return Exchanged { settled: Err(settled), deliveries: Err(deliveries) };
            }
            let settled = if settlements.is_empty() { Ok(Vec::new()) } else { self.settle(settlements).await };
            let deliveries = if request.queues.is_empty() { Ok(Vec::new()) } else { self.fetch(request).await };
            Exchanged { settled, deliveries }
        })
    }

    fn settle_in<'a>(
        &'a self,
        transaction: &'a mut dyn StoreTransaction,
        settlements: Vec<Settlement>,
    ) -> BoxFuture<'a, Result<Vec<Settled>, SettleError>> {
        self.driver.settle_in(transaction, settlements)
    }

    fn renew<'a>(&'a self, worker: &'a WorkerRow, renewals: &'a [Renewal]) -> BoxFuture<'a, Result<Renewed, Error>> {
        Box::pin(async move {
            let driver = self.reach().inspect_err(|_| self.probe.saw("refused"))?;
            let renewed = driver.renew(worker, renewals).await?;
            self.probe.saw("renewed");
            self.probe.saw(format!("{} leases", renewals.len()));
            Ok(renewed)
        })
    }

    fn maintain<'a>(&'a self, limits: &'a MaintainLimits) -> BoxFuture<'a, Result<Maintained, Error>> {
        Box::pin(async move {
            if !self.is_maintained {
                return std::future::pending().await;
            }
            let maintained = self.reach()?.maintain(limits).await?;
            self.probe.saw("maintained");
            Ok(maintained)
        })
    }

    fn wake<'a>(&'a self, queues: &'a [Arc<str>]) -> BoxFuture<'a, Result<Wake, Error>> {
        // Outside of the block: events count from the call on.
        let news = self.reach().map(|driver| driver.wake(queues));
        Box::pin(async move {
            let wake = news?.await?;
            self.probe.saw("woken");
            if self.holds_news.load(Ordering::Acquire) {
                self.probe.pass().await;
            }
            Ok(wake)
        })
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueRow>, Error>> {
        Box::pin(async move { self.reach()?.queues().await })
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        self.driver.inspect()
    }
}
