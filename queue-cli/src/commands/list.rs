//! `queue:list`.

use std::time::SystemTime;

use clap::Args;

use super::{Ended, Group, Run, Spec};
use crate::exit;
use crate::records::QueueRecord;
use crate::session::Session;

/// Lists the queues, with what is where.
#[derive(Debug, Args)]
pub(crate) struct List {}

impl Run for List {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "list",
        group: Group::Inspect,
        about: "List the queues, with how many jobs are where",
        more: "A queue exists while it has jobs or is paused.",
        examples: [
            ("queue:list", "a table"),
            ("queue:list --output json", "one JSON document"),
            ("queue:list --url sqlite:jobs.db", "of that store"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let queue = session.look().await?;
        let (counts, workers) = (queue.counts().await?, queue.workers().await?);
        session.output.records(&QueueRecord::all(&counts, &workers, SystemTime::now()))?;
        Ok(exit::DONE)
    }
}
