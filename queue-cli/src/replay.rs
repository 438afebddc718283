//! A driver of one job: what the pipeline of a worker runs when somebody replays a stored job.
//!
//! The worker is a real one, with its container, its spans and its timeouts. What it stores ends here: the outcome is kept to be told, what
//! the job pushes is caught. With a driver behind it (`--settle`) the job is claimed there, and the outcome and the pushes go on to that: a
//! job that is completed has done all that it does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use queue::drivers::{
    BoxFuture, Capabilities, Delivery, Driver, Durability, FetchRequest, Group, Lease, MaintainLimits, Maintained, NewJob,
    PushResult, Pushed, QueueRow, Renewal, Renewed, Settled, Settlement, Wake, WorkerRow,
};
use queue::job::{Outcome, SettleError, StoreTransaction};
use queue::{Clock, Error, ErrorKind, JobRow};

/// A driver of one job.
pub(crate) struct OneJob {
    row: JobRow,
    /// Where the job is claimed and settled; nowhere when the store is to be left as it is.
    behind: Option<Arc<dyn Driver>>,
    clock: Clock,
    seen: Mutex<Seen>,
}

/// What came of the run.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    is_given: bool,
    /// Why the job could not be claimed.
    pub(crate) refused: Option<Error>,
    /// How the run ended.
    pub(crate) outcome: Option<Outcome>,
    /// Whether the store took that.
    pub(crate) is_stored: bool,
    /// Which attempt it ran in.
    pub(crate) attempt: u32,
    /// The handler completed it in a transaction of its own.
    pub(crate) is_completed_in: bool,
    /// What it pushed, whether that was caught or stored.
    pub(crate) pushed: Vec<NewJob>,
}

impl OneJob {
    pub(crate) fn new(row: JobRow, behind: Option<Arc<dyn Driver>>) -> Self {
        let clock = behind.as_ref().map_or_else(Clock::system, |driver| driver.clock().clone());
        Self { row, behind, clock, seen: Mutex::default() }
    }

    /// What came of the run until now.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        // Nothing that can panic runs under this lock, so a poisoned one is whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn catch(&self, jobs: &[NewJob]) -> Vec<Pushed> {
        self.seen().pushed.extend(jobs.iter().cloned());
        jobs.iter().map(|job| Pushed::stored(job.id)).collect()
    }

    /// Notes what the store took.
    fn note(&self, jobs: Vec<NewJob>, pushed: &[Pushed]) {
        let stored = jobs.into_iter().zip(pushed).filter(|(_, pushed)| !pushed.is_duplicate).map(|(job, _)| job);
        self.seen().pushed.extend(stored);
    }

    /// The job as if it had been fetched: the attempt that it is in, and not the last one, so that a failure is not final.
    fn delivery(&self) -> Delivery {
        let row = &self.row;
        let attempt = row.attempt.max(1);
        Delivery {
            lease: Lease { id: row.id, place: 0, token: 1 },
            kind: row.kind.as_str().into(),
            queue: row.queue.as_str().into(),
            payload: row.payload.as_ref().map_or(&b"{}"[..], |payload| payload.get().as_bytes()).into(),
            version: row.version,
            attempt,
            max_attempts: attempt.saturating_add(1),
            rescues: row.rescues,
            priority: row.priority,
            due_at: row.due_at,
        }
    }

    async fn claimed(&self, request: &FetchRequest) -> Option<Result<Delivery, Error>> {
        let is_asked = request.queues.iter().any(|queue| *queue.queue == *self.row.queue && queue.free > 0);
        if !is_asked || std::mem::replace(&mut self.seen().is_given, true) {
            return None;
        }
        let Some(behind) = &self.behind else { return Some(Ok(self.delivery())) };
        Some(self.claim(&**behind, request).await)
    }

    async fn claim(&self, behind: &dyn Driver, request: &FetchRequest) -> Result<Delivery, Error> {
        let inspect = behind.inspect().ok_or_else(|| Error::new(ErrorKind::Unsupported, "the store cannot be looked into"))?;
        inspect.claim(self.row.id, request.worker, request.lease).await
    }
}

impl Driver for OneJob {
    fn name(&self) -> &'static str {
        "replay"
    }

    fn capabilities(&self) -> Capabilities {
        let mut can = Capabilities::full(Durability::Process);
        (can.inspect, can.cancel) = (false, false);
        can
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn push<'a>(&'a self, groups: &'a [Group]) -> BoxFuture<'a, Vec<PushResult>> {
        Box::pin(async move {
            let Some(behind) = &self.behind else { return groups.iter().map(|group| Ok(self.catch(&group.jobs))).collect() };
            let results = behind.push(groups).await;
            for (group, result) in groups.iter().zip(&results) {
                self.note(group.jobs.clone(), result.as_deref().unwrap_or_default());
            }
            results
        })
    }

    fn push_in<'a>(&'a self, transaction: &'a mut dyn StoreTransaction, jobs: Vec<NewJob>) -> BoxFuture<'a, PushResult> {
        Box::pin(async move {
            let Some(behind) = &self.behind else { return Ok(self.catch(&jobs)) };
            let pushed = behind.push_in(transaction, jobs.clone()).await?;
            self.note(jobs, &pushed);
            Ok(pushed)
        })
    }

    fn fetch<'a>(&'a self, request: &'a FetchRequest) -> BoxFuture<'a, Result<Vec<Delivery>, Error>> {
        Box::pin(async move {
            match self.claimed(request).await {
                None => Ok(Vec::new()),
                Some(Ok(delivery)) => {
                    self.seen().attempt = delivery.attempt;
                    Ok(vec![delivery])
                }
                Some(Err(error)) => {
                    self.seen().refused = Some(error);
                    Ok(Vec::new())
                }
            }
        })
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Result<Vec<Settled>, Error>> {
        Box::pin(async move {
            // How the run ended is known, whatever the store then says.
            self.seen().outcome = settlements.last().map(|settlement| settlement.outcome.clone());
            let settled = match &self.behind {
                Some(behind) => behind.settle(settlements).await?,
                None => vec![Settled::Stored; settlements.len()],
            };
            let mut seen = self.seen();
            seen.is_stored = self.behind.is_some() && settled.iter().all(|settled| *settled == Settled::Stored);
            seen.pushed.extend(settlements.iter().flat_map(|settlement| &settlement.follow_ups).cloned());
            Ok(settled)
        })
    }

    fn settle_in<'a>(
        &'a self,
        transaction: &'a mut dyn StoreTransaction,
        settlements: Vec<Settlement>,
    ) -> BoxFuture<'a, Result<Vec<Settled>, SettleError>> {
        Box::pin(async move {
            let count = settlements.len();
            let settled = match &self.behind {
                Some(behind) => behind.settle_in(transaction, settlements).await?,
                None => vec![Settled::Stored; count],
            };
            self.seen().is_completed_in = true;
            Ok(settled)
        })
    }

    fn renew<'a>(&'a self, worker: &'a WorkerRow, renewals: &'a [Renewal]) -> BoxFuture<'a, Result<Renewed, Error>> {
        Box::pin(async move {
            match &self.behind {
                Some(behind) => behind.renew(worker, renewals).await,
                None => Ok(Renewed::default()),
            }
        })
    }

    fn maintain<'a>(&'a self, _limits: &'a MaintainLimits) -> BoxFuture<'a, Result<Maintained, Error>> {
        Box::pin(async { Ok(Maintained::default()) })
    }

    fn wake<'a>(&'a self, _queues: &'a [Arc<str>]) -> BoxFuture<'a, Result<Wake, Error>> {
        Box::pin(std::future::pending())
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueRow>, Error>> {
        let row = QueueRow { name: self.row.queue.as_str().into(), is_paused: false };
        Box::pin(async { Ok(vec![row]) })
    }
}

/// How long a run may take to end when it is interrupted.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
