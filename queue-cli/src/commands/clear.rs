//! `queue:clear`.

use clap::Args;
use queue::JobState;
use queue::drivers::Action;
use queue::job::Filter;

use super::{Ended, Group, Run, Spec};
use crate::arguments::{Consent, queue_name};
use crate::bulk::{self, Deed};
use crate::session::Session;
use crate::target::Target;

/// Cancels all that waits in a queue.
#[derive(Debug, Args)]
pub(crate) struct Clear {
    /// The queue
    #[arg(value_parser = queue_name)]
    name: String,
    #[command(flatten)]
    consent: Consent,
}

impl Run for Clear {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "clear",
        group: Group::Act,
        about: "Cancel all that waits in a queue",
        more: "What runs goes on. Cancelled jobs are kept for a day and can be retried until then: `queue:forget` removes them.",
        examples: [
            ("queue:clear mail", "ask, then cancel what waits in `mail`"),
            ("queue:clear mail --dry-run", "say how many that would be"),
            ("queue:clear mail --yes", "do it without asking"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let waiting = JobState::ALL.into_iter().filter(|state| state.is_waiting());
        let filter = waiting.fold(Filter::new().queue(self.name), Filter::state);
        let deed = Deed { action: Action::Cancel, verb: "cancel", done: "cancelled" };
        bulk::run(&mut session, &deed, Target::Fitting(Box::new(filter)), &self.consent).await
    }
}
