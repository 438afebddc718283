//! What a run knows of itself.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

use super::{HeldLease, JobId, Progress, SettleError, StoreTransaction};
use crate::container::{Dependencies, FromContainer, ResolveError, Scope};

/// Why a run should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelReason {
    /// Somebody cancelled the job.
    Requested,
    /// Its time is over.
    TimedOut,
    /// Somebody else may have the job by now.
    LeaseLost,
    /// The grace of a stop ran out.
    Stopping,
}

/// This run: injected like any service, `#[inject] context: JobContext`.
///
/// ```
/// use queue::JobContext;
///
/// let context = JobContext::for_test();
/// assert_eq!(context.attempt(), 1);
/// assert!(!context.is_cancelled());
/// ```
#[derive(Clone)]
pub struct JobContext {
    inner: Arc<ContextData>,
}

/// What the worker puts into a [`JobContext`].
#[derive(Clone)]
pub struct ContextData {
    /// The job.
    pub id: JobId,
    /// The name of its type.
    pub kind: Arc<str>,
    /// Its lane.
    pub queue: Arc<str>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How many it may have.
    pub max_attempts: u32,
    /// When the run times out.
    pub deadline: Option<SystemTime>,
    /// The way a run is told to end.
    pub signal: Arc<RunSignal>,
    /// Takes what the run says of its progress.
    pub progress: Option<Arc<dyn ProgressSink>>,
    /// The lease, for [`JobContext::complete_in`].
    pub lease: Option<Arc<dyn HeldLease>>,
}

/// Takes what a run says of its progress.
pub trait ProgressSink: Send + Sync {
    /// The newest progress of the run; it may replace one that nobody has read.
    fn progress(&self, progress: Progress);
}

/// The way a run is told to end: one for each run that asks for its context.
#[derive(Debug, Default)]
pub struct RunSignal {
    token: CancellationToken,
    reason: OnceLock<CancelReason>,
    stopping: AtomicU8,
}

impl RunSignal {
    /// A signal that was not given.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells the run to end. The first reason stays.
    pub fn cancel(&self, reason: CancelReason) {
        // The reason first: whoever sees the token sees it too.
        let _ = self.reason.set(reason);
        self.token.cancel();
    }

    /// Tells the run that its worker is stopping, which alone is no reason to end.
    pub fn stopping(&self) {
        self.stopping.store(1, Ordering::Release);
    }
}

impl JobContext {
    /// A context for the worker to give.
    #[must_use]
    pub fn new(data: ContextData) -> Self {
        Self { inner: Arc::new(data) }
    }

    /// A context for calling `handle` by hand in a test: first attempt of twenty, no deadline, not cancelled.
    #[must_use]
    pub fn for_test() -> Self {
        Self::new(ContextData {
            id: JobId::new(),
            kind: "Test".into(),
            queue: "default".into(),
            attempt: 1,
            max_attempts: 20,
            deadline: None,
            signal: Arc::new(RunSignal::new()),
            progress: None,
            lease: None,
        })
    }

    /// The job's id: the same in every attempt, so it serves as a key for idempotency.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.inner.id
    }

    /// The name of the job's type.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.inner.kind
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }

    /// How many attempts the job may have.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.inner.max_attempts
    }

    /// The lane that the job came from.
    #[must_use]
    pub fn queue_name(&self) -> &str {
        &self.inner.queue
    }

    /// When this run times out; `None` when it may take as long as it likes.
    #[must_use]
    pub fn deadline(&self) -> Option<SystemTime> {
        self.inner.deadline
    }

    /// Says how far the run is; it shows in [`JobRow::progress`](super::JobRow) within about a second. `percent` above 100 counts as 100,
    /// and a message over 64 KiB is cut.
    pub fn progress(&self, percent: u8, message: impl Into<String>) {
        if let Some(sink) = &self.inner.progress {
            sink.progress(Progress::new(percent, message));
        }
    }

    /// Resolves when the run should end; [`cancel_reason`](Self::cancel_reason) says why. Cancel safe.
    pub async fn cancelled(&self) {
        self.inner.signal.token.cancelled().await;
    }

    /// Whether the run should end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.inner.signal.token.is_cancelled()
    }

    /// Why the run should end, once it should.
    #[must_use]
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.inner.signal.reason.get().copied()
    }

    /// Whether the worker is stopping: a good moment for a long run to save how far it is.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.inner.signal.stopping.load(Ordering::Acquire) == 1
    }

    /// Completes the job in the caller's transaction: its effects and its completion commit together, or neither does.
    ///
    /// The worker settles as usual afterwards. When the transaction is rolled back and `handle` answers `Ok`, that completes the job.
    ///
    /// # Errors
    ///
    /// [`SettleError::Lost`] when the lease was lost: roll back, somebody else has the job.
    /// [`SettleError::WrongTransaction`] for a transaction of another store, and always in [`for_test`](Self::for_test).
    pub async fn complete_in(&self, transaction: &mut impl StoreTransaction) -> Result<(), SettleError> {
        match &self.inner.lease {
            Some(lease) => lease.complete_in(transaction).await,
            None => Err(SettleError::WrongTransaction { queue: "test", transaction: transaction.database() }),
        }
    }
}

impl FromContainer for JobContext {
    fn dependencies(needs: &mut Dependencies) {
        needs.run_value::<Self>();
    }

    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
        scope.run_value::<Self>().map(|context| (*context).clone())
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobContext")
            .field("id", &self.inner.id)
            .field("kind", &self.inner.kind)
            .field("attempt", &self.inner.attempt)
            .field("cancel_reason", &self.cancel_reason())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ContextData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextData").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}
