//! `queue:resume`.

use clap::Args;
use serde::Serialize;

use super::{Ended, Group, Run, Spec};
use crate::arguments::queue_name;
use crate::exit;
use crate::output::plain;
use crate::session::Session;

/// Go on with a paused queue.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The queues, or `all`
    #[arg(value_name = "NAME… | all", required = true, value_parser = queue_name)]
    names: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Resumed {
    resumed: Vec<String>,
}

impl Run for Resume {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "resume",
        group: Group::Act,
        about: "Go on with a paused queue",
        more: "",
        examples: [
            ("queue:resume mail", "go on"),
            ("queue:resume mail reports", "both"),
            ("queue:resume all", "every queue that exists"),
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
            queue.resume(name).await?;
        }
        let lines = |names: &[String]| names.iter().map(|name| format!("resumed `{}`", plain(name))).collect();
        let resumed = Resumed { resumed: names };
        session.output.document(&resumed, || lines(&resumed.resumed))?;
        Ok(exit::DONE)
    }
}
