//! `queue:replay`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use queue::drivers::NewJob;
use queue::job::Outcome;
use queue::{Container, JobError, JobId, JobRow, JobState, Queue, Registry, Worker};
use serde::Serialize;
use serde_json::value::RawValue;

use super::job::unknown_job;
use super::push::unknown_kind;
use super::{Ended, Group, Run, Spec};
use crate::exit;
use crate::failure::Failure;
use crate::log;
use crate::output::{plain, seconds, span};
use crate::replay::{GRACE, OneJob};
use crate::session::Session;
use crate::work::signals;

/// Runs one stored job here and now.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Its id
    id: JobId,
    /// Store how it ended: a failed or cancelled job is retried for it, and a waiting one is claimed
    #[arg(long)]
    settle: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Replayed {
    id: String,
    kind: String,
    attempt: u32,
    /// `completed`, `retryable`, `failed`, `snoozed`, `cancelled`, `released` when it was interrupted, or `lost` when
    /// nothing of it is recorded.
    outcome: &'static str,
    #[serde(rename = "seconds", serialize_with = "seconds")]
    took: Duration,
    /// The error and its causes, the nearest first.
    errors: Vec<String>,
    /// Whether the outcome is stored.
    settled: bool,
    /// The handler completed the job in a transaction of its own, which is not stored unless it is settled.
    completed_in_transaction: bool,
    /// What it pushed. It is stored where the outcome is, and was caught where not.
    pushed: Vec<Caught>,
    /// The code of the signal that ended the run.
    #[serde(skip)]
    ended_by: Option<u8>,
    #[serde(skip)]
    is_asked_to_settle: bool,
}

/// A job that it pushed.
#[derive(Debug, Serialize)]
struct Caught {
    kind: String,
    queue: String,
    args: Option<Box<RawValue>>,
}

impl Run for Replay {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "replay",
        group: Group::Work,
        about: "Run one stored job here and now, and leave the store as it is",
        more: "The job runs in this process, with the container and the code of this program: its services are real, and so is what they do. Its spans and its error chain are printed, its pushes are caught and printed, and the store keeps the job as it is. With --settle the outcome is stored, and so are the pushes. RUST_LOG says what is logged. Ends with code 5 when the run did not complete, and with 130 or 143 when Ctrl-C or SIGTERM ended it, which gives the job back.",
        examples: [
            ("queue:replay 019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11", "why did that one fail?"),
            ("queue:replay 019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11 --settle", "run it, and store how it ended"),
            ("queue:failed --limit 1 -o jsonl", "the id of the last one that failed"),
        ],
        needs_jobs: true,
    };

    async fn run(self, mut session: Session) -> Ended {
        let container = session.container()?;
        let queue = session.look().await?;
        let row = queue.job(self.id).await?.ok_or_else(|| unknown_job(self.id))?;
        check(&row, self.settle)?;
        log::to_stderr(&session.globals, log::Spans::Shown);
        let replayed = replay(&queue, container, row, self.settle).await?;
        session.output.document(&replayed, || lines(&replayed))?;
        Ok(match (replayed.outcome, replayed.ended_by) {
            // What it was asked for besides did not happen.
            _ if self.settle && !replayed.settled => exit::FAILED,
            ("completed", _) => exit::DONE,
            (_, Some(code)) => code,
            (_, None) => exit::JOBS_FAILED,
        })
    }
}

fn check(row: &JobRow, settle: bool) -> Result<(), Failure> {
    let registry = Registry::linked();
    let entry = registry.find(&row.kind).ok_or_else(|| unknown_kind(&row.kind, &registry))?;
    // A worker leaves such a job to others, so the run would never begin.
    if row.version > entry.options.version {
        let text = format!("the payload has version {}, and `{}` knows {}", row.version, entry.kind, entry.options.version);
        return Err(Failure::new(exit::FAILED, text).hint("a later release pushed it: replay it with the binary of that one"));
    }
    if row.payload.is_none() {
        return Err(Failure::new(exit::FAILED, format!("the store no longer keeps the payload of job {}", row.id)));
    }
    if settle && matches!(row.state, JobState::Running | JobState::Completed | JobState::Held) {
        let text = format!("job {} is {}, and its outcome cannot be stored by a replay", row.id, row.state);
        return Err(Failure::new(exit::FAILED, text).hint("without --settle it can be replayed, and the store is left as it is"));
    }
    Ok(())
}

/// Runs it by a worker of its own, on a driver that has nothing but this job.
async fn replay(queue: &Queue, container: Container, row: JobRow, settle: bool) -> Result<Replayed, Failure> {
    let (id, kind, lane) = (row.id, row.kind.clone(), row.queue.clone());
    let declared = Registry::linked().find(&kind).map(|entry| entry.options.queue.to_owned()).unwrap_or_default();
    let driver = Arc::new(OneJob::new(row, settle.then(|| Arc::clone(queue.driver()))));
    let alone = Queue::from_driver(driver.clone());
    let errors: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&errors);
    // Before it runs: a signal must not leave a claimed job behind.
    let end = signals::end()?;
    let worker = Worker::builder(&alone, container)
        .only([declared, lane])
        .concurrency(1)
        .prefetch(0)
        .limit(1)
        .name("replay")
        .on_error(move |_, error| *noted.lock().unwrap_or_else(PoisonError::into_inner) = chain(error))
        .start()
        .await?;
    let handle = worker.handle();
    let start = Instant::now();
    let ended_by = tokio::select! {
        () = handle.limit_reached() => None,
        () = refused(&driver) => None,
        signal = end => {
            handle.hurry();
            signal.code()
        }
    };
    let took = start.elapsed();
    let mut again = signals::Signals::listen()?;
    tokio::select! {
        _ = worker.shutdown(GRACE) => {}
        signal = again.next(), if ended_by.is_some() => {
            // The store may be away, and whoever asks twice does not wait for it.
            let code = signal.code().unwrap_or(exit::INTERRUPTED);
            return Err(Failure::new(code, "interrupted: what was claimed is handed out again when its lease is over"));
        }
    }
    let mut seen = driver.seen();
    if let Some(error) = seen.refused.take() {
        return Err(Failure::from(error));
    }
    let errors = std::mem::take(&mut *errors.lock().unwrap_or_else(PoisonError::into_inner));
    let outcome = match &seen.outcome {
        // A settlement that found the lease gone is never sent: the transaction has completed it.
        None if seen.is_completed_in => "completed",
        None if ended_by.is_none() => "lost",
        None => "released",
        Some(outcome) => word(outcome),
    };
    Ok(Replayed {
        id: id.to_string(),
        kind,
        attempt: seen.attempt,
        outcome,
        took,
        errors,
        settled: seen.is_stored || (settle && seen.is_completed_in),
        completed_in_transaction: seen.is_completed_in,
        pushed: seen.pushed.iter().map(Caught::of).collect(),
        ended_by,
        is_asked_to_settle: settle,
    })
}

/// Until the job could not be claimed.
async fn refused(driver: &OneJob) {
    let mut look = tokio::time::interval(Duration::from_millis(50));
    loop {
        look.tick().await;
        if driver.seen().refused.is_some() {
            return;
        }
    }
}

/// An outcome as the state of its job, or as what was done instead.
pub(crate) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "completed",
        Outcome::Retry { .. } => "retryable",
        Outcome::Fail { .. } => "failed",
        Outcome::Snooze { .. } => "snoozed",
        Outcome::Release { .. } => "released",
        Outcome::Cancel { .. } => "cancelled",
    }
}

/// The error and its causes.
fn chain(error: &JobError) -> Vec<String> {
    let first: &(dyn std::error::Error + 'static) = error.source();
    std::iter::successors(Some(first), |error| error.source()).take(64).map(ToString::to_string).collect()
}

impl Caught {
    fn of(job: &NewJob) -> Self {
        let args = std::str::from_utf8(&job.payload).ok().and_then(|text| RawValue::from_string(text.to_owned()).ok());
        Self { kind: job.kind.to_string(), queue: job.queue.to_string(), args }
    }
}

fn lines(replayed: &Replayed) -> Vec<String> {
    let took = span(replayed.took);
    let mut lines = vec![format!(
        "{} {} (attempt {}): {} after {took}",
        plain(&replayed.kind),
        replayed.id,
        replayed.attempt,
        replayed.outcome
    )];
    for (depth, error) in replayed.errors.iter().enumerate() {
        let head = if depth == 0 { "error:" } else { "  caused by:" };
        lines.push(format!("{head} {}", plain(error)));
    }
    if replayed.completed_in_transaction {
        lines.push("the handler completed the job in a transaction of its own".to_owned());
    }
    let pushed = if replayed.settled { "pushed" } else { "pushed (caught, not stored)" };
    for job in &replayed.pushed {
        let args = job.args.as_ref().map_or("", |args| args.get());
        lines.push(format!("{pushed}: {} into `{}` {}", plain(&job.kind), plain(&job.queue), plain(args)));
    }
    lines.push(match (replayed.settled, replayed.is_asked_to_settle) {
        (true, _) => "the outcome is stored".to_owned(),
        (false, true) => {
            "the outcome is NOT stored: the job runs again when its lease is over, or has ended elsewhere".to_owned()
        }
        (false, false) => "the store is as it was: --settle stores the outcome".to_owned(),
    });
    lines
}
