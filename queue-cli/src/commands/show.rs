//! `queue:show`.

use std::time::SystemTime;

use clap::Args;
use queue::JobState;
use queue::job::Filter;
use serde::Serialize;

use super::{Ended, Group, Run, Spec};
use crate::arguments::queue_name;
use crate::exit;
use crate::failure::Failure;
use crate::output::{grouped, plain, span};
use crate::records::{JobRecord, QueueRecord};
use crate::session::Session;

/// Shows one queue.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The queue
    #[arg(value_parser = queue_name)]
    name: String,
}

#[derive(Debug, Serialize)]
struct Shown {
    queue: QueueRecord,
    /// The jobs that failed last.
    failed: Vec<JobRecord>,
}

/// How many of the jobs that failed last are shown.
const FAILED: usize = 5;
/// How many characters of their errors.
const SHOWN: usize = 60;

impl Run for Show {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "show",
        group: Group::Inspect,
        about: "Show one queue: what is where, who serves it, what failed last",
        more: "",
        examples: [
            ("queue:show mail", "the queue `mail`"),
            ("queue:show mail --output json", "one JSON document"),
            ("queue:show default", "the queue of jobs that name none"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let queue = session.look().await?;
        let (counts, workers) = (queue.counts().await?, queue.workers().await?);
        let all = QueueRecord::all(&counts, &workers, SystemTime::now());
        let Some(record) = all.iter().find(|record| record.name == self.name) else {
            let known: Vec<&str> = all.iter().map(|record| record.name.as_str()).collect();
            return Err(unknown_queue(&self.name, &known));
        };
        let filter = Filter::new().queue(&self.name).state(JobState::Failed).newest_first().limit(FAILED);
        let failed = queue.jobs(&filter).await?.into_iter().map(JobRecord).collect();
        let shown = Shown { queue: record.clone(), failed };
        let is_wide = session.globals.wide;
        session.output.document(&shown, || lines(&shown, is_wide))?;
        Ok(exit::DONE)
    }
}

/// What is said of a queue that does not exist.
pub(super) fn unknown_queue(name: &str, known: &[&str]) -> Failure {
    let failure = Failure::new(exit::NOTHING, format!("there is no queue `{}`", plain(name)));
    match queue::nearest::nearest(name, known.iter().copied()) {
        Some(near) => failure.hint(format!("did you mean `{}`?", plain(near))),
        None => failure.hint("a queue exists while it has jobs or is paused; `queue:list` lists them"),
    }
}

fn lines(shown: &Shown, is_wide: bool) -> Vec<String> {
    let queue = &shown.queue;
    let mut lines = vec![format!("{:<12}{}", "queue:", plain(&queue.name))];
    let mut line = |name: &str, value: String| lines.push(format!("{:<12}{value}", format!("{name}:")));
    line("state", if queue.paused { "paused".to_owned() } else { "running".to_owned() });
    for (name, count) in [
        ("held", queue.held),
        ("scheduled", queue.scheduled),
        ("available", queue.available),
        ("running", queue.running),
        ("retryable", queue.retryable),
        ("completed", queue.completed),
        ("failed", queue.failed),
        ("cancelled", queue.cancelled),
    ] {
        line(name, grouped(count));
    }
    if let Some(oldest) = queue.oldest_available {
        line("oldest", format!("due for {}", span(oldest)));
    }
    line("workers", format!("{} with {} slots", grouped(queue.workers), grouped(queue.slots)));
    if queue.unserved > 0 {
        line("unserved", format!("{}: no live worker serves this queue", grouped(queue.unserved)));
    }
    for JobRecord(job) in &shown.failed {
        let error = job.errors.last().map_or("", |error| error.message.as_str());
        let error = if is_wide { error.to_owned() } else { cut(error) };
        lines.push(format!("failed: {} {}: {}", job.id, plain(&job.kind), plain(&error)));
    }
    lines
}

/// The first line of an error, and of that what a glance takes in.
fn cut(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    if line.chars().count() <= SHOWN { line.to_owned() } else { line.chars().take(SHOWN - 1).chain(['…']).collect() }
}
