//! One run of a job: build, handle, and what comes of it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use crate::container::RunValues;
use crate::drivers::{Delivery, Except, Settlement};
use crate::job::outcome::Verdict;
use crate::job::{CancelReason, JobError, JobResult, Outcome, Payload};
use crate::queue::scope::enter_job;
use crate::registry::{BuildError, ErasedJob, Running};

use super::execute::Loop;
use super::kinds::Kind;
use super::shared::Shared;
use super::slot::Slot;

/// How long a job is left to others that this worker does not know, or not in its version.
const UNKNOWN_DELAY: Duration = Duration::from_secs(5);

/// How a handler ended.
enum Ended {
    Returned(JobResult),
    Panicked(String),
    /// The end of the run was called for, and the handler was dropped.
    Dropped,
}

/// Runs a delivery in the slot of a loop. Answers the settlement, or nothing when the lease was lost. The slot is still taken afterwards.
pub(super) async fn run(on: &Loop, kind: Option<&Kind>, delivery: Delivery, started: SystemTime) -> Option<Settlement> {
    let (shared, slot, lease) = (&on.shared, &on.slot, delivery.lease);
    let Some(kind) = known(shared, kind, &delivery) else {
        slot.begin(delivery, None, false);
        return Some(Settlement::new(lease, Outcome::Release { delay: UNKNOWN_DELAY }));
    };
    let span = tracing::info_span!(
        "process",
        otel.kind = "consumer",
        messaging.destination.name = &*delivery.queue,
        messaging.message.id = %lease.id,
        job.kind = kind.entry.kind,
        job.attempt = delivery.attempt,
    );
    let attempt = Attempt { on, kind, span, attempt: delivery.attempt, max_attempts: delivery.max_attempts };
    let (payload, version) = (Payload::clone(&delivery.payload), delivery.version);
    slot.begin(delivery, kind.timeout.map(|timeout| started + timeout), kind.entry.options.blocking);
    let outcome = attempt.run(&payload, version).await?;
    Some(Settlement::new(lease, outcome))
}

/// The kind of a delivery; where this worker does not know it, the worker leaves that kind alone for a while.
fn known<'a>(shared: &Shared, kind: Option<&'a Kind>, delivery: &Delivery) -> Option<&'a Kind> {
    let Some(kind) = kind else {
        if shared.leave_alone(Except { kind: Arc::clone(&delivery.kind), from_version: None }) {
            tracing::warn!(
                kind = &*delivery.kind, queue = &*delivery.queue, job = %delivery.lease.id,
                "no job of this kind is registered here, so it is left to other workers; known are {}. \
                 Is the crate that defines it linked? `use that_crate as _;` does it",
                shared.kinds.list()
            );
        }
        return None;
    };
    let known = kind.entry.options.version;
    if delivery.version > known {
        if shared.leave_alone(Except { kind: Arc::clone(&delivery.kind), from_version: Some(known + 1) }) {
            tracing::warn!(
                kind = &*delivery.kind, version = delivery.version, known, job = %delivery.lease.id,
                "the payload is of a newer version than this worker knows, so it is left to newer workers"
            );
        }
        return None;
    }
    Some(kind)
}

struct Attempt<'a> {
    on: &'a Loop,
    kind: &'a Kind,
    span: tracing::Span,
    attempt: u32,
    max_attempts: u32,
}

impl Attempt<'_> {
    async fn run(&self, payload: &[u8], version: u16) -> Option<Outcome> {
        let values: Arc<dyn RunValues> = Arc::<Slot>::clone(&self.on.slot);
        let scope = self.on.shared.container.run_scope(Some(values));
        let built = self.guard(|| self.kind.entry.build(payload, version, &scope.for_consumer(self.kind.entry.type_id)));
        let outcome = match built {
            Ok(Ok(job)) => {
                let ended = match &job {
                    Running::Async(job) => self.drive(&**job).await,
                    Running::Blocking(job) => {
                        let job = Arc::clone(job);
                        self.block(move || job.handle()).await
                    }
                };
                let outcome = self.judge(ended, Some(&job)).await;
                self.quietly(|| drop(job));
                outcome
            }
            Ok(Err(BuildError::Decode(error))) => self.judge(Ended::Returned(Err(JobError::fail(error))), None).await,
            Ok(Err(BuildError::Resolve(error))) => self.judge(Ended::Returned(Err(error.into())), None).await,
            Err(panic) => self.judge(Ended::Panicked(panic), None).await,
        };
        // The scoped services end with the run, before its outcome is sent.
        self.quietly(|| drop(scope));
        outcome
    }

    /// Runs an async handler until it ends, or its end is called for.
    async fn drive(&self, job: &dyn ErasedJob) -> Ended {
        let future = match self.guard(|| job.handle()) {
            Ok(future) => future,
            Err(panic) => return Ended::Panicked(panic),
        };
        self.poll_until_over(future).await.map_or_else(|early| early, Ended::Returned)
    }

    /// Polls a future of the user's. The first poll costs no timer and no flush: most handlers of short jobs end in it.
    async fn poll_until_over<T>(&self, future: impl Future<Output = T> + Unpin) -> Result<T, Ended> {
        let mut future = Some(future);
        let mut is_first = true;
        let result = std::future::poll_fn(|context| {
            let Some(running) = future.as_mut() else { return Poll::Ready(Err(Ended::Dropped)) };
            if !is_first && self.on.slot.poll_ending(context).is_over {
                return Poll::Ready(Err(Ended::Dropped));
            }
            match self.guard(|| Pin::new(running).poll(context)) {
                Ok(Poll::Ready(result)) => return Poll::Ready(Ok(result)),
                Err(panic) => return Poll::Ready(Err(Ended::Panicked(panic))),
                Ok(Poll::Pending) => {}
            }
            if std::mem::replace(&mut is_first, false) { self.begin_to_wait(context) } else { Poll::Pending }
        })
        .await;
        self.quietly(|| drop(future.take()));
        result
    }

    /// The handler is pending for the first time.
    fn begin_to_wait<T>(&self, context: &Context<'_>) -> Poll<Result<T, Ended>> {
        self.wait_begins();
        if self.on.slot.poll_ending(context).is_over { Poll::Ready(Err(Ended::Dropped)) } else { Poll::Pending }
    }

    /// The loop will not turn for a while: it hands on what it has, sets its alarm, and lets another loop have the thread.
    fn wait_begins(&self) {
        self.on.flush();
        if let Some(alarm) = self.on.slot.arm() {
            self.on.shared.alarms.add(alarm);
        }
        self.on.lane.wake_another();
    }

    /// Runs a blocking function on the blocking pool, and waits as long as it takes: it cannot be dropped.
    async fn block(&self, work: impl FnOnce() -> JobResult + Send + 'static) -> Ended {
        self.wait_begins();
        let (queue, span) = (self.on.shared.queue.clone(), self.span.clone());
        let task = self.on.shared.runtime.spawn_blocking(move || {
            let _entered = enter_job(&queue);
            span.in_scope(|| catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panic_text(&*panic)))
        });
        match task.await {
            Ok(Ok(result)) => Ended::Returned(result),
            Ok(Err(panic)) => Ended::Panicked(panic),
            Err(_) => Ended::Dropped,
        }
    }

    /// What the store is told.
    async fn judge(&self, ended: Ended, job: Option<&Running>) -> Option<Outcome> {
        let ending = self.on.slot.ending();
        if ending.is_lost {
            return None;
        }
        let is_late = self.kind.entry.options.blocking && ending.reason == Some(CancelReason::TimedOut);
        match (ended, ending.reason) {
            (Ended::Returned(Ok(())), Some(CancelReason::Requested)) | (Ended::Dropped, Some(CancelReason::Requested)) => {
                Some(Outcome::Cancel { reason: None })
            }
            (Ended::Returned(Err(error)), Some(CancelReason::Requested)) => {
                Some(Outcome::Cancel { reason: Some(error.message()) })
            }
            (Ended::Panicked(panic), Some(CancelReason::Requested)) => Some(Outcome::Cancel { reason: Some(panic) }),
            (Ended::Returned(_) | Ended::Panicked(_), _) if is_late => Some(self.blame(self.timed_out(), job).await),
            (Ended::Returned(Ok(())), _) => Some(Outcome::Complete),
            (Ended::Returned(Err(error)), Some(CancelReason::Stopping))
                if matches!(error.verdict(), Verdict::Retry | Verdict::RetryIn(_)) =>
            {
                Some(Outcome::Release { delay: Duration::ZERO })
            }
            (Ended::Returned(Err(error)), _) => Some(self.blame(error, job).await),
            (Ended::Panicked(panic), _) => Some(self.blame(panic.into(), job).await),
            (Ended::Dropped, Some(CancelReason::TimedOut)) => Some(self.blame(self.timed_out(), job).await),
            (Ended::Dropped, _) => Some(Outcome::Release { delay: Duration::ZERO }),
        }
    }

    fn timed_out(&self) -> JobError {
        format!("timed out after {:?}", self.kind.timeout.unwrap_or_default()).into()
    }

    /// An error costs the attempt: again later, or failed for good.
    async fn blame(&self, error: JobError, job: Option<&Running>) -> Outcome {
        let message = error.message();
        let delay = match error.verdict() {
            Verdict::Cancel => return Outcome::Cancel { reason: Some(message) },
            Verdict::Snooze(delay) => return Outcome::Snooze { delay },
            Verdict::RetryIn(delay) if self.attempt < self.max_attempts => Some(delay),
            Verdict::Retry if self.attempt < self.max_attempts => Some(self.backoff(&error, job)),
            Verdict::Fail | Verdict::Retry | Verdict::RetryIn(_) => None,
        };
        let error = Arc::new(error);
        self.on.shared.hooks.error(&self.on.slot, &error);
        if let Some(delay) = delay {
            self.span.in_scope(|| tracing::warn!(again_in = ?delay, error = %message, "the attempt failed"));
            return Outcome::Retry { delay, error: message };
        }
        self.span.in_scope(|| tracing::error!(error = %message, "the job failed"));
        if let Some(job) = job {
            self.call_failed(job, &error).await;
        }
        self.on.shared.hooks.failure(&self.on.slot, &error);
        Outcome::Fail { error: message }
    }

    fn backoff(&self, error: &JobError, job: Option<&Running>) -> Duration {
        let own = self.guard(|| match job {
            Some(Running::Async(job)) => job.backoff(self.attempt, error),
            Some(Running::Blocking(job)) => job.backoff(self.attempt, error),
            None => None,
        });
        match own {
            Ok(Some(delay)) => delay,
            Ok(None) => self.kind.backoff.jittered(self.attempt),
            Err(panic) => {
                tracing::error!(kind = self.kind.entry.kind, %panic, "`backoff` panicked, so the delay is as the options say");
                self.kind.backoff.jittered(self.attempt)
            }
        }
    }

    /// Calls the job's `failed` hook, under the job's timeout again.
    async fn call_failed(&self, job: &Running, error: &Arc<JobError>) {
        self.on.slot.rearm(self.kind.timeout.map(|timeout| self.on.shared.clock.now() + timeout));
        let ended = match job {
            Running::Async(job) => match self.guard(|| job.failed(error)) {
                Ok(hook) => self.poll_until_over(hook).await,
                Err(panic) => Err(Ended::Panicked(panic)),
            },
            Running::Blocking(job) => {
                let (job, error) = (Arc::clone(job), Arc::clone(error));
                let hook = move || {
                    job.failed(&error);
                    Ok(())
                };
                match self.block(hook).await {
                    Ended::Returned(_) => Ok(()),
                    early => Err(early),
                }
            }
        };
        match ended {
            Ok(()) => {}
            Err(Ended::Panicked(panic)) => tracing::error!(kind = self.kind.entry.kind, %panic, "`failed` panicked"),
            Err(_) => tracing::error!(kind = self.kind.entry.kind, "`failed` did not end within the job's timeout"),
        }
    }

    /// Calls code of the user's: in the job's span, with its queue as the current one, a panic caught.
    fn guard<T>(&self, work: impl FnOnce() -> T) -> Result<T, String> {
        let _entered = enter_job(&self.on.shared.queue);
        self.span.in_scope(|| catch_unwind(AssertUnwindSafe(work))).map_err(|panic| panic_text(&*panic))
    }

    /// Drops what is the user's: a panic there is logged and changes nothing.
    fn quietly(&self, work: impl FnOnce()) {
        if let Err(panic) = self.guard(work) {
            tracing::error!(kind = self.kind.entry.kind, %panic, "dropping the job or a service of its run panicked");
        }
    }
}

/// The text of a panic.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a text".to_owned()
    }
}
