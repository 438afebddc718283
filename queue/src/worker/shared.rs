//! What the tasks and the loops of a worker share.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::runtime::{Handle, Runtime};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::container::Container;
use crate::drivers::{Delivery, Driver, Except, FetchRequest, Settlement, WorkerId, WorkerRow, WorkerState};
use crate::error::Error;
use crate::job::{CancelReason, JobId, Outcome, Progress};
use crate::queue::{Attached, Attachment, Queue};

use super::builder::Settings;
use super::execute::Loop;
use super::gather::Gather;
use super::health::{Health, Pulse};
use super::hooks::Hooks;
use super::idle::Idle;
use super::kinds::Kinds;
use super::lane::{Lane, UNLIMITED};
use super::shutdown::Tally;
use super::slot::Slot;
use super::timer::Earliest;
use super::{boot, fetch, heartbeat, maintain, settle, timer};

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
    lanes: RwLock<Arc<Vec<Arc<Lane>>>>,
    slots: RwLock<Arc<Vec<Arc<Slot>>>>,
    names: RwLock<Arc<Vec<Arc<str>>>>,
    loops: AtomicUsize,
    tasks: Mutex<Vec<AbortHandle>>,
    left_alone: Mutex<Vec<(Except, SystemTime)>>,
    completed_in: Mutex<HashSet<JobId>>,

    /// The exchange has something to do.
    pub(super) exchange: Notify,
    /// A run said something of its progress.
    pub(super) reported: Notify,
    /// The store told the worker to restart.
    pub(super) restart: Notify,
    /// A second signal came.
    pub(super) hurry: Notify,
    /// An exchange has ended.
    pub(super) stored: Notify,
    /// An outcome lies in a group.
    pub(super) settle_soon: Notify,
    /// The store shall be maintained now.
    pub(super) maintain_now: Notify,

    pub(super) gather: Gather,
    /// Where a stop waits for the runs.
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

fn snapshot<T>(list: &RwLock<Arc<Vec<T>>>) -> Arc<Vec<T>> {
    Arc::clone(&list.read().unwrap_or_else(PoisonError::into_inner))
}

fn change<T: Clone>(list: &RwLock<Arc<Vec<T>>>, change: impl FnOnce(&mut Vec<T>)) {
    let mut list = list.write().unwrap_or_else(PoisonError::into_inner);
    change(Arc::make_mut(&mut list));
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
            driver,
            clock,
            container: parts.container,
            kinds: parts.kinds,
            hooks: parts.hooks,
            threads: parts.runtime.metrics().num_workers(),
            runtime: parts.runtime,
            phase: AtomicU8::new(Phase::Running as u8),
            lanes: RwLock::default(),
            slots: RwLock::default(),
            names: RwLock::default(),
            loops: AtomicUsize::new(0),
            tasks: Mutex::default(),
            left_alone: Mutex::default(),
            completed_in: Mutex::default(),
            exchange: Notify::new(),
            reported: Notify::new(),
            restart: Notify::new(),
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

    /// Starts the tasks on the engine.
    pub(super) fn start(self: &Arc<Self>) {
        let engine = self.queue.engine();
        let mut tasks = lock(&self.tasks);
        tasks.push(engine.spawn(heartbeat::run(Arc::clone(self))).abort_handle());
        tasks.push(engine.spawn(maintain::run(Arc::clone(self))).abort_handle());
        tasks.push(engine.spawn(timer::run(Arc::clone(self))).abort_handle());
        tasks.push(engine.spawn(settle::run(Arc::clone(self))).abort_handle());
        tasks.push(engine.spawn(fetch::run(Arc::clone(self))).abort_handle());
    }

    /// The last steps of a stop: tasks, loops, services, pushes, driver.
    pub(super) async fn end(self: &Arc<Self>, attachment: Option<Attachment>, runtime: Option<Runtime>) {
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
        boot::stop_services(&self.runtime, self.container.clone()).await;
        if let Err(error) = self.queue.flush().await {
            tracing::error!(error = %error, "some pushes were not stored until the end of the worker");
        }
        if let Some(runtime) = runtime {
            // Abandoned blocking handlers must not hold this up.
            runtime.shutdown_background();
        }
        change(&self.slots, Vec::clear);
        if let Some(attachment) = attachment {
            attachment.detach().await;
        }
    }

    // --- phase ---

    fn phase(&self) -> u8 {
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
        }
    }

    pub(super) fn state(&self) -> WorkerState {
        match self.phase() {
            phase if phase >= Phase::Stopping as u8 => WorkerState::Stopping,
            phase if phase == Phase::Quiet as u8 => WorkerState::Quiet,
            _ => WorkerState::Running,
        }
    }

    // --- lanes and slots ---

    pub(super) fn lanes(&self) -> Arc<Vec<Arc<Lane>>> {
        snapshot(&self.lanes)
    }

    pub(super) fn slots(&self) -> Arc<Vec<Arc<Slot>>> {
        snapshot(&self.slots)
    }

    pub(super) fn queue_names(&self) -> Arc<Vec<Arc<str>>> {
        snapshot(&self.names)
    }

    pub(super) fn lane(&self, queue: &str) -> Option<Arc<Lane>> {
        self.lanes().iter().find(|lane| *lane.queue == *queue).cloned()
    }

    /// Serves a queue, if it does not yet.
    pub(super) fn add_lane(self: &Arc<Self>, queue: &Arc<str>, is_paused: bool) {
        if !self.settings.serves(queue) || self.is_stopping() || self.lane(queue).is_some() {
            return;
        }
        let is_unlimited = self.driver.capabilities().push_waits;
        let slots = if is_unlimited { UNLIMITED } else { self.settings.slots(queue) };
        let lane = Arc::new(Lane::new(Arc::clone(queue), slots, self.settings.prefetch));
        if is_paused {
            lane.pause();
        }
        change(&self.lanes, |lanes| lanes.push(Arc::clone(&lane)));
        change(&self.names, |names| names.push(Arc::clone(queue)));
        for _ in 0..self.settings.slots(queue) {
            self.add_loop(&lane, false);
        }
        self.wake_exchange();
    }

    /// On `sync:`: one more loop for each job that no loop waits for, since it may be awaited by all that are busy.
    pub(super) fn add_loops(self: &Arc<Self>, lane: &Arc<Lane>, unserved: usize) {
        if lane.slots >= UNLIMITED {
            for _ in 0..unserved {
                self.add_loop(lane, true);
            }
        }
    }

    fn add_loop(self: &Arc<Self>, lane: &Arc<Lane>, is_extra: bool) {
        let slot = Slot::new(Arc::downgrade(self));
        change(&self.slots, |slots| slots.push(Arc::clone(&slot)));
        let index = self.loops.fetch_add(1, Ordering::Relaxed);
        let looping = Loop { shared: Arc::clone(self), lane: Arc::clone(lane), slot, index, is_extra };
        let task = self.runtime.spawn(looping.run()).abort_handle();
        if !is_extra {
            lock(&self.tasks).push(task);
        }
    }

    pub(super) fn remove_slot(&self, slot: &Arc<Slot>) {
        change(&self.slots, |slots| slots.retain(|known| !Arc::ptr_eq(known, slot)));
    }

    /// Looks which queues exist and which are paused.
    pub(super) async fn look_at_queues(self: &Arc<Self>) {
        let queues = match self.driver.queues().await {
            Ok(queues) => queues,
            Err(error) => return self.fetching.failed("looking at the queues", &error),
        };
        for queue in queues {
            self.add_lane(&queue.name, queue.is_paused);
            if queue.is_paused { self.pause(&queue.name) } else { self.resume(&queue.name) }
        }
    }

    fn pause(&self, queue: &str) {
        if let Some(lane) = self.lane(queue) {
            self.release(lane.pause());
        }
    }

    fn resume(&self, queue: &str) {
        // A quiet worker has paused all its lanes for good.
        if self.phase() == Phase::Running as u8
            && let Some(lane) = self.lane(queue)
            && lane.resume()
        {
            lane.wet();
            self.wake_exchange();
        }
    }

    // --- fetching and settling ---

    pub(super) fn wake_exchange(&self) {
        self.exchange.notify_one();
    }

    pub(super) fn may_have_work(&self) {
        for lane in self.lanes().iter() {
            lane.wet();
        }
    }

    pub(super) fn is_buffering(&self) -> bool {
        self.lanes().iter().any(|lane| lane.is_buffering())
    }

    /// What to fetch now.
    pub(super) fn request(&self) -> FetchRequest {
        let queues = if self.phase() == Phase::Running as u8 {
            self.lanes().iter().filter_map(|lane| lane.request()).collect()
        } else {
            Vec::new()
        };
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
    pub(super) fn release(&self, deliveries: Vec<Delivery>) {
        if deliveries.is_empty() {
            return;
        }
        self.tally.released(deliveries.len());
        let release = |delivery: Delivery| Settlement::new(delivery.lease, Outcome::Release { delay: Duration::ZERO });
        self.gather.add_all(deliveries.into_iter().map(release));
        self.wake_exchange();
    }

    pub(super) fn give_back_stuck(&self) {
        for lane in self.lanes().iter() {
            self.release(lane.give_back_stuck());
        }
    }

    /// An outcome of this worker is due again in this time.
    pub(super) fn due_in(&self, delay: Duration) {
        self.due.add(self.clock.now() + delay);
    }

    /// The job was completed in its handler's transaction: that its settlement then finds the lease gone is no news.
    pub(super) fn completed_in(&self, id: JobId) {
        lock(&self.completed_in).insert(id);
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
        self.lanes().iter().any(|lane| lane.remove(id).is_some())
    }

    /// A cancel was requested for a job that runs, or is buffered, here or elsewhere.
    pub(super) fn cancel(&self, id: JobId) {
        if let Some(delivery) = self.lanes().iter().find_map(|lane| lane.remove(id)) {
            self.gather.add_all([Settlement::new(delivery.lease, Outcome::Cancel { reason: None })]);
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

    fn resumed(&self, queue: &str) {
        self.resume(queue);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("id", &self.id).field("phase", &self.phase()).finish_non_exhaustive()
    }
}
