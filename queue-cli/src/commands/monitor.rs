//! `queue:monitor`.

use std::time::{Duration, SystemTime};

use clap::Args;
use serde::Serialize;

use super::{Ended, Group, Run, Spec};
use crate::arguments::{duration, queue_name};
use crate::exit;
use crate::output::{Cell, Color, Record, grouped, seconds, span};
use crate::records::QueueRecord;
use crate::session::Session;

/// Compares queues with limits.
#[derive(Debug, Args)]
pub(crate) struct Monitor {
    /// The queues; all that exist where none is named
    #[arg(value_name = "NAME", value_parser = queue_name)]
    names: Vec<String>,
    /// The most jobs that may wait in a queue
    #[arg(long, value_name = "JOBS")]
    max_size: Option<u64>,
    /// For how long the oldest job may have been due
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_age: Option<Duration>,
    /// The most jobs that may have failed in a queue
    #[arg(long, value_name = "JOBS")]
    max_failed: Option<u64>,
}

/// A queue, and which limits it passes.
#[derive(Debug, Serialize)]
struct Watched {
    name: String,
    ok: bool,
    waiting: u64,
    failed: u64,
    #[serde(rename = "oldest_available_seconds", serialize_with = "seconds")]
    oldest_available: Option<Duration>,
    unserved: u64,
    /// What is wrong.
    alerts: Vec<String>,
}

impl Run for Monitor {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "monitor",
        group: Group::Inspect,
        about: "Compare queues with limits, for cron and probes",
        more: "Ends with code 4 when a limit is passed, or when jobs wait in a queue that no live worker serves. A queue that does not exist is empty.",
        examples: [
            ("queue:monitor mail --max-size 1000", "alert when more than 1,000 jobs wait"),
            ("queue:monitor --max-age 5m --max-failed 0", "every queue"),
            ("queue:monitor --max-age 1m --output json", "for a probe that reads it"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let queue = session.look().await?;
        let (counts, workers) = (queue.counts().await?, queue.workers().await?);
        let all = QueueRecord::all(&counts, &workers, SystemTime::now());
        let watched: Vec<Watched> = match self.names.is_empty() {
            true => all.iter().map(|queue| self.watch(&queue.name, Some(queue))).collect(),
            false => self.names.iter().map(|name| self.watch(name, all.iter().find(|queue| queue.name == *name))).collect(),
        };
        session.output.records(&watched)?;
        Ok(if watched.iter().all(|queue| queue.ok) { exit::DONE } else { exit::CHECK_FAILED })
    }
}

impl Monitor {
    fn watch(&self, name: &str, queue: Option<&QueueRecord>) -> Watched {
        let (waiting, failed, unserved) = queue.map_or((0, 0, 0), |queue| (queue.waiting(), queue.failed, queue.unserved));
        let oldest = queue.and_then(|queue| queue.oldest_available);
        let mut alerts = Vec::new();
        if let Some(most) = self.max_size.filter(|most| waiting > *most) {
            alerts.push(format!("{} wait, and {} may", grouped(waiting), grouped(most)));
        }
        if let (Some(oldest), Some(most)) = (oldest, self.max_age)
            && oldest > most
        {
            alerts.push(format!("the oldest is due for {}, and {} may be", span(oldest), span(most)));
        }
        if let Some(most) = self.max_failed.filter(|most| failed > *most) {
            alerts.push(format!("{} failed, and {} may", grouped(failed), grouped(most)));
        }
        if unserved > 0 {
            alerts.push(format!("{} wait, and no live worker serves the queue", grouped(unserved)));
        }
        Watched { name: name.to_owned(), ok: alerts.is_empty(), waiting, failed, oldest_available: oldest, unserved, alerts }
    }
}

impl Record for Watched {
    const COLUMNS: &'static [&'static str] = &["QUEUE", "STATUS", "WAITING", "FAILED", "ALERTS"];

    fn cells(&self, _now: SystemTime) -> Vec<Cell> {
        let (word, color) = if self.ok { ("OK", Color::Green) } else { ("ALERT", Color::Red) };
        vec![
            Cell::text(&self.name),
            Cell::text(word).colored(color),
            Cell::number(self.waiting),
            Cell::number(self.failed),
            Cell::text(self.alerts.join("; ")),
        ]
    }
}
