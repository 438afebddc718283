//! `queue:quiet`.

use clap::Args;
use queue::drivers::Told;

use super::workers::{Meant, tell};
use super::{Ended, Group, Run, Spec};
use crate::session::Session;

/// Tell workers to take no more jobs.
#[derive(Debug, Args)]
pub(crate) struct Quiet {
    #[command(flatten)]
    meant: Meant,
}

impl Run for Quiet {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "quiet",
        group: Group::Act,
        about: "Tell workers to take no more jobs",
        more: "What runs goes on. A quiet worker stays so until it ends: the way to drain it before it is replaced. Workers hear of it within 10 s.",
        examples: [
            ("queue:quiet --all", "every live worker"),
            ("queue:quiet 6f1c2a9e-8d34-4b7a-9a55-2f0c8f5f7d21", "that one"),
            ("queue:quiet web-1", "those that are named, or run on a host, so"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        tell(&mut session, Told::Quiet, &self.meant).await
    }
}
