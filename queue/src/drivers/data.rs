//! What travels between the pipeline and a driver.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::job::{JobId, JobRow, Outcome, Payload, Progress, unique};

use super::PushError;

/// When a job is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// At once.
    Now,
    /// After a time on the store's clock.
    In(Duration),
    /// At a time of the wall clock; a past one is "at once".
    At(SystemTime),
}

/// A job to be stored. The id is made by the pusher, so that a push repeated after a lost reply stores nothing twice.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// The name of its type.
    pub kind: Arc<str>,
    /// Its lane.
    pub queue: Arc<str>,
    /// Its arguments.
    pub payload: Payload,
    /// The version of the payload.
    pub version: u16,
    /// Lower goes first.
    pub priority: u8,
    /// How many attempts it may have.
    pub max_attempts: u16,
    /// When it is due.
    pub due: Due,
    /// What few jobs have.
    pub extra: Option<Box<Extra>>,
}

/// What few jobs have, kept apart so that the others stay small.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Extra {
    /// No two live jobs of a store have the same one. It starts with the kind.
    pub unique_key: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// What the pusher noted.
    pub meta: serde_json::Map<String, serde_json::Value>,
    /// Whether it begins held, waiting for its chain or batch.
    pub held: bool,
}

/// How many bytes the parts of an [`Extra`] have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ExtraSizes {
    pub(crate) tags: usize,
    /// As JSON.
    pub(crate) meta: usize,
    pub(crate) unique_key: usize,
}

impl ExtraSizes {
    pub(crate) fn sum(self) -> usize {
        self.tags + self.meta + self.unique_key
    }
}

impl Extra {
    pub(crate) fn sizes(&self) -> ExtraSizes {
        ExtraSizes {
            tags: self.tags.iter().map(String::len).sum(),
            meta: if self.meta.is_empty() { 0 } else { json_size(&self.meta) },
            unique_key: self.unique_key.as_ref().map_or(0, String::len),
        }
    }
}

/// How many bytes it has as JSON.
fn json_size(map: &serde_json::Map<String, serde_json::Value>) -> usize {
    struct Count(usize);

    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    // A JSON value is always JSON, and counting never fails.
    let _ = serde_json::to_writer(&mut count, map);
    count.0
}

impl NewJob {
    /// A job that is due at once, with a new id and what a job has where nobody says otherwise; its fields are there to be changed.
    ///
    /// ```
    /// use queue::drivers::NewJob;
    ///
    /// let job = NewJob { priority: 1, ..NewJob::new("SendReceipt", "mail", br#"{"order":42}"#) };
    /// assert_eq!((job.version, job.max_attempts), (1, 20));
    /// ```
    #[must_use]
    pub fn new(kind: &str, queue: &str, payload: &[u8]) -> Self {
        Self {
            id: JobId::new(),
            kind: kind.into(),
            queue: queue.into(),
            payload: payload.into(),
            version: 1,
            priority: 100,
            max_attempts: 20,
            due: Due::Now,
            extra: None,
        }
    }

    /// The same with a unique key: at most one live job of its kind has it, as by [`Pending::unique_key`](crate::Pending::unique_key).
    ///
    /// ```
    /// use queue::drivers::NewJob;
    ///
    /// let job = NewJob::new("SendReceipt", "mail", br#"{"order":42}"#).with_unique_key("order 42");
    /// assert_eq!(job.unique_key(), Some("SendReceipt:order 42"));
    /// ```
    #[must_use]
    pub fn with_unique_key(mut self, key: impl Into<String>) -> Self {
        self.extra.get_or_insert_default().unique_key = Some(unique::by_text(&self.kind, &key.into()));
        self
    }

    /// Its unique key, if it has one.
    #[must_use]
    pub fn unique_key(&self) -> Option<&str> {
        self.extra.as_ref().and_then(|extra| extra.unique_key.as_deref())
    }

    /// About how much memory it takes while it waits to be stored, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.payload.len() + self.extra.as_ref().map_or(0, |extra| size_of::<Extra>() + extra.sizes().sum())
    }
}

/// Jobs that are stored all or none.
#[derive(Debug, Clone)]
pub struct Group {
    /// The jobs.
    pub jobs: Vec<NewJob>,
    /// The cron tick that they come from: where that tick was stored before, nothing is.
    pub tick: Option<Tick>,
}

/// One due time of a cron entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tick {
    /// The entry's name.
    pub entry: Arc<str>,
    /// The due time.
    pub at: SystemTime,
}

/// What became of one pushed job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushed {
    /// The stored job; for a duplicate the one that was already there.
    pub id: JobId,
    /// Whether a live job had the unique key, so that nothing was stored.
    pub is_duplicate: bool,
}

impl Pushed {
    /// A job that was stored.
    #[must_use]
    pub const fn stored(id: JobId) -> Self {
        Self { id, is_duplicate: false }
    }

    /// A job that was already there.
    #[must_use]
    pub const fn duplicate_of(id: JobId) -> Self {
        Self { id, is_duplicate: true }
    }
}

/// What became of one group: a `Pushed` a job, in order; none at all for a tick that was stored before.
pub type PushResult = Result<Vec<Pushed>, PushError>;

/// The name of a started worker: random at each start, never host and pid.
pub type WorkerId = uuid::Uuid;

/// What to claim.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    /// Who asks.
    pub worker: WorkerId,
    /// How long the lease shall last.
    pub lease: Duration,
    /// From where, and how much.
    pub queues: Vec<QueueRequest>,
    /// What to leave alone.
    pub except: Vec<Except>,
}

/// What to claim of one queue.
#[derive(Debug, Clone)]
pub struct QueueRequest {
    /// The lane.
    pub queue: Arc<str>,
    /// Free slots: any job.
    pub free: usize,
    /// Prefetch on top of them: no job that was rescued.
    pub ahead: usize,
}

/// Jobs to leave alone: a kind, or a kind from a payload version on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Except {
    /// The kind.
    pub kind: Arc<str>,
    /// `None`: all of it. `Some(3)`: versions 3 and above.
    pub from_version: Option<u16>,
}

impl Except {
    /// Whether a job with this kind and payload version is to be left alone.
    #[must_use]
    pub fn covers(&self, kind: &str, version: u16) -> bool {
        *self.kind == *kind && self.from_version.is_none_or(|from| version >= from)
    }
}

/// A fetched job.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The right to end it.
    pub lease: Lease,
    /// The name of its type.
    pub kind: Arc<str>,
    /// Its lane.
    pub queue: Arc<str>,
    /// Its arguments.
    pub payload: Payload,
    /// The version of the payload.
    pub version: u16,
    /// Which attempt this is, from 1; already counted.
    pub attempt: u32,
    /// How many it may have.
    pub max_attempts: u32,
    /// How often it was taken back from a dead worker.
    pub rescues: u32,
    /// Lower goes first.
    pub priority: u8,
    /// When it was due, on the store's clock.
    pub due_at: SystemTime,
}

impl Delivery {
    /// What deliveries are sorted by: priority, due time, id.
    #[must_use]
    pub fn order(&self) -> (u8, SystemTime, JobId) {
        (self.priority, self.due_at, self.lease.id)
    }
}

/// The right to end a job, until its time runs out and somebody takes it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub id: JobId,
    /// The driver's own handle of its row.
    pub place: u64,
    /// The number that fences it: one more at each fetch of the row.
    pub token: u64,
}

/// How a run ended, fenced by its lease.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The right to say so.
    pub lease: Lease,
    /// How it ended.
    pub outcome: Outcome,
    /// Jobs to store in the same commit, if the lease holds.
    pub follow_ups: Vec<NewJob>,
}

impl Settlement {
    /// A settlement without follow-ups. A text over 64 KiB is cut here, so that no driver has to.
    #[must_use]
    pub fn new(lease: Lease, outcome: Outcome) -> Self {
        Self { lease, outcome: outcome.shortened(), follow_ups: Vec::new() }
    }
}

/// What became of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is stored.
    Stored,
    /// The lease was lost, or the job was settled before: nothing changed.
    Lost,
}

/// What became of [`exchange`](super::Driver::exchange): each half may fail alone.
#[derive(Debug)]
pub struct Exchanged {
    /// One answer a settlement, in order.
    pub settled: Result<Vec<Settled>, Error>,
    /// The claimed jobs.
    pub deliveries: Result<Vec<Delivery>, Error>,
}

/// A lease to be renewed, and what its run says of its progress.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// The lease.
    pub lease: Lease,
    /// News of its progress, if any.
    pub progress: Option<Progress>,
}

/// The row of a worker in the store.
#[derive(Debug, Clone)]
pub struct WorkerRow {
    /// Random at each start.
    pub id: WorkerId,
    /// What its user calls it.
    pub name: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// When it started.
    pub started_at: SystemTime,
    /// When it was last heard of, on the store's clock. A driver fills it in; a worker sends its own time.
    pub seen_at: SystemTime,
    /// The queues that it serves, and their slots.
    pub queues: Vec<(Arc<str>, usize)>,
    /// The kinds that it knows, aliases too.
    pub kinds: Vec<Arc<str>>,
    /// How many jobs it runs now.
    pub running: usize,
    /// How long its leases last; its row is dead when it was not heard of for that long.
    pub lease: Duration,
    /// What it is doing.
    pub state: WorkerState,
}

impl WorkerRow {
    /// Whether it was heard of within its lease, at this time of the store's clock: what a dead one runs is handed out again.
    #[must_use]
    pub fn is_alive(&self, now: SystemTime) -> bool {
        // A lease may be longer than time.
        self.seen_at.checked_add(self.lease).is_none_or(|until| now < until)
    }
}

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkerState {
    /// It fetches and runs.
    Running,
    /// It was told to fetch no more.
    Quiet,
    /// It ends what it runs.
    Stopping,
    /// It has ended: its row is to be removed.
    Stopped,
}

impl WorkerState {
    const WORDS: [(Self, &str); 4] =
        [(Self::Running, "running"), (Self::Quiet, "quiet"), (Self::Stopping, "stopping"), (Self::Stopped, "stopped")];

    /// The word that stands in stores and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(known, _)| *known == self).map_or("running", |(_, word)| word)
    }

    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    /// The state that a word of a database says; that of a stranger's is "running".
    pub(crate) fn of_word(word: &str) -> Self {
        Self::WORDS.iter().find(|(_, known)| *known == word).map_or(Self::Running, |(state, _)| *state)
    }
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl Told {
    /// As the row of a worker has it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Restart => "restart",
        }
    }

    /// What somebody wrote into the row of a worker.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        match word {
            "quiet" => Some(Self::Quiet),
            "restart" => Some(Self::Restart),
            _ => None,
        }
    }
}

/// What a renewal answers.
#[derive(Debug, Clone, Default)]
pub struct Renewed {
    /// Jobs that somebody else has by now, or that were settled.
    pub lost: Vec<JobId>,
    /// Jobs that shall be cancelled.
    pub cancelled: Vec<JobId>,
    /// What the worker is told to do.
    pub told: Option<Told>,
}

/// What a worker is told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Told {
    /// Fetch no more.
    Quiet,
    /// Stop, so that whoever started it starts it again.
    Restart,
}

/// The bounds of one [`maintain`](super::Driver::maintain).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MaintainLimits {
    /// How many rows of each sort at most.
    pub batch: usize,
    /// The rescue that fails a job: 5.
    pub max_rescues: u32,
    /// How long completed and cancelled jobs are kept: 24 h.
    pub keep_completed: Duration,
    /// How long failed jobs are kept: 7 days.
    pub keep_failed: Duration,
}

impl Default for MaintainLimits {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self { batch: 1_000, max_rescues: 5, keep_completed: DAY, keep_failed: 7 * DAY }
    }
}

/// What one [`maintain`](super::Driver::maintain) did.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Maintained {
    /// Jobs that became due.
    pub promoted: usize,
    /// Jobs taken back from dead workers.
    pub rescued: usize,
    /// Jobs that failed because their process died once too often.
    pub failed: Vec<JobRow>,
    /// Rows removed.
    pub pruned: usize,
    /// In what time the next job is due, or zero when a batch was full; `None` when none is scheduled.
    pub next_due: Option<Duration>,
}

/// What woke a worker.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Wake {
    /// There may be work.
    pub work: bool,
    /// A queue came into being.
    pub queues: bool,
    /// Running jobs that shall be cancelled.
    pub cancelled: Vec<JobId>,
    /// Queues that were paused or resumed.
    pub paused: bool,
    /// A job was scheduled that is due before all others: the time that `maintain` answered no longer holds.
    pub scheduled: bool,
}

/// A queue as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRow {
    /// Its name.
    pub name: Arc<str>,
    /// Whether nothing is fetched from it.
    pub is_paused: bool,
}
