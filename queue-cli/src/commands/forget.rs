//! `queue:forget`.

use clap::Args;
use queue::JobState;
use queue::drivers::Action;

use super::{Ended, Group, Run, Spec};
use crate::arguments::Consent;
use crate::bulk::{self, Deed};
use crate::session::Session;
use crate::target::Target;

/// Removes jobs that have ended.
#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// Ids, `all`, or a filter as `kind:SendWelcomeEmail queue:mail`
    #[arg(value_name = "ID… | all | FILTER", required = true)]
    target: Vec<String>,
    #[command(flatten)]
    consent: Consent,
}

impl Run for Forget {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "forget",
        group: Group::Act,
        about: "Remove jobs that have ended",
        more: "A filter means the failed jobs among those that fit, unless it names states. What is forgotten cannot be retried any more.",
        examples: [
            ("queue:forget 019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11", "that one"),
            ("queue:forget until:30d", "failed jobs that were pushed more than 30 days ago"),
            ("queue:forget state:completed --dry-run", "say what would go"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let target = Target::read(&self.target, &[JobState::Failed])?;
        let deed = Deed { action: Action::Forget, verb: "forget", done: "forgot" };
        bulk::run(&mut session, &deed, target, &self.consent).await
    }
}
