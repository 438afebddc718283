//! `queue:resume`.

use clap::Args;

use super::pause::set;
use super::{Ended, Group, Run, Spec};
use crate::arguments::queue_name;
use crate::session::Session;

/// Go on with a paused queue.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The queues, or `all`
    #[arg(value_name = "NAME… | all", required = true, value_parser = queue_name)]
    names: Vec<String>,
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
        set(&mut session, self.names, false).await
    }
}
