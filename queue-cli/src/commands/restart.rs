//! `queue:restart`.

use clap::Args;
use queue::drivers::Told;

use super::workers::{Meant, tell};
use super::{Ended, Group, Run, Spec};
use crate::session::Session;

/// Tell workers to stop, to be started anew.
#[derive(Debug, Args)]
pub(crate) struct Restart {
    #[command(flatten)]
    meant: Meant,
}

impl Run for Restart {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "restart",
        group: Group::Act,
        about: "Tell workers to stop, to be started anew",
        more: "They end what they run and stop with code 0; whoever started them, as systemd or Kubernetes, starts them again. Workers hear of it within 10 s.",
        examples: [
            ("queue:restart --all", "after a deploy: every live worker"),
            ("queue:restart 6f1c2a9e-8d34-4b7a-9a55-2f0c8f5f7d21", "that one"),
            ("queue:restart web-1", "those that are named, or run on a host, so"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        tell(&mut session, Told::Restart, &self.meant).await
    }
}
