//! One run of a job: build, handle, and what comes of it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;

use crate::clock::later;
use crate::container::RunScope;
use crate::job::outcome::Verdict;
use crate::job::{AttemptError, CancelReason, JobError, JobResult, JobRow, JobState, Outcome};
use crate::queue::scope::enter_job;
use crate::registry::{BuildError, ErasedJob, Running};

use super::execute::Loop;
use super::heartbeat::is_completed;
use super::kinds::Kind;
use super::ready::Ready;
use super::slot::Times;

/// How a handler ended.
enum Ended {
    Returned(JobResult),
    Panicked(String),
    /// The end of the run was called for, and the handler was dropped.
    Dropped,
}

/// Runs a job in the slot of a loop. Answers what came of it, or nothing when the lease was lost, and when it ended. The slot is still
/// taken afterwards.
///
/// To be polled with the worker's queue as the current one.
pub(super) async fn run(on: &Loop, scope: &mut RunScope, job: &Ready, started: SystemTime) -> (Option<Outcome>, SystemTime) {
    let kind = on.shared.kinds.kind(job.name);
    let deadline = kind.timeout.map(|timeout| later(started, timeout));
    on.slot.begin(job, Times { started, deadline }, kind.entry.options.blocking);
    let span = tracing::info_span!(
        "process",
        otel.kind = "consumer",
        messaging.destination.name = &*on.lane.queue,
        messaging.message.id = %job.lease.id,
        job.kind = kind.entry.kind,
        job.attempt = job.attempt,
    );
    let attempt = Attempt { on, kind, job, span, deadline };
    let ended = match AssertUnwindSafe(attempt.run(scope)).catch_unwind().await {
        Ok(Judged { outcome: Some(Outcome::Complete), at }) => (Some(Outcome::Complete), at),
        // What follows a failed attempt takes its time, too.
        Ok(Judged { outcome, .. }) => (outcome, on.shared.clock.now()),
        Err(panic) => {
            // It was the job's own code all the same, such as the drop of its error, so it costs the attempt.
            let error = format!("panicked outside of `handle`: {}", panic_text(panic));
            let blamed = AssertUnwindSafe(attempt.blame(error.clone().into(), None)).catch_unwind().await;
            // A subscriber that panics at each error has a job that ends all the same.
            let outcome = blamed.unwrap_or_else(|panic| {
                panic_text(panic);
                attempt.failed_attempt(error)
            });
            (Some(outcome), on.shared.clock.now())
        }
    };
    if let (Some(outcome), at) = &ended {
        attempt.tell_end(outcome, at.duration_since(started).unwrap_or_default());
    }
    ended
}

/// What came of a run, and when that was decided.
struct Judged {
    outcome: Option<Outcome>,
    at: SystemTime,
}

struct Attempt<'a> {
    on: &'a Loop,
    kind: &'a Kind,
    job: &'a Ready,
    span: tracing::Span,
    /// When its timeout is over.
    deadline: Option<SystemTime>,
}

impl Attempt<'_> {
    async fn run(&self, scope: &mut RunScope) -> Judged {
        self.on.shared.hooks.start(|| self.row(JobState::Running, None));
        let entry = self.kind.entry;
        let built = self.guard(|| entry.build(&self.job.payload, self.job.version, &scope.for_consumer(entry.type_id)));
        let judged = match built {
            Ok(Ok(job)) => {
                let ended = match &job {
                    Running::Async(job) => self.drive(&**job).await,
                    Running::Blocking(job) => {
                        let job = Arc::clone(job);
                        self.block(move || job.handle()).await
                    }
                };
                let judged = self.judge(ended, Some(&job)).await;
                self.quietly(|| drop(job));
                judged
            }
            Ok(Err(BuildError::Decode(error))) => self.judge(Ended::Returned(Err(JobError::fail(error))), None).await,
            Ok(Err(BuildError::Resolve(error))) => self.judge(Ended::Returned(Err(error.into())), None).await,
            Err(panic) => self.judge(Ended::Panicked(panic), None).await,
        };
        // The scoped services end with the run, before its outcome is sent.
        self.quietly(|| scope.end());
        judged
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
            span.in_scope(|| catch_unwind(AssertUnwindSafe(work)).map_err(panic_text))
        });
        match task.await {
            Ok(Ok(result)) => Ended::Returned(result),
            Ok(Err(panic)) => Ended::Panicked(panic),
            Err(error) if error.is_panic() => Ended::Panicked(panic_text(error.into_panic())),
            // The runtime of the handlers has ended.
            Err(_) => Ended::Dropped,
        }
    }

    /// What the store is told.
    async fn judge(&self, ended: Ended, job: Option<&Running>) -> Judged {
        let at = self.on.shared.clock.now();
        let ending = self.on.slot.ending();
        let outcome = if ending.is_lost { None } else { self.outcome(ended, ending.reason, at, job).await };
        Judged { outcome, at }
    }

    async fn outcome(
        &self,
        ended: Ended,
        reason: Option<CancelReason>,
        at: SystemTime,
        job: Option<&Running>,
    ) -> Option<Outcome> {
        if matches!(ended, Ended::Returned(Err(_)) | Ended::Panicked(_)) && is_completed(&self.on.shared, self.job.lease).await {
            self.regret(ended);
            return None;
        }
        // One that never yielded was not told of the end of its time.
        let is_over = reason.is_none() && self.deadline.is_some_and(|deadline| deadline < at);
        let is_late = is_over || reason == Some(CancelReason::TimedOut);
        match (ended, reason) {
            (Ended::Returned(Ok(())), Some(CancelReason::Requested)) | (Ended::Dropped, Some(CancelReason::Requested)) => {
                Some(Outcome::Cancel { reason: None })
            }
            (Ended::Returned(Err(error)), Some(CancelReason::Requested)) => {
                let reason = self.text(&error);
                self.quietly(|| drop(error));
                Some(Outcome::Cancel { reason: Some(reason) })
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

    /// The run failed after its transaction had completed the job, and that stands.
    fn regret(&self, ended: Ended) {
        let error = match ended {
            Ended::Returned(Err(error)) => {
                let text = self.text(&error);
                self.quietly(|| drop(error));
                text
            }
            Ended::Panicked(panic) => panic,
            Ended::Returned(Ok(())) | Ended::Dropped => return,
        };
        self.span.in_scope(|| {
            tracing::warn!(error, "the run failed after it had completed its job in a transaction; the job stays completed");
        });
        self.on.shared.queue.terminal(self.job.lease.id);
    }

    fn timed_out(&self) -> JobError {
        format!("timed out after {:?}", self.kind.timeout.unwrap_or_default()).into()
    }

    /// An error costs the attempt: again later, or failed for good.
    async fn blame(&self, error: JobError, job: Option<&Running>) -> Outcome {
        let message = self.text(&error);
        let delay = match error.verdict() {
            Verdict::Cancel => return Outcome::Cancel { reason: Some(message) },
            Verdict::Snooze(delay) => return Outcome::Snooze { delay },
            Verdict::RetryIn(delay) if self.job.attempt < self.job.max_attempts => Some(delay),
            Verdict::Retry if self.job.attempt < self.job.max_attempts => Some(self.backoff(&error, job)),
            Verdict::Fail | Verdict::Retry | Verdict::RetryIn(_) => None,
        };
        let error = Arc::new(error);
        self.on.shared.hooks.error(|| self.row(JobState::Running, Some(&message)), &error);
        let outcome = if let Some(delay) = delay {
            self.span.in_scope(|| tracing::warn!(again_in = ?delay, error = %message, "the attempt failed"));
            Outcome::Retry { delay, error: message }
        } else {
            self.span.in_scope(|| tracing::error!(error = %message, "the job failed"));
            if let Some(job) = job {
                self.call_failed(job, &error).await;
            }
            self.on.shared.hooks.failure(|| self.row(JobState::Failed, Some(&message)));
            Outcome::Fail { error: message }
        };
        self.quietly(|| drop(error));
        outcome
    }

    /// The outcome of an attempt that failed, with the delay of the options.
    fn failed_attempt(&self, error: String) -> Outcome {
        if self.job.attempt < self.job.max_attempts {
            Outcome::Retry { delay: self.kind.backoff.jittered(self.job.attempt), error }
        } else {
            Outcome::Fail { error }
        }
    }

    /// What the user's error says.
    fn text(&self, error: &JobError) -> String {
        self.guard(|| error.message()).unwrap_or_else(|panic| format!("an error that panicked when it was printed: {panic}"))
    }

    fn backoff(&self, error: &JobError, job: Option<&Running>) -> Duration {
        let own = self.guard(|| match job {
            Some(Running::Async(job)) => job.backoff(self.job.attempt, error),
            Some(Running::Blocking(job)) => job.backoff(self.job.attempt, error),
            None => None,
        });
        match own {
            Ok(Some(delay)) => delay,
            Ok(None) => self.kind.backoff.jittered(self.job.attempt),
            Err(panic) => {
                tracing::error!(kind = self.kind.entry.kind, %panic, "`backoff` panicked, so the delay is as the options say");
                self.kind.backoff.jittered(self.job.attempt)
            }
        }
    }

    /// Calls the job's `failed` hook, under the job's timeout again.
    async fn call_failed(&self, job: &Running, error: &Arc<JobError>) {
        self.on.slot.rearm(self.kind.timeout.map(|timeout| self.on.shared.clock.after(timeout)));
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

    /// Tells the hook how the run has ended. What panics here, a subscriber of the user's too, changes nothing.
    fn tell_end(&self, outcome: &Outcome, run_time: Duration) {
        let error = match outcome {
            Outcome::Retry { error, .. } | Outcome::Fail { error } => Some(error),
            Outcome::Cancel { reason } => reason.as_ref(),
            Outcome::Complete | Outcome::Snooze { .. } | Outcome::Release { .. } => None,
        };
        let row = || self.row(JobState::Running, error.map(String::as_str));
        let told = catch_unwind(AssertUnwindSafe(|| self.on.shared.hooks.end(row, outcome, run_time)));
        told.unwrap_or_else(|panic| drop(panic_text(panic)));
    }

    /// The row of what runs, as far as a delivery tells: without tags, meta and the errors of earlier attempts.
    fn row(&self, state: JobState, error: Option<&str>) -> JobRow {
        let (job, shared) = (self.job, &self.on.shared);
        let (id, kind) = (job.lease.id, &**shared.kinds.name(job.name));
        let mut row = JobRow::new(id, kind, &*self.on.lane.queue, state, id.created_at());
        row.version = job.version;
        row.attempt = job.attempt;
        row.max_attempts = job.max_attempts;
        row.rescues = job.rescues;
        row.priority = job.priority;
        row.due_at = job.due_at;
        row.payload = serde_json::from_slice(&job.payload).ok();
        row.errors.extend(error.map(|error| AttemptError::new(job.attempt, shared.clock.now(), error)));
        row
    }

    /// Calls code of the user's: in the job's span, a panic caught.
    fn guard<T>(&self, work: impl FnOnce() -> T) -> Result<T, String> {
        self.span.in_scope(|| catch_unwind(AssertUnwindSafe(work))).map_err(panic_text)
    }

    /// Drops what is the user's: a panic there is logged and changes nothing.
    fn quietly(&self, work: impl FnOnce()) {
        if let Err(panic) = self.guard(work) {
            tracing::error!(kind = self.kind.entry.kind, %panic, "dropping the job or a service of its run panicked");
        }
    }
}

/// The text of a panic, which is dropped here. One that panics when it is dropped is forgotten, or it would go on outside.
pub(super) fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = text_of(&*panic);
    if let Err(next) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(next);
    }
    text
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a text".to_owned()
    }
}
