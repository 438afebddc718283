//! What the tasks and the loops of a worker share.

use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::container::Container;
use crate::drivers::{Driver, Except, FetchRequest, Lease, Settlement, WorkerId, WorkerRow, WorkerState};
use crate::error::Error;
use crate::job::{CancelReason, JobId, Outcome, Progress};
use crate::queue::{Attached, Queue};

use super::exchange::exchange_here;
use super::gather::Gather;
use super::health::{Health, Pulse};
use super::hooks::Hooks;
use super::idle::Idle;
use super::kinds::Kinds;
use super::lane::Lane;
use super::ready::Ready;
use super::serve::Served;
use super::settings::Settings;
use super::shutdown::Tally;
use super::tasks::Tasks;
use super::timer::Earliest;
use super::turn::Turn;

/// For how long a kind is left alone that this worker does not know.
const LEAVE_ALONE: Duration = Duration::from_secs(60);

/// How far a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Phase {
    /// It fetches and runs.
    Running,
    /// It was told to fetch no more.
    Quiet,
    /// It ends what it runs.
    Stopping,
    /// It gives back what it runs.
    Hurrying,
    /// It has ended.
    Stopped,
}

/// What the tasks and the loops of a worker share.
pub(super) struct Shared {
    pub(super) id: WorkerId,
    pub(super) settings: Settings,
    pub(super) queue: Queue,
    pub(super) driver: Arc<dyn Driver>,
    /// The driver exchanges on the caller's thread: then the loops do it themselves, in turn.
    pub(super) is_immediate: bool,
    pub(super) turn: Turn,
    pub(super) clock: Clock,
    pub(super) container: Container,
    pub(super) kinds: Kinds,
    pub(super) hooks: Hooks,
    /// Where handlers run.
    pub(super) runtime: Handle,
    /// How many threads they have.
    pub(super) threads: usize,
    started_at: SystemTime,

    phase: AtomicU8,
    pub(super) served: Served,
    pub(super) tasks: Tasks,
    /// What was due when the worker started is available.
    pub(super) was_maintained: AtomicBool,
    /// The runtime of the handlers has ended.
    pub(super) lost_handlers: AtomicBool,
    left_alone: Mutex<Vec<(Except, SystemTime)>>,
    completed_in: Mutex<HashSet<JobId>>,

    /// The exchange has something to do.
    pub(super) exchange: Notify,
    /// A run said something of its progress.
    pub(super) reported: Notify,
    /// The leases shall be renewed now: the answer may have news.
    pub(super) renew_now: Notify,
    /// The store told the worker to restart.
    pub(super) restart: CancellationToken,
    /// A second signal came.
    pub(super) hurry: Notify,
    /// An exchange has ended.
    pub(super) stored: Notify,
    /// An outcome lies in a group.
    pub(super) settle_soon: Notify,
    /// The store shall be maintained now.
    pub(super) maintain_now: Notify,

    pub(super) gather: Gather,
    /// Where a stop waits for the runs, and others until all is done.
    pub(super) idle: Idle,
    /// The alarms of the slots.
    pub(super) alarms: Earliest,
    /// When outcomes that this worker stored are due again.
    pub(super) due: Earliest,
    pub(super) tally: Tally,

    pub(super) fetching: Pulse,
    pub(super) renewing: Pulse,
    pub(super) settling: Pulse,
    pub(super) maintaining: Pulse,
}

/// What a worker is made of.
pub(super) struct Parts {
    pub(super) settings: Settings,
    pub(super) queue: Queue,
    pub(super) container: Container,
    pub(super) kinds: Kinds,
    pub(super) hooks: Hooks,
    pub(super) runtime: Handle,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks, so a poisoned one is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a driver exchanges on the caller's thread: it says so by doing it, here with nothing.
fn is_immediate(driver: &dyn Driver) -> bool {
    let nothing = FetchRequest { worker: WorkerId::nil(), lease: Duration::ZERO, queues: Vec::new(), except: Vec::new() };
    let asked = catch_unwind(AssertUnwindSafe(|| driver.exchange_now(&[], &nothing)));
    asked.is_ok_and(|answer| answer.is_some())
}

impl Shared {
    pub(super) fn new(parts: Parts) -> Arc<Self> {
        let driver = Arc::clone(parts.queue.driver());
        let clock = driver.clock().clone();
        Arc::new(Self {
            id: uuid::Uuid::new_v4(),
            settings: parts.settings,
            queue: parts.queue,
            started_at: clock.now(),
            is_immediate: is_immediate(&*driver),
            turn: Turn::new(),
            driver,
            clock,
            container: parts.container,
            kinds: parts.kinds,
            hooks: parts.hooks,
            threads: parts.runtime.metrics().num_workers(),
            runtime: parts.runtime,
            phase: AtomicU8::new(Phase::Running as u8),
            served: Served::default(),
            tasks: Tasks::default(),
            was_maintained: AtomicBool::new(false),
            lost_handlers: AtomicBool::new(false),
            left_alone: Mutex::default(),
            completed_in: Mutex::default(),
            exchange: Notify::new(),
            reported: Notify::new(),
            renew_now: Notify::new(),
            restart: CancellationToken::new(),
            hurry: Notify::new(),
            stored: Notify::new(),
            settle_soon: Notify::new(),
            maintain_now: Notify::new(),
            gather: Gather::new(),
            idle: Idle::new(),
            alarms: Earliest::new(),
            due: Earliest::new(),
            tally: Tally::default(),
            fetching: Pulse::default(),
            renewing: Pulse::default(),
            settling: Pulse::default(),
            maintaining: Pulse::default(),
        })
    }

    // --- phase ---

    pub(super) fn phase(&self) -> u8 {
        self.phase.load(Ordering::Acquire)
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.phase() >= Phase::Stopping as u8
    }

    pub(super) fn is_hurrying(&self) -> bool {
        self.phase() >= Phase::Hurrying as u8
    }

    /// Told from outside: fetch no more.
    pub(super) fn quiet(&self) {
        if self.phase() < Phase::Quiet as u8 {
            tracing::info!("the worker was told to fetch no more");
            self.set_phase(Phase::Quiet);
            for lane in self.lanes().iter() {
                self.release(lane.pause());
            }
            self.may_be_still();
        }
    }

    pub(super) fn state(&self) -> WorkerState {
        match self.phase() {
            phase if phase >= Phase::Stopping as u8 => WorkerState::Stopping,
            phase if phase == Phase::Quiet as u8 => WorkerState::Quiet,
            _ => WorkerState::Running,
        }
    }

    // --- fetching and settling ---

    pub(super) fn wake_exchange(&self) {
        self.exchange.notify_one();
    }

    /// Exchanges on this thread where the driver can, else has the engine do it.
    pub(super) fn exchange_soon(self: &Arc<Self>) {
        if self.is_immediate { exchange_here(self) } else { self.wake_exchange() }
    }

    pub(super) fn may_have_work(&self) {
        for lane in self.lanes().iter() {
            lane.wet();
        }
    }

    pub(super) fn is_buffering(&self) -> bool {
        self.lanes().iter().any(|lane| lane.is_buffering())
    }

    /// What to fetch now. One exchange is made at a time, so what this leaves of a limit nobody else takes.
    pub(super) fn request(&self) -> FetchRequest {
        let mut left = self.left();
        let mut ask = |lane: &Arc<Lane>| lane.request(left).inspect(|asked| left -= asked.free + asked.ahead);
        let queues =
            if self.phase() == Phase::Running as u8 { self.lanes().iter().filter_map(&mut ask).collect() } else { Vec::new() };
        let except = if queues.is_empty() { Vec::new() } else { self.left_alone() };
        FetchRequest { worker: self.id, lease: self.settings.lease, queues, except }
    }

    fn left_alone(&self) -> Vec<Except> {
        let mut list = lock(&self.left_alone);
        if list.is_empty() {
            return Vec::new();
        }
        let now = self.clock.now();
        list.retain(|(_, until)| *until > now);
        list.iter().map(|(except, _)| except.clone()).collect()
    }

    /// Leaves a kind to other workers for a while. Answers whether that is news.
    pub(super) fn leave_alone(&self, except: Except) -> bool {
        let until = self.clock.now() + LEAVE_ALONE;
        let mut list = lock(&self.left_alone);
        let is_news = !list.iter().any(|(known, _)| *known == except);
        if is_news {
            list.push((except, until));
        }
        is_news
    }

    /// Gives back jobs that were fetched and have not started.
    pub(super) fn release(&self, jobs: Vec<Ready>) {
        if jobs.is_empty() {
            return;
        }
        let outcome = Outcome::Release { delay: Duration::ZERO };
        jobs.iter().for_each(|_| self.count(&outcome));
        self.gather.add_all(jobs.into_iter().map(|job| Settlement::new(job.lease, outcome.clone())));
        self.wake_exchange();
    }

    /// Gives back a job that cannot run here.
    pub(super) fn give_back(&self, lease: Lease, delay: Duration) {
        self.gather.add_all([Settlement::new(lease, Outcome::Release { delay })]);
        self.wake_exchange();
    }

    /// Counts an outcome for the report of a stop, which has begun.
    pub(super) fn count(&self, outcome: &Outcome) {
        if self.is_stopping() {
            self.tally.count(outcome);
        }
    }

    pub(super) fn give_back_stuck(&self) {
        for lane in self.lanes().iter() {
            self.release(lane.give_back_stuck());
        }
    }

    /// An outcome of this worker is due again at this time.
    pub(super) fn due_at(&self, time: SystemTime) {
        self.due.add(time);
    }

    /// The job was completed in its handler's transaction: that its settlement then finds the lease gone is no news.
    pub(super) fn completed_in(&self, id: JobId) {
        lock(&self.completed_in).insert(id);
    }

    /// Whether the job was completed in its handler's transaction, as far as is known before the commit.
    pub(super) fn is_completed_in(&self, id: JobId) -> bool {
        lock(&self.completed_in).contains(&id)
    }

    /// Whether that is true of any job.
    pub(super) fn has_completed_in(&self) -> bool {
        !lock(&self.completed_in).is_empty()
    }

    pub(super) fn forget_completed_in(&self, id: JobId) -> bool {
        lock(&self.completed_in).remove(&id)
    }

    // --- ending runs ---

    /// Calls for the end of the run of a job. Answers whether it runs here.
    pub(super) fn call_end(&self, id: JobId, reason: CancelReason) -> bool {
        let now = self.clock.now();
        let found = self.slots().iter().find_map(|slot| slot.call_end(Some(id), reason, now));
        if let Some(Some(alarm)) = found {
            self.alarms.add(alarm);
        }
        found.is_some()
    }

    /// Takes a job out of the buffers without a word to the store.
    pub(super) fn drop_buffered(&self, id: JobId) -> bool {
        let is_dropped = self.lanes().iter().any(|lane| lane.remove(id).is_some());
        if is_dropped {
            self.may_be_still();
            // Another may be fetched in its place.
            self.wake_exchange();
        }
        is_dropped
    }

    /// A cancel was requested for a job that runs, or is buffered, here or elsewhere.
    pub(super) fn cancel(&self, id: JobId) {
        if let Some(job) = self.lanes().iter().find_map(|lane| lane.remove(id)) {
            self.gather.add_all([Settlement::new(job.lease, Outcome::Cancel { reason: None })]);
            self.wake_exchange();
        } else {
            self.call_end(id, CancelReason::Requested);
        }
    }

    /// Keeps what a run says of its progress until the next renewal, and asks for one.
    pub(super) fn report(&self, id: JobId, progress: &Progress) {
        if self.slots().iter().any(|slot| slot.keep_progress(id, progress)) {
            self.reported.notify_one();
        }
    }

    // --- looking ---

    pub(super) fn row(&self, state: WorkerState) -> WorkerRow {
        WorkerRow {
            id: self.id,
            name: self.settings.name.clone(),
            host: self.settings.host.clone(),
            pid: std::process::id(),
            started_at: self.started_at,
            seen_at: self.clock.now(),
            queues: self.lanes().iter().map(|lane| (Arc::clone(&lane.queue), lane.slots)).collect(),
            kinds: self.kinds.names(),
            running: self.slots().iter().filter(|slot| slot.is_busy()).count(),
            lease: self.settings.lease,
            state,
        }
    }

    pub(super) fn health(&self) -> Health {
        Health {
            fetch_failing: self.fetching.failing(),
            renew_failing: self.renewing.failing(),
            settle_failing: self.settling.failing(),
            has_lost_handlers: self.lost_handlers.load(Ordering::Acquire),
            is_stopping: self.is_stopping(),
        }
    }

    /// Runs driver work on the engine and waits for it on any executor.
    pub(super) async fn on_engine<T: Send + 'static>(
        queue: &Queue,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        queue.engine().spawn(work).await.unwrap_or_else(|_| Err(super::engine_gone()))
    }
}

impl Attached for Shared {
    fn cancelled(&self, id: JobId) {
        self.cancel(id);
    }

    fn paused(&self, queue: &str) {
        self.pause(queue);
    }

    fn resumed(self: Arc<Self>, queue: &str) {
        self.resume(queue);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("id", &self.id).field("phase", &self.phase()).finish_non_exhaustive()
    }
}
