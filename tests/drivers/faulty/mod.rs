//! The outside driver with one fault: what the suite is tested with.

mod fault;
mod inspect;
mod look;
mod steer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use queue::drivers::{
    BoxFuture, Capabilities, Delivery, Driver, Durability, Exchanged, FetchRequest, Group, Inspect, MaintainLimits, Maintained,
    NewJob, PushResult, Pushed, QueueRow, Renewal, Renewed, Settled, Settlement, Told, Wake, WorkerId, WorkerRow, WorkerState,
};
use queue::job::{Outcome, SettleError, StoreTransaction};
use queue::testing::conformance::{OpenTransaction, Store};
use queue::{Clock, Error, JobId};

use crate::driver::OutsideStore;
pub(crate) use fault::Fault;

/// A store whose handles all have the fault.
pub(crate) struct FaultyStore {
    fault: Fault,
    store: OutsideStore,
}

impl FaultyStore {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { fault, store: OutsideStore::new() }
    }
}

impl Store for FaultyStore {
    fn open(&self, clock: Clock) -> BoxFuture<'_, Arc<dyn Driver>> {
        Box::pin(async move {
            // Where the fault is to overlook a silence, the driver inside gets a clock that never jumps.
            let steady = if self.fault == Fault::OverlooksSilence { Clock::manual() } else { clock.clone() };
            let inner = match self.fault {
                Fault::ForgetsAtTheEnd => OutsideStore::new().open(steady).await,
                _ => self.store.open(steady).await,
            };
            Arc::new(Faulty { fault: self.fault, inner, clock, seen: Mutex::default() }) as Arc<dyn Driver>
        })
    }

    fn is_shared(&self) -> bool {
        self.fault != Fault::IsDurableWithoutProof && self.store.is_shared()
    }

    fn begin(&self) -> Option<BoxFuture<'_, Box<dyn OpenTransaction>>> {
        if self.fault == Fault::HasTransactionsWithoutProof { None } else { self.store.begin() }
    }
}

/// The outside driver with one fault.
pub(crate) struct Faulty {
    fault: Fault,
    inner: Arc<dyn Driver>,
    clock: Clock,
    seen: Mutex<Seen>,
}

/// What the faults remember.
#[derive(Default)]
struct Seen {
    keys: HashMap<String, JobId>,
    tokens: HashMap<JobId, u64>,
    last: Vec<Delivery>,
    told: HashMap<WorkerId, Option<Told>>,
    first_word: Option<Told>,
}

impl Faulty {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no fault panics")
    }

    /// The newest token of a job, as if the fence had a gate.
    fn newest(&self, lease: queue::drivers::Lease) -> queue::drivers::Lease {
        let token = self.seen().tokens.get(&lease.id).copied().unwrap_or(lease.token);
        queue::drivers::Lease { token, ..lease }
    }

    fn change_job(&self, job: &NewJob) -> NewJob {
        let mut job = job.clone();
        match self.fault {
            Fault::StoresRepeatedPushes => job.id = JobId::new(),
            Fault::IgnoresUniqueKeys => {
                job.extra.iter_mut().for_each(|extra| extra.unique_key = None);
            }
            Fault::IgnoresDelays => job.due = queue::drivers::Due::Now,
            Fault::RewritesPayloads => {
                let value: serde_json::Value = serde_json::from_slice(&job.payload).unwrap_or_default();
                job.payload = value.to_string().into_bytes().into();
            }
            Fault::IgnoresPriorities => job.priority = 100,
            Fault::TrimsNames => job.queue = job.queue.trim().into(),
            Fault::DropsTags => job.extra.iter_mut().for_each(|extra| extra.tags.clear()),
            _ => {}
        }
        job
    }

    fn change_group(&self, group: &Group) -> Group {
        let mut group = Group { jobs: group.jobs.iter().map(|job| self.change_job(job)).collect(), tick: group.tick.clone() };
        if self.has(Fault::IgnoresTicks) {
            group.tick = None;
        }
        if self.has(Fault::StoresHalfAGroup) && group.jobs.len() > 1 {
            group.jobs.truncate(group.jobs.len() / 2);
        }
        group
    }

    /// The job that had the key of a group, as if a lock had kept it.
    fn leaked(&self, group: &Group) -> Option<Pushed> {
        let key = group.jobs.first().filter(|_| self.has(Fault::LeaksUniqueKeys)).and_then(NewJob::unique_key)?;
        self.seen().keys.get(key).copied().map(Pushed::duplicate_of)
    }

    /// What is answered for a group, the driver inside having answered this.
    fn answer(&self, group: &Group, pushed: PushResult) -> PushResult {
        let pushed = pushed?;
        let mut seen = self.seen();
        for (job, pushed) in group.jobs.iter().zip(&pushed) {
            seen.keys.extend(job.unique_key().map(|key| (key.to_owned(), pushed.id)));
        }
        let stored = group.jobs.iter().map(|job| Pushed::stored(job.id));
        let is_told_wrong = self.has(Fault::StoresHalfAGroup) || self.has(Fault::StoresRepeatedPushes);
        Ok(if is_told_wrong { stored.collect() } else { pushed })
    }

    /// Walks the steady clock of the driver inside after the jumping one outside.
    async fn keep_up(&self) {
        while self.has(Fault::OverlooksSilence) && self.inner.clock().offset() < self.clock.offset() {
            let behind = self.clock.offset() - self.inner.clock().offset();
            self.inner.clock().advance(behind.min(Duration::from_secs(5)));
            self.inner.maintain(&MaintainLimits::default()).await.expect("the driver inside works");
        }
    }
}

impl Driver for Faulty {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        capabilities.inspect &= !self.has(Fault::DeniesInspection);
        if matches!(self.fault, Fault::IsDurable | Fault::ForgetsAtTheEnd | Fault::IsDurableWithoutProof) {
            capabilities.durability = Durability::Host;
        }
        capabilities
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn push<'a>(&'a self, groups: &'a [Group]) -> BoxFuture<'a, Vec<PushResult>> {
        Box::pin(async move {
            let leaked: Vec<_> = groups.iter().map(|group| self.leaked(group)).collect();
            let rest = groups.iter().zip(&leaked).filter(|(_, leaked)| leaked.is_none());
            let rest: Vec<_> = rest.map(|(group, _)| self.change_group(group)).collect();
            // In one call, as whoever has no fault would: the driver inside sees one time.
            let mut pushed = self.inner.push(&rest).await.into_iter();
            let answer = |(group, leaked): (&Group, Option<Pushed>)| match leaked {
                Some(winner) => Ok(vec![winner]),
                None => self.answer(group, pushed.next().expect("the driver inside answers once a group")),
            };
            groups.iter().zip(leaked).map(answer).collect()
        })
    }

    fn push_in<'a>(&'a self, transaction: &'a mut dyn StoreTransaction, jobs: Vec<NewJob>) -> BoxFuture<'a, PushResult> {
        Box::pin(async move {
            if self.has(Fault::IgnoresTransactions) {
                return self.inner.push(&[Group { jobs, tick: None }]).await.remove(0);
            }
            self.inner.push_in(transaction, jobs).await
        })
    }

    fn fetch<'a>(&'a self, request: &'a FetchRequest) -> BoxFuture<'a, Result<Vec<Delivery>, Error>> {
        Box::pin(async move {
            self.keep_up().await;
            let mut request = request.clone();
            match self.fault {
                Fault::IgnoresExceptions => request.except.clear(),
                Fault::NeverPrefetches => request.queues.iter_mut().for_each(|queue| queue.ahead = 0),
                Fault::PrefetchesRescuedJobs => request.queues.iter_mut().for_each(|queue| queue.free += queue.ahead),
                Fault::NeverRescues => request.lease = Duration::from_secs(1_000_000),
                Fault::RescuesTooEarly => request.lease = Duration::from_secs(10),
                Fault::BlocksItsThread => loop {
                    std::thread::park();
                },
                _ => {}
            }
            let mut deliveries = self.inner.fetch(&request).await?;
            let mut seen = self.seen();
            seen.tokens.extend(deliveries.iter().map(|delivery| (delivery.lease.id, delivery.lease.token)));
            match self.fault {
                Fault::DeliversTwice if deliveries.is_empty() => deliveries.clone_from(&seen.last),
                Fault::ForgetsToCount => deliveries.iter_mut().for_each(|delivery| delivery.attempt = 1),
                Fault::AnswersInNoOrder => deliveries.reverse(),
                _ => {}
            }
            seen.last.clone_from(&deliveries);
            Ok(deliveries)
        })
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Result<Vec<Settled>, Error>> {
        Box::pin(async move {
            let mut changed = settlements.to_vec();
            for settlement in &mut changed {
                match (self.fault, &mut settlement.outcome) {
                    (Fault::LosesTheFence, _) => settlement.lease = self.newest(settlement.lease),
                    (Fault::DropsFollowUps, _) => settlement.follow_ups.clear(),
                    (Fault::DropsErrors, Outcome::Retry { error, .. } | Outcome::Fail { error }) => error.clear(),
                    (Fault::CountsSnoozes, &mut Outcome::Snooze { delay }) => {
                        settlement.outcome = Outcome::Retry { delay, error: String::new() };
                    }
                    (Fault::RetriesLate, Outcome::Retry { delay, .. }) => *delay += Duration::from_secs(1),
                    (Fault::LosesTurns, Outcome::Release { .. }) => {
                        settlement.outcome = Outcome::Retry { delay: Duration::ZERO, error: String::new() };
                    }
                    (Fault::RetriesAtOnce, Outcome::Retry { delay, .. }) => *delay = Duration::ZERO,
                    _ => {}
                }
            }
            let mut settled = self.inner.settle(&changed).await?;
            for (settled, settlement) in settled.iter_mut().zip(settlements).filter(|(settled, _)| **settled == Settled::Lost) {
                match self.fault {
                    Fault::AnswersStoredAlways => *settled = Settled::Stored,
                    Fault::StoresFollowUpsOfTheLost => {
                        self.inner.push(&[Group { jobs: settlement.follow_ups.clone(), tick: None }]).await;
                    }
                    _ => {}
                }
            }
            Ok(settled)
        })
    }

    fn settle_in<'a>(
        &'a self,
        transaction: &'a mut dyn StoreTransaction,
        settlements: Vec<Settlement>,
    ) -> BoxFuture<'a, Result<Vec<Settled>, SettleError>> {
        self.inner.settle_in(transaction, settlements)
    }

    fn exchange<'a>(&'a self, settlements: &'a [Settlement], request: &'a FetchRequest) -> BoxFuture<'a, Exchanged> {
        Box::pin(async move {
            let early = if self.has(Fault::FetchesBeforeItSettles) { Some(self.fetch(request).await) } else { None };
            let settled = self.settle(settlements).await;
            let deliveries = match early {
                Some(deliveries) => deliveries,
                None => self.fetch(request).await,
            };
            Exchanged { settled, deliveries }
        })
    }

    fn exchange_now(&self, settlements: &[Settlement], request: &FetchRequest) -> Option<Exchanged> {
        match self.fault {
            Fault::SettlesNothingNow => {
                let settled = Ok(settlements.iter().map(|_| Settled::Stored).collect());
                Some(Exchanged { settled, deliveries: self.fetch(request).now_or_never()? })
            }
            Fault::ExchangesNowAtTimes if request.queues.is_empty() => self.exchange(settlements, request).now_or_never(),
            _ => None,
        }
    }

    fn renew<'a>(&'a self, worker: &'a WorkerRow, renewals: &'a [Renewal]) -> BoxFuture<'a, Result<Renewed, Error>> {
        Box::pin(async move {
            self.keep_up().await;
            let (mut worker, mut renewals) = (worker.clone(), renewals.to_vec());
            match self.fault {
                Fault::RenewsNothing => renewals.clear(),
                Fault::RenewsUnderOldTokens => {
                    renewals.iter_mut().for_each(|renewal| renewal.lease = self.newest(renewal.lease));
                }
                Fault::KeepsStoppedWorkers => worker.state = WorkerState::Running,
                _ => {}
            }
            let mut renewed = self.inner.renew(&worker, &renewals).await?;
            renewed.told = self.told_at(&worker, renewed.told);
            match self.fault {
                Fault::HidesLostLeases => renewed.lost.clear(),
                Fault::HidesCancels => renewed.cancelled.clear(),
                _ => {}
            }
            Ok(renewed)
        })
    }

    fn maintain<'a>(&'a self, limits: &'a MaintainLimits) -> BoxFuture<'a, Result<Maintained, Error>> {
        Box::pin(async move {
            self.keep_up().await;
            let mut limits = limits.clone();
            match self.fault {
                Fault::KnowsNoBatches => limits.batch = usize::MAX,
                Fault::PrunesAtOnce => limits.keep_completed = Duration::ZERO,
                Fault::NeverPrunes => limits.keep_completed = Duration::from_secs(1_000_000_000),
                Fault::RescuesForEver => limits.max_rescues = u32::MAX,
                _ => {}
            }
            let mut maintained = self.inner.maintain(&limits).await?;
            if self.has(Fault::ForgetsWhatIsDueNext) {
                maintained.next_due = None;
            }
            Ok(maintained)
        })
    }

    fn wake<'a>(&'a self, queues: &'a [Arc<str>]) -> BoxFuture<'a, Result<Wake, Error>> {
        match self.fault {
            // The body of an `async` block: it begins when it is polled.
            Fault::ListensLate => Box::pin(async move { self.inner.wake(queues).await }),
            Fault::WakesForNothing => Box::pin(async move {
                let mut wake = Wake::default();
                wake.work = true;
                Ok(wake)
            }),
            Fault::HidesCancels => {
                let wake = self.inner.wake(queues);
                Box::pin(async move {
                    let mut wake = wake.await?;
                    wake.cancelled.clear();
                    Ok(wake)
                })
            }
            _ => self.inner.wake(queues),
        }
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueRow>, Error>> {
        self.inner.queues()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        Some(self)
    }
}
