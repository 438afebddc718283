//! `queue:pause`.

use std::collections::BTreeMap;

use clap::Args;

use super::{Ended, Group, Run, Spec};
use crate::arguments::queue_name;
use crate::exit;
use crate::output::plain;
use crate::session::Session;

/// Start nothing more of a queue.
#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// The queues, or `all`
    #[arg(value_name = "NAME… | all", required = true, value_parser = queue_name)]
    names: Vec<String>,
}

impl Run for Pause {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "pause",
        group: Group::Act,
        about: "Start nothing more of a queue",
        more: "A queue that does not exist yet can be paused, too. Workers of other processes heed it at once where the store tells them, and within seconds elsewhere.",
        examples: [
            ("queue:pause mail", "what runs goes on, nothing new begins"),
            ("queue:pause mail reports", "both"),
            ("queue:pause all", "every queue that exists"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        set(&mut session, self.names, true).await
    }
}

/// Pauses queues, or has them go on.
pub(super) async fn set(session: &mut Session, names: Vec<String>, is_paused: bool) -> Ended {
    let queue = session.look().await?;
    let names = match names.as_slice() {
        [name] if name == "all" => queue.counts().await?.queues.into_keys().collect(),
        _ => names,
    };
    for name in &names {
        if is_paused { queue.pause(name).await? } else { queue.resume(name).await? }
    }
    let done = if is_paused { "paused" } else { "resumed" };
    let record = BTreeMap::from([(done, &names)]);
    session.output.document(&record, || names.iter().map(|name| format!("{done} `{}`", plain(name))).collect())?;
    Ok(exit::DONE)
}
