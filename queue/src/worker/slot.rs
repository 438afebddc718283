//! Room for one running job: what runs in it, and the ways to tell that run to end.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Waker};
use std::time::{Duration, SystemTime};

use crate::container::RunValues;
use crate::drivers::{Lease, Renewal};
use crate::job::context::{ContextData, ProgressSink, RunSignal};
use crate::job::{CancelReason, JobContext, JobId, Progress};
use crate::queue::Queue;

use super::gather::Group;
use super::handle::RunningJob;
use super::kinds::Kinds;
use super::ready::Ready;
use super::shared::Shared;
use super::transaction::Held;

/// How long an async handler goes on after its cancel was requested.
const CANCEL_GRACE: Duration = Duration::from_secs(5);
/// How long it goes on after the grace of a stop.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(1);

/// Room for one running job.
pub(super) struct Slot {
    shared: Weak<Shared>,
    queue: Arc<str>,
    state: Mutex<State>,
    /// The end of the run was called for. While it was not, a run asks without the lock.
    is_called: AtomicBool,
    /// Outcomes that wait to be settled; `worker/settle` takes them from here after 5 ms at the latest.
    pub(super) group: Group,
}

#[derive(Default)]
struct State {
    run: Option<Run>,
    waker: Option<Waker>,
    /// When the run is to be told something next: its timeout, or the end of a grace.
    alarm: Option<SystemTime>,
    progress: Option<Progress>,
    /// The worker has stopped: whatever still begins is over at once.
    is_cut: bool,
}

/// The times of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) started: SystemTime,
    /// When its timeout is over.
    pub(super) deadline: Option<SystemTime>,
}

/// What runs in a slot.
struct Run {
    lease: Lease,
    name: u32,
    attempt: u32,
    max_attempts: u32,
    started: SystemTime,
    deadline: Option<SystemTime>,
    is_blocking: bool,
    signal: Option<Arc<RunSignal>>,
    ending: Ending,
}

/// How far the end of a run was called for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ending {
    /// The first reason, which the context shows.
    pub(super) reason: Option<CancelReason>,
    /// Somebody else may have the job: nothing of this run is recorded.
    pub(super) is_lost: bool,
    /// An async handler is dropped now.
    pub(super) is_over: bool,
}

impl Ending {
    /// How a run begins when its worker has stopped meanwhile.
    const CUT: Self = Self { reason: Some(CancelReason::Stopping), is_lost: false, is_over: true };
}

impl Slot {
    pub(super) fn new(shared: Weak<Shared>, queue: Arc<str>) -> Arc<Self> {
        let is_called = AtomicBool::new(false);
        Arc::new(Self { shared, queue, state: Mutex::default(), is_called, group: Group::new(Vec::new()) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock, so a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run begins.
    pub(super) fn begin(&self, job: &Ready, times: Times, is_blocking: bool) {
        let mut state = self.lock();
        let ending = if state.is_cut { Ending::CUT } else { Ending::default() };
        self.is_called.store(state.is_cut, Ordering::Release);
        let (lease, name) = (job.lease, job.name);
        let (attempt, max_attempts) = (job.attempt, job.max_attempts);
        let Times { started, deadline } = times;
        state.run = Some(Run { lease, name, attempt, max_attempts, started, deadline, is_blocking, signal: None, ending });
    }

    /// The run has ended: the slot is free again.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        *state = State { is_cut: state.is_cut, ..State::default() };
    }

    /// Sets the alarm to the run's deadline: only a run that waits needs it. Answers it, for the timer.
    pub(super) fn arm(&self) -> Option<SystemTime> {
        let mut state = self.lock();
        if state.alarm.is_none() {
            state.alarm = state.run.as_ref().and_then(|run| run.deadline);
        }
        state.alarm
    }

    /// Sets a new deadline, for the `failed` hook, which runs under the job's timeout again.
    pub(super) fn rearm(&self, deadline: Option<SystemTime>) {
        let mut state = self.lock();
        state.alarm = deadline;
        if let Some(run) = &mut state.run {
            run.ending.is_over = false;
        }
    }

    /// How far the end of the run was called for; remembers whom to wake when that changes.
    pub(super) fn poll_ending(&self, context: &Context<'_>) -> Ending {
        let mut state = self.lock();
        match &mut state.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        state.run.as_ref().map(|run| run.ending).unwrap_or_default()
    }

    /// How far the end of the run was called for.
    pub(super) fn ending(&self) -> Ending {
        if !self.is_called.load(Ordering::Acquire) {
            return Ending::default();
        }
        self.lock().run.as_ref().map(|run| run.ending).unwrap_or_default()
    }

    /// Calls for the end of the run of `job` (of any run when `None`). Answers whether there is one, and the alarm to set.
    pub(super) fn call_end(&self, job: Option<JobId>, reason: CancelReason, now: SystemTime) -> Option<Option<SystemTime>> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let run = state.run.as_mut().filter(|run| job.is_none_or(|id| id == run.lease.id))?;
        self.is_called.store(true, Ordering::Release);
        let first = run.ending.reason.is_none();
        run.ending.reason.get_or_insert(reason);
        match reason {
            CancelReason::Requested | CancelReason::Stopping if first => {
                let grace = if reason == CancelReason::Requested { CANCEL_GRACE } else { STOP_GRACE };
                let over = now + grace;
                // A timeout that comes first still ends it.
                state.alarm = Some(run.deadline.map_or(over, |deadline| deadline.min(over)));
            }
            CancelReason::Requested | CancelReason::Stopping => {}
            CancelReason::LeaseLost => {
                run.ending.is_lost = true;
                run.ending.is_over = true;
            }
            CancelReason::TimedOut => run.ending.is_over = true,
        }
        if let Some(signal) = &run.signal {
            signal.cancel(reason);
        }
        let (alarm, waker) = (state.alarm, state.waker.take());
        drop(guard);
        if let Some(waker) = waker {
            waker.wake();
        }
        Some(alarm)
    }

    /// Drops the handler of the run, if there is one, without another word, and of any that still begins.
    pub(super) fn cut(&self) {
        let mut state = self.lock();
        state.is_cut = true;
        self.is_called.store(true, Ordering::Release);
        if let Some(run) = &mut state.run {
            run.ending.reason.get_or_insert(CancelReason::Stopping);
            run.ending.is_over = true;
            if let Some(signal) = &run.signal {
                signal.cancel(CancelReason::Stopping);
            }
        }
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Rings when the alarm is due: a timeout, or the end of a grace. Answers the alarm that stands.
    pub(super) fn ring(&self, now: SystemTime) -> Option<SystemTime> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let alarm = state.alarm?;
        if alarm > now {
            return Some(alarm);
        }
        state.alarm = None;
        let run = state.run.as_mut()?;
        self.is_called.store(true, Ordering::Release);
        if run.ending.reason.is_none() {
            run.ending.reason = Some(CancelReason::TimedOut);
            if let Some(signal) = &run.signal {
                signal.cancel(CancelReason::TimedOut);
            }
        }
        run.ending.is_over = true;
        let waker = state.waker.take();
        drop(guard);
        if let Some(waker) = waker {
            waker.wake();
        }
        None
    }

    /// Tells the run that its worker is stopping.
    pub(super) fn stopping(&self) {
        if let Some(signal) = self.lock().run.as_ref().and_then(|run| run.signal.as_ref()) {
            signal.stopping();
        }
    }

    /// The lease of what runs, and of what waits to be settled.
    pub(super) fn renewals(&self, into: &mut Vec<Renewal>) {
        let mut state = self.lock();
        let progress = state.progress.take();
        if let Some(run) = &state.run {
            into.push(Renewal { lease: run.lease, progress });
        }
        drop(state);
        let group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        into.extend(group.iter().map(|settlement| Renewal { lease: settlement.lease, progress: None }));
    }

    /// A run that should have ended and still does not, for the log.
    pub(super) fn overdue(&self) -> Option<(JobId, Arc<str>, CancelReason)> {
        let shared = self.shared.upgrade()?;
        let state = self.lock();
        let run = state.run.as_ref().filter(|run| run.ending.is_over)?;
        Some((run.lease.id, Arc::clone(shared.kinds.name(run.name)), run.ending.reason?))
    }

    /// What runs, for looking.
    pub(super) fn running(&self, kinds: &Kinds) -> Option<RunningJob> {
        let state = self.lock();
        let run = state.run.as_ref()?;
        Some(RunningJob {
            id: run.lease.id,
            kind: kinds.name(run.name).to_string(),
            queue: self.queue.to_string(),
            attempt: run.attempt,
            max_attempts: run.max_attempts,
            started_at: run.started,
        })
    }

    /// Whether something runs.
    pub(super) fn is_busy(&self) -> bool {
        self.lock().run.is_some()
    }

    /// Whether a handler runs that cannot be dropped.
    pub(super) fn is_blocking(&self) -> bool {
        self.lock().run.as_ref().is_some_and(|run| run.is_blocking)
    }

    /// The context of what runs, made when it is asked for.
    fn context(&self) -> Option<JobContext> {
        let shared = self.shared.upgrade()?;
        let mut guard = self.lock();
        let state = &mut *guard;
        let run = state.run.as_mut()?;
        // Who has a context may ask it whether the time is over, without ever yielding.
        if state.alarm.is_none()
            && let Some(deadline) = run.deadline
        {
            state.alarm = Some(deadline);
            shared.alarms.add(deadline);
        }
        let signal = Arc::clone(run.signal.get_or_insert_with(|| {
            let signal = Arc::new(RunSignal::new());
            if shared.is_stopping() {
                signal.stopping();
            }
            if let Some(reason) = run.ending.reason {
                signal.cancel(reason);
            }
            signal
        }));
        Some(JobContext::new(ContextData {
            id: run.lease.id,
            kind: Arc::clone(shared.kinds.name(run.name)),
            queue: Arc::clone(&self.queue),
            attempt: run.attempt,
            max_attempts: run.max_attempts,
            deadline: run.deadline,
            signal,
            progress: Some(Arc::new(Reporter { shared: self.shared.clone(), id: run.lease.id })),
            lease: Some(Arc::new(Held::new(Arc::clone(&shared), run.lease))),
        }))
    }

    /// Keeps what the run of `job` says of its progress until the next renewal. Answers whether it is that run's slot.
    pub(super) fn keep_progress(&self, job: JobId, progress: &Progress) -> bool {
        let mut state = self.lock();
        let is_mine = state.run.as_ref().is_some_and(|run| run.lease.id == job);
        if is_mine {
            state.progress = Some(progress.clone());
        }
        is_mine
    }
}

impl RunValues for Slot {
    fn value(&self, key: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        if key == TypeId::of::<JobContext>() {
            return Some(Arc::new(self.context()?));
        }
        if key == TypeId::of::<Queue>() {
            return Some(Arc::new(self.shared.upgrade()?.queue.clone()));
        }
        None
    }
}

/// Takes what a run says of its progress to its slot, and asks for a renewal that carries it.
struct Reporter {
    shared: Weak<Shared>,
    id: JobId,
}

impl ProgressSink for Reporter {
    fn progress(&self, progress: Progress) {
        if let Some(shared) = self.shared.upgrade() {
            shared.report(self.id, &progress);
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("is_busy", &self.is_busy()).finish_non_exhaustive()
    }
}
