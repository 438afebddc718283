//! `queue:retry`.

use clap::Args;
use queue::JobState;
use queue::drivers::Action;

use super::{Ended, Group, Run, Spec};
use crate::arguments::Consent;
use crate::bulk::{self, Deed};
use crate::session::Session;
use crate::target::Target;

/// Runs failed or cancelled jobs again.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// Ids, `all`, or a filter as `kind:SendWelcomeEmail queue:mail`
    #[arg(value_name = "ID… | all | FILTER", required = true)]
    target: Vec<String>,
    #[command(flatten)]
    consent: Consent,
}

impl Run for Retry {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "retry",
        group: Group::Act,
        about: "Run failed or cancelled jobs again",
        more: "A filter means the failed jobs among those that fit, unless it names states. They keep their history, and may have as many attempts more as they were pushed with.",
        examples: [
            ("queue:retry 019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11", "that one"),
            ("queue:retry kind:SendWelcomeEmail error:timeout", "those of a kind that failed by a timeout"),
            ("queue:retry all --yes", "every failed job, without asking"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let target = Target::read(&self.target, &[JobState::Failed])?;
        let deed = Deed { action: Action::Retry, verb: "retry", done: "retried" };
        bulk::run(&mut session, &deed, target, &self.consent).await
    }
}
