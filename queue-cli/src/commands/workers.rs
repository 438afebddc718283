//! `queue:workers`, and which workers are meant.

use std::time::SystemTime;

use clap::Args;
use queue::drivers::{Told, WorkerRow};
use serde::Serialize;

use super::{Ended, Group, Run, Spec};
use crate::arguments::Consent;
use crate::exit;
use crate::failure::Failure;
use crate::prompt;
use crate::records::WorkerRecord;
use crate::session::Session;

/// Lists the workers that were heard of.
#[derive(Debug, Args)]
pub(crate) struct Workers {
    /// Only those that live
    #[arg(long)]
    alive: bool,
}

impl Run for Workers {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "workers",
        group: Group::Inspect,
        about: "List the workers that were heard of",
        more: "A worker is dead when it was not heard of for as long as its lease: what it ran is handed out again within 45 s.",
        examples: [
            ("queue:workers", "all of them"),
            ("queue:workers --alive", "those that live"),
            ("queue:workers --output jsonl", "a JSON document a line"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let queue = session.look().await?;
        let now = SystemTime::now();
        let mut workers: Vec<_> = queue.workers().await?.into_iter().map(|row| WorkerRecord::of(row, now)).collect();
        workers.retain(|worker| worker.is_alive || !self.alive);
        session.output.records(&workers)?;
        Ok(exit::DONE)
    }
}

/// Which workers are meant.
#[derive(Debug, Args)]
#[group(required = true, multiple = false, id = "which")]
pub(crate) struct Which {
    /// By id, name or host
    #[arg(value_name = "WORKER", group = "which")]
    workers: Vec<String>,
    /// All that live
    #[arg(long, group = "which")]
    all: bool,
}

/// Which workers are meant, and in production that it is meant.
#[derive(Debug, Args)]
pub(crate) struct Meant {
    #[command(flatten)]
    which: Which,
    /// The word of the environment, where it guards what this stops
    #[arg(long, value_name = "LABEL")]
    confirm: Option<String>,
}

#[derive(Debug, Serialize)]
struct ToldRecord {
    told: Vec<String>,
}

/// Tells workers something.
pub(super) async fn tell(session: &mut Session, told: Told, meant: &Meant) -> Ended {
    let Meant { which, confirm } = meant;
    let queue = session.look().await?;
    let now = SystemTime::now();
    let alive: Vec<WorkerRow> = queue.workers().await?.into_iter().filter(|row| row.is_alive(now)).collect();
    let is_meant = |row: &WorkerRow| {
        let is_it = |word: &String| *word == row.id.to_string() || *word == row.name || *word == row.host;
        which.all || which.workers.iter().any(is_it)
    };
    let meant: Vec<WorkerRow> = alive.into_iter().filter(is_meant).collect();
    if meant.is_empty() {
        return Err(Failure::new(exit::NOTHING, "no live worker is meant by that").hint("`queue:workers` lists them"));
    }
    if session.guard().is_some() {
        let consent = Consent { yes: true, confirm: confirm.clone(), ..Consent::default() };
        prompt::confirm(
            session,
            &consent,
            &format!("tell {}", if meant.len() == 1 { "1 worker".to_owned() } else { format!("{} workers", meant.len()) }),
        )?;
    }
    let ids: Vec<_> = meant.iter().map(|row| row.id).collect();
    queue.tell(told, &ids).await?;
    let record = ToldRecord { told: ids.iter().map(ToString::to_string).collect() };
    session.output.document(&record, || {
        meant.iter().map(|row| format!("told {} ({} on {}, process {})", row.id, row.name, row.host, row.pid)).collect()
    })?;
    Ok(exit::DONE)
}
