//! `queue:cancel`.

use clap::Args;
use queue::JobState;
use queue::drivers::Action;

use super::{Ended, Group, Run, Spec};
use crate::arguments::Consent;
use crate::bulk::{self, Deed};
use crate::session::Session;
use crate::target::Target;

/// Takes jobs back that have not ended.
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// Ids, `all`, or a filter as `kind:SendWelcomeEmail queue:mail`
    #[arg(value_name = "ID… | all | FILTER", required = true)]
    target: Vec<String>,
    #[command(flatten)]
    consent: Consent,
}

impl Run for Cancel {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "cancel",
        group: Group::Act,
        about: "Take jobs back that have not ended",
        more: "A waiting job is cancelled at once. One that runs is told to end, and its handler is dropped 5 s later. A filter means all that have not ended, unless it names states.",
        examples: [
            ("queue:cancel 019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11", "that one"),
            ("queue:cancel kind:SendNewsletter state:waiting", "those that have not begun"),
            ("queue:cancel all --dry-run", "say what would be cancelled"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let target = Target::read(
            &self.target,
            &[JobState::Held, JobState::Scheduled, JobState::Available, JobState::Running, JobState::Retryable],
        )?;
        let deed = Deed { action: Action::Cancel, verb: "cancel", done: "cancelled" };
        bulk::run(&mut session, &deed, target, &self.consent).await
    }
}
