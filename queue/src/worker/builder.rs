//! What a worker shall be like.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::container::Container;
use crate::drivers::MaintainLimits;
use crate::job::{JobError, JobOptions, JobRow, Outcome, Queueable};
use crate::queue::Queue;
use crate::registry::Registry;

use super::boot;
use super::hooks::Hooks;
use super::kinds::Fallback;
use super::settings::Settings;
use super::{BootReport, StartError, Worker};

/// Describes a worker: what it serves, and with how much.
///
/// ```
/// # use queue::prelude::*;
/// # use std::time::Duration;
/// # fn build(queue: &Queue, container: Container) -> queue::worker::WorkerBuilder {
/// Worker::builder(queue, container)
///     .queue("mail", 4)                    // four at once; other queues get the default
///     .grace(Duration::from_secs(10))      // for what runs when the process is told to end
///     .on_failure(|row| eprintln!("{} failed: {:?}", row.kind, row.errors))
/// # }
/// ```
#[must_use = "a worker runs when it is started: call `.start().await`"]
pub struct WorkerBuilder {
    pub(super) queue: Queue,
    pub(super) container: Container,
    pub(super) settings: Settings,
    pub(super) registry: Registry,
    /// The jobs that it runs; all when `None`.
    pub(super) jobs: Option<HashSet<TypeId>>,
    pub(super) threads: Option<usize>,
    pub(super) on: Option<Handle>,
    pub(super) hooks: Hooks,
    pub(super) fallback: Fallback,
}

impl WorkerBuilder {
    pub(super) fn new(queue: Queue, container: Container) -> Self {
        Self {
            queue,
            container,
            settings: Settings {
                name: String::new(),
                host: host(),
                queues: HashMap::new(),
                concurrency: None,
                blocking_queues: HashSet::new(),
                only: None,
                exclude: HashSet::new(),
                prefetch: None,
                lease: Duration::from_secs(30),
                grace: Duration::from_secs(25),
                limits: MaintainLimits::default(),
                limit: None,
            },
            registry: Registry::linked(),
            jobs: None,
            threads: None,
            on: None,
            hooks: Hooks::default(),
            fallback: Fallback { options: JobOptions::DEFAULT, attempts: None },
        }
    }

    /// Serves this queue with so many slots, 1 to 10,000.
    pub fn queue(mut self, name: impl Into<String>, slots: usize) -> Self {
        self.settings.queues.insert(name.into(), slots);
        self
    }

    /// The slots of each queue that [`queue`](Self::queue) does not name, 1 to 10,000. 10 when nothing is said, and twice the cores for a queue
    /// whose registered jobs all block.
    pub fn concurrency(mut self, slots: usize) -> Self {
        self.settings.concurrency = Some(slots);
        self
    }

    /// Serves only these queues, and checks only the jobs that declare one of them. Where a queue is named that no job declares, all jobs
    /// are checked, since any may be pushed there. What else is pushed into a queue that is served runs, too, if its services are there.
    pub fn only<Q: Into<String>>(mut self, queues: impl IntoIterator<Item = Q>) -> Self {
        self.settings.only = Some(queues.into_iter().map(Into::into).collect());
        self
    }

    /// Serves all queues but these, also those that come into being, and checks only the jobs that declare another one. To name a queue both here
    /// and with [`queue`](Self::queue) or [`only`](Self::only) is refused at the start.
    ///
    /// ```
    /// # use queue::prelude::*;
    /// # fn build(queue: &Queue, container: Container) -> queue::worker::WorkerBuilder {
    /// Worker::builder(queue, container).exclude(["reports", "mail"])
    /// # }
    /// ```
    pub fn exclude<Q: Into<String>>(mut self, queues: impl IntoIterator<Item = Q>) -> Self {
        self.settings.exclude.extend(queues.into_iter().map(Into::into));
        self
    }

    /// Runs only these jobs, a type or a tuple: others are left to other workers.
    pub fn jobs<J: JobSet>(mut self) -> Self {
        self.jobs.get_or_insert_default().extend(J::type_ids());
        self
    }

    /// How many threads run async handlers, 1 to 1,024: as many as cores, at least two, when nothing is said.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Runs handlers on this runtime instead of threads of its own.
    pub fn on(mut self, runtime: Handle) -> Self {
        self.on = Some(runtime);
        self
    }

    /// How long running jobs may go on when [`run`](Worker::run) is told to stop: 25 s when nothing is said.
    ///
    /// The stop takes up to 1.5 s longer: when the grace is over a run is told, 1 s later it is dropped, and a handler that does not yield
    /// is waited for half a second more. Then outcomes and pushes are stored. Leave room for that where something kills the process after a
    /// fixed time: Kubernetes does after 30 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// What the worker is called where workers are listed.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// How long a lease lasts: 30 s when nothing is said. It is renewed three times in that time.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// How long completed and cancelled jobs stay in the store: 24 h when nothing is said. Every worker removes what is older, so workers of
    /// one store should say the same; the shortest time counts.
    pub fn keep_completed(mut self, time: Duration) -> Self {
        self.settings.limits.keep_completed = time;
        self
    }

    /// How long failed jobs stay in the store, to be looked at and retried: 7 days when nothing is said. As
    /// [`keep_completed`](Self::keep_completed), it counts for the store.
    pub fn keep_failed(mut self, time: Duration) -> Self {
        self.settings.limits.keep_failed = time;
        self
    }

    /// The rescue that fails a job, because its process died each time: 5 when nothing is said, at least 1.
    pub fn max_rescues(mut self, rescues: u32) -> Self {
        self.settings.limits.max_rescues = rescues;
        self
    }

    /// How many jobs of a queue are fetched ahead of its slots at most, up to 256; 0 for none.
    ///
    /// Whatever it says, only what starts within 50 ms by the measured run time is fetched ahead.
    pub fn prefetch(mut self, jobs: usize) -> Self {
        self.settings.prefetch = Some(jobs);
        self
    }

    /// Starts so many runs, at least 1, and never one more; then it fetches no more, and
    /// [`limit_reached`](crate::worker::WorkerHandle::limit_reached) resolves when the last of them has ended. The worker goes on to live until it
    /// is told to stop.
    ///
    /// A retry is a run of its own. What was fetched and given back before it started does not count, nor do jobs of kinds that this worker
    /// does not know. No job is claimed beyond the limit, so others run the rest meanwhile.
    pub fn limit(mut self, jobs: u64) -> Self {
        self.settings.limit = Some(jobs);
        self
    }

    /// Options for jobs whose attributes are silent: its `timeout` and its `backoff`. What a push stores with the job, its priority
    /// and its `max_attempts`, is decided there; for the latter see [`fallback_attempts`](Self::fallback_attempts).
    pub fn fallback(mut self, options: JobOptions) -> Self {
        self.fallback.options = options;
        self
    }

    /// How many attempts jobs may have of which nobody has said it, 1 to 1,000: those whose attributes are silent, and whose stored
    /// `max_attempts` is the default of 20.
    ///
    /// It counts in this worker alone: the store keeps the 20, and a job that another worker runs has them. An attribute or a push that says 20
    /// cannot be told from one that says nothing. A failed job that was [retried](Queue::retry) was given more attempts, which count as said.
    pub fn fallback_attempts(mut self, attempts: u16) -> Self {
        self.fallback.attempts = Some(attempts);
        self
    }

    /// Calls this with every error of an attempt, also of jobs that could not be built; on a thread of the handlers.
    pub fn on_error(mut self, hook: impl Fn(&JobRow, &JobError) + Send + Sync + 'static) -> Self {
        self.hooks.on_error = Some(Arc::new(hook));
        self
    }

    /// Calls this with every run that begins, before the job is built; on a thread of the handlers, whose next job waits for it.
    ///
    /// The row is as far as the worker knows it: running, without tags and meta. A hook that panics is logged and changes nothing, as
    /// all of these.
    ///
    /// ```
    /// # use queue::prelude::*;
    /// # fn build(queue: &Queue, container: Container) -> queue::worker::WorkerBuilder {
    /// Worker::builder(queue, container)
    ///     .on_start(|row| println!("running {} {}", row.kind, row.id))
    ///     .on_end(|row, outcome, run_time| println!("{} {outcome:?} after {run_time:?}", row.kind))
    /// # }
    /// ```
    pub fn on_start(mut self, hook: impl Fn(&JobRow) + Send + Sync + 'static) -> Self {
        self.hooks.on_start = Some(Arc::new(hook));
        self
    }

    /// Calls this with every run that has ended, how it ended, and how long it took, `failed` of the job included; before the outcome is
    /// stored, on a thread of the handlers. Also for jobs that could not be built. The row is as for [`on_error`](Self::on_error): running, and with
    /// the error of this attempt, if there is one.
    ///
    /// Not for a run whose lease was lost, or that failed after it had completed its job in a transaction: nothing of it is recorded.
    pub fn on_end(mut self, hook: impl Fn(&JobRow, &Outcome, Duration) + Send + Sync + 'static) -> Self {
        self.hooks.on_end = Some(Arc::new(hook));
        self
    }

    /// Calls this with every job that failed for good, also of those lost with their process; it should not block.
    pub fn on_failure(mut self, hook: impl Fn(&JobRow) + Send + Sync + 'static) -> Self {
        self.hooks.on_failure = Some(Arc::new(hook));
        self
    }

    /// Checks everything, then starts to fetch.
    ///
    /// # Errors
    ///
    /// With everything that is wrong in one report; nothing was fetched then.
    pub async fn start(self) -> Result<Worker, StartError> {
        boot::start(self).await
    }

    /// Checks everything without starting: what [`start`](Self::start) checks but the constructors, of which none runs. The store is looked
    /// at, and nothing is fetched.
    ///
    /// ```
    /// use queue::prelude::*;
    ///
    /// #[derive(Queueable)]
    /// #[queueable(queue = "greetings")]
    /// struct Chime;
    /// impl Job for Chime {
    ///     async fn handle(&self) -> JobResult {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let queue = Queue::connect("memory:").await?;
    /// let report = Worker::builder(&queue, Container::builder().build()).only(["greetings"]).check().await?;
    /// assert_eq!((report.jobs[0].kind, report.queues[0].slots), ("Chime", Some(10)));
    /// assert!(report.warnings.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With everything that is wrong in one report, as [`start`](Self::start).
    pub async fn check(self) -> Result<BootReport, StartError> {
        boot::check(self).await
    }
}

impl fmt::Debug for WorkerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A job, or a tuple of up to twelve: what [`WorkerBuilder::jobs`] takes.
pub trait JobSet {
    /// The types.
    #[doc(hidden)]
    fn type_ids() -> Vec<TypeId>;
}

impl<J: Queueable> JobSet for J {
    fn type_ids() -> Vec<TypeId> {
        vec![TypeId::of::<J>()]
    }
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        tuples!($($rest)*);
        impl<$first: Queueable, $($rest: Queueable),*> JobSet for ($first, $($rest,)*) {
            fn type_ids() -> Vec<TypeId> {
                vec![TypeId::of::<$first>(), $(TypeId::of::<$rest>()),*]
            }
        }
    };
    () => {};
}

tuples!(A B C D E F G H I J K L);

/// The name of the machine, for lists of workers; `unknown` where it cannot be told without a call into the system.
fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}
