//! `queue:explain`: why a job does not run.

use std::collections::BTreeSet;
use std::time::SystemTime;

use clap::Args;
use queue::drivers::{QueueCounts, WorkerRow, WorkerState};
use queue::{JobId, JobRow, JobState, Queue, Registry};
use serde::Serialize;

use super::job::unknown_job;
use super::{Ended, Group, Run, Spec};
use crate::exit;
use crate::failure::chain;
use crate::output::{age, grouped, plain, span, until};
use crate::session::Session;

/// Explains why a job does not run.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Its id
    id: JobId,
}

/// Why a job does not run.
#[derive(Debug, Serialize)]
struct Explanation {
    id: String,
    kind: String,
    queue: String,
    state: &'static str,
    /// What holds it up, the first thing first; empty when nothing does.
    reasons: Vec<Reason>,
}

/// One thing that holds a job up.
#[derive(Debug, Serialize, PartialEq)]
struct Reason {
    /// A word for programs.
    code: &'static str,
    text: String,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Run for Explain {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "explain",
        group: Group::Inspect,
        about: "Say why a job does not run",
        more: "Whether it is not due, its queue is paused, no live worker serves the queue or knows the kind, all slots are taken, or others go before it.",
        examples: [
            ("queue:explain 019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11", "what holds it up, and what to do"),
            ("queue:explain 019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11 --output json", "the same for a program"),
            ("queue:job 019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11", "all that is stored of it"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let queue = session.look().await?;
        let row = queue.job(self.id).await?.ok_or_else(|| unknown_job(self.id))?;
        let sight = Sight::of(&queue, &row).await?;
        let reasons = reasons(&row, &sight);
        let explanation = Explanation {
            id: row.id.to_string(),
            kind: row.kind.clone(),
            queue: row.queue.clone(),
            state: row.state.as_str(),
            reasons,
        };
        session.output.document(&explanation, || lines(&explanation))?;
        Ok(exit::DONE)
    }
}

/// What is looked at beside the job.
struct Sight {
    now: SystemTime,
    counts: QueueCounts,
    /// Those that live.
    workers: Vec<WorkerRow>,
    /// Whether a worker was ever heard of that runs the job.
    runs_it: Option<WorkerRow>,
}

impl Sight {
    async fn of(queue: &Queue, row: &JobRow) -> Result<Self, queue::Error> {
        let now = SystemTime::now();
        let mut counts = queue.counts().await?;
        let all = queue.workers().await?;
        let runs_it = all.iter().find(|worker| row.worker.as_deref() == Some(&worker.id.to_string())).cloned();
        Ok(Self {
            now,
            counts: counts.queues.remove(&row.queue).unwrap_or_default(),
            workers: all.into_iter().filter(|worker| worker.is_alive(now)).collect(),
            runs_it,
        })
    }
}

fn reasons(row: &JobRow, sight: &Sight) -> Vec<Reason> {
    match row.state {
        JobState::Completed | JobState::Failed | JobState::Cancelled => vec![ended(row, sight)],
        JobState::Running => vec![running(row, sight)],
        JobState::Held => vec![Reason::new("held", "it waits for its chain or its batch")],
        JobState::Scheduled | JobState::Retryable | JobState::Available => waiting(row, sight),
    }
}

fn ended(row: &JobRow, sight: &Sight) -> Reason {
    let when = row.finished_at.map(|at| format!(" {}", age(at, sight.now))).unwrap_or_default();
    let text = format!("it has ended{when}: it is {}", row.state);
    let reason = Reason::new("ended", text);
    match row.state {
        JobState::Completed => reason,
        // The row of an ended job does not say which key it had.
        _ => reason.remedy(format!("`craft queue:retry {}` runs it again, unless a live job has its unique key by now", row.id)),
    }
}

fn running(row: &JobRow, sight: &Sight) -> Reason {
    let since = row.started_at.map(|at| format!(", since {}", age(at, sight.now).replace(" ago", ""))).unwrap_or_default();
    match &sight.runs_it {
        Some(worker) if worker.is_alive(sight.now) => {
            let name = plain(if worker.name.is_empty() { &worker.host } else { &worker.name });
            Reason::new(
                "running",
                format!("it runs{since}, or is about to start, on worker {} ({name}, process {})", worker.id, worker.pid),
            )
        }
        _ => Reason::new("worker_dead", format!("the worker that ran it is not heard of any more{since}"))
            .remedy("it is handed out again within 45 s of the death of its worker, by any worker of the store"),
    }
}

/// Everything that stands between a waiting job and its run.
fn waiting(row: &JobRow, sight: &Sight) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let is_due = row.due_at <= sight.now;
    if row.state == JobState::Scheduled && !is_due {
        reasons.push(Reason::new("scheduled", format!("it is scheduled: due {}", until(row.due_at, sight.now))));
    }
    if row.state == JobState::Retryable && !is_due {
        let attempt = format!(
            "attempt {} of {} failed, and the next is due {}",
            row.attempt,
            row.max_attempts,
            until(row.due_at, sight.now)
        );
        reasons.push(Reason::new("retry_waits", attempt));
    }
    if let Some(entry) = Registry::linked().find(&row.kind)
        && let Some(payload) = &row.payload
        && row.version <= entry.options.version
        && let Err(error) = entry.decode(payload.get().as_bytes(), row.version)
    {
        let remedy = "it would fail at once: `craft check --store` lists all such jobs, with what to do";
        reasons.push(
            Reason::new("undecodable", format!("this program cannot read its arguments: {}", chain(&error))).remedy(remedy),
        );
    }
    if sight.counts.is_paused {
        let remedy = format!("`craft queue:resume {}` goes on", plain(&row.queue));
        reasons.push(Reason::new("paused", format!("the queue `{}` is paused", plain(&row.queue))).remedy(remedy));
    }
    reasons.extend(workers(row, sight));
    if reasons.is_empty() && row.state != JobState::Available {
        reasons.push(Reason::new("not_promoted", "it is due, and a worker makes it available within 5 s"));
    }
    reasons
}

/// What is wrong with the workers, from its point of view.
fn workers(row: &JobRow, sight: &Sight) -> Option<Reason> {
    let queue = plain(&row.queue);
    if sight.workers.is_empty() {
        return Some(Reason::new("no_worker", "no worker lives on this store").remedy("`craft queue:work` starts one"));
    }
    let serving: Vec<&WorkerRow> = sight.workers.iter().filter(|worker| slots_of(worker, &row.queue) > 0).collect();
    if serving.is_empty() {
        let served: BTreeSet<&str> = sight.workers.iter().flat_map(|worker| &worker.queues).map(|(name, _)| &**name).collect();
        let near = queue::nearest::nearest(&row.queue, served.iter().copied());
        let remedy = near.map_or_else(
            || format!("`craft queue:work --queue {queue}` starts one"),
            |near| format!("`{}` is served: did whoever pushed it mean that?", plain(near)),
        );
        return Some(Reason::new("queue_unserved", format!("no live worker serves the queue `{queue}`")).remedy(remedy));
    }
    let knowing: Vec<&&WorkerRow> = serving.iter().filter(|worker| knows(worker, &row.kind)).collect();
    if knowing.is_empty() {
        let kind = plain(&row.kind);
        let here = Registry::linked().find(&row.kind).is_some();
        let remedy = match here {
            true => "this program knows it: are the workers of an older release?".to_owned(),
            false => "was it renamed without an alias, or is the crate that defines it not linked into the workers?".to_owned(),
        };
        return Some(
            Reason::new("kind_unknown", format!("none of the workers that serve its queue knows the kind `{kind}`"))
                .remedy(remedy),
        );
    }
    let taking: Vec<&&&WorkerRow> = knowing.iter().filter(|worker| worker.state == WorkerState::Running).collect();
    if taking.is_empty() {
        return Some(
            Reason::new("workers_quiet", "the workers that serve its queue are quiet or stopping, and take no more jobs")
                .remedy("start one, or restart them"),
        );
    }
    if let Some(entry) = Registry::linked().find(&row.kind)
        && row.version > entry.options.version
    {
        let text = format!("its payload has version {}, and this program knows {}", row.version, entry.options.version);
        return Some(Reason::new("version_newer", text).remedy("workers of the release that pushed it can run it"));
    }
    if row.state != JobState::Available {
        return None;
    }
    let slots: u64 = taking.iter().map(|worker| slots_of(worker, &row.queue) as u64).sum();
    let running = sight.counts.state(JobState::Running);
    let available = sight.counts.state(JobState::Available);
    if running >= slots {
        let text = format!(
            "all {} slots of its queue are taken: {} run, or are about to, and {} are available",
            grouped(slots),
            grouped(running),
            grouped(available)
        );
        return Some(Reason::new("slots_taken", text).remedy("more workers, or more slots: `--queue NAME=SLOTS`"));
    }
    let due = sight.now.duration_since(row.due_at).unwrap_or_default();
    let text = format!(
        "it is available, and a worker with free slots serves its queue: it begins in its turn ({} are available, this one is due for {})",
        grouped(available),
        span(due)
    );
    Some(Reason::new("in_turn", text))
}

fn slots_of(worker: &WorkerRow, queue: &str) -> usize {
    worker.queues.iter().find(|(name, _)| **name == *queue).map_or(0, |(_, slots)| *slots)
}

/// A worker of a release that tells no kinds may know all.
fn knows(worker: &WorkerRow, kind: &str) -> bool {
    worker.kinds.is_empty() || worker.kinds.iter().any(|known| **known == *kind)
}

impl Reason {
    fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), remedy: None }
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

fn lines(explanation: &Explanation) -> Vec<String> {
    let Explanation { id, kind, queue, state, reasons } = explanation;
    let mut lines = vec![format!("job {id} ({}, in `{}`) is {state}", plain(kind), plain(queue))];
    for reason in reasons {
        lines.push(format!("- {}", reason.text));
        lines.extend(reason.remedy.iter().map(|remedy| format!("  {remedy}")));
    }
    lines
}
