//! `queue:prune`.

use std::time::Duration;

use clap::Args;
use queue::drivers::MaintainLimits;
use serde::Serialize;

use super::{Ended, Group, Run, Spec};
use crate::arguments::{Consent, duration};
use crate::bulk::jobs;
use crate::exit;
use crate::output::span;
use crate::prompt;
use crate::session::Session;

/// Removes old jobs that have ended.
#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Remove completed and cancelled jobs that ended longer ago
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    completed: Duration,
    /// Remove failed jobs that ended longer ago
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = duration)]
    failed: Duration,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
    /// The word of the environment, where it guards what this removes
    #[arg(long, value_name = "LABEL")]
    confirm: Option<String>,
}

#[derive(Debug, Serialize)]
struct Pruned {
    pruned: u64,
}

impl Run for Prune {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "prune",
        group: Group::Admin,
        about: "Remove old jobs that have ended",
        more: "Every worker does that all the time, by its own limits; this is for other limits by hand. It works in batches of 1,000.",
        examples: [
            ("queue:prune", "what is older than a day, and failed ones older than 7"),
            ("queue:prune --completed 1h --failed 30d", "by other limits"),
            ("queue:prune --completed 0s --yes", "every completed job, without asking"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let queue = session.look().await?;
        let consent = Consent { yes: self.yes, confirm: self.confirm, ..Consent::default() };
        let what = format!(
            "remove completed and cancelled jobs that ended more than {} ago, and failed ones that ended more than {} ago",
            span(self.completed),
            span(self.failed)
        );
        prompt::confirm(&mut session, &consent, &what)?;
        let mut limits = MaintainLimits::default();
        (limits.keep_completed, limits.keep_failed) = (self.completed, self.failed);
        // Which rescue fails a job is for its workers to say: none does here.
        limits.max_rescues = u32::MAX;
        let mut pruned = 0;
        loop {
            let batch = queue.maintain(&limits).await?.pruned;
            pruned += batch as u64;
            if batch < limits.batch {
                break;
            }
            if session.output.is_for_people() && pruned.is_multiple_of(50 * limits.batch as u64) {
                session.output.say(format!("removed {} so far", jobs(pruned)));
            }
        }
        session.output.document(&Pruned { pruned }, || vec![format!("removed {}", jobs(pruned))])?;
        Ok(exit::DONE)
    }
}
