//! `queue:job`.

use std::time::SystemTime;

use clap::Args;
use queue::JobId;

use super::{Ended, Group, Run, Spec};
use crate::exit;
use crate::failure::Failure;
use crate::records::JobRecord;
use crate::session::Session;

/// Shows one job.
#[derive(Debug, Args)]
pub(crate) struct Job {
    /// Its id
    id: JobId,
}

impl Run for Job {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "job",
        group: Group::Inspect,
        about: "Show one job: its arguments, its attempts, its errors",
        more: "",
        examples: [
            ("queue:job 019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11", "all of it"),
            ("queue:job 019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11 --output json", "one JSON document"),
            ("queue:explain 019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11", "why it does not run"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let queue = session.look().await?;
        let row = queue.job(self.id).await?.ok_or_else(|| unknown_job(self.id))?;
        let record = JobRecord(row);
        session.output.document(&record, || record.lines(SystemTime::now()))?;
        Ok(exit::DONE)
    }
}

/// What is said of a job that is not there.
pub(super) fn unknown_job(id: JobId) -> Failure {
    Failure::new(exit::NOTHING, format!("there is no job {id}"))
        .hint("completed and cancelled jobs are kept for a day, failed ones for 7 days, where nobody says otherwise")
}
