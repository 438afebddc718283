//! `queue:pause`.

use clap::Args;
use serde::Serialize;

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

#[derive(Debug, Serialize)]
struct Paused {
    paused: Vec<String>,
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
        let queue = session.look().await?;
        let names = match self.names.as_slice() {
            [name] if name == "all" => queue.counts().await?.queues.into_keys().collect(),
            _ => self.names,
        };
        for name in &names {
            queue.pause(name).await?;
        }
        let lines = |names: &[String]| names.iter().map(|name| format!("paused `{}`", plain(name))).collect();
        let paused = Paused { paused: names };
        session.output.document(&paused, || lines(&paused.paused))?;
        Ok(exit::DONE)
    }
}
