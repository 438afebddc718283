//! The job of the crash suite: it writes its runs into the ledger and ends as its plan says.

use std::sync::Arc;
use std::time::Duration;

use queue::prelude::*;
use queue_tests::ledger::{End, Ledger, Run};
use serde::{Deserialize, Serialize};

use crate::marks::{Marking, Marks};

/// How a job ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Plan {
    /// At once, well.
    Ends,
    /// After so many milliseconds, well.
    Takes(u64),
    /// Well, at the second attempt.
    EndsLater,
    /// With an error at each attempt.
    Errs,
    /// With an error for good.
    Fails,
    /// With a cancel of its own.
    Cancels,
    /// With a snooze, most times.
    Snoozes,
    /// Well, in a transaction of its own that also leaves a mark.
    Marks,
    /// When the process is told to stop, well.
    Waits,
    /// When its lease is gone or the process is told to stop; until then it heeds nothing.
    Clings,
}

impl Plan {
    /// One of those that end by themselves.
    pub(crate) fn any(random: &mut fastrand::Rng) -> Self {
        match random.u32(0..20) {
            0..8 => Self::Ends,
            8..12 => Self::Takes(random.u64(1..20)),
            12..15 => Self::EndsLater,
            15 => Self::Errs,
            16 => Self::Fails,
            17 => Self::Cancels,
            18 => Self::Snoozes,
            _ => Self::Marks,
        }
    }
}

/// A job with a number, which its pusher made up.
#[derive(Queueable)]
#[queueable(max_attempts = 3, backoff = "fixed(5ms)", timeout = "none")]
pub(crate) struct Task {
    #[inject]
    ledger: Arc<Ledger>,
    #[inject]
    context: JobContext,
    #[inject]
    marks: Arc<Marks>,
    job: u64,
    plan: Plan,
}

impl Job for Task {
    async fn handle(&self) -> JobResult {
        let run = self.ledger.run(self.job, self.context.id(), self.context.attempt());
        match self.plan {
            Plan::Ends => done(run),
            Plan::Takes(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                done(run)
            }
            Plan::EndsLater if self.context.attempt() > 1 => done(run),
            Plan::EndsLater | Plan::Errs => {
                let text = run.error();
                run.ends(End::Error);
                Err(text.into())
            }
            Plan::Fails => {
                let text = run.error();
                run.ends(End::Fail);
                Err(JobError::fail(text))
            }
            Plan::Cancels => {
                run.ends(End::Cancel);
                Err(JobError::cancel("as planned"))
            }
            // Nothing remembers that it was snoozed, so it is left to chance how often.
            Plan::Snoozes if fastrand::bool() => {
                run.ends(End::Snooze);
                Err(JobError::snooze(Duration::from_millis(5)))
            }
            Plan::Snoozes => done(run),
            Plan::Marks => self.mark(run).await,
            Plan::Waits => {
                while !self.context.is_stopping() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                done(run)
            }
            Plan::Clings => {
                std::future::pending::<()>().await;
                done(run)
            }
        }
    }
}

impl Task {
    /// Leaves a mark and completes in one transaction. Where the lease was lost nothing is committed, and whatever is answered is lost.
    async fn mark(&self, run: Run) -> JobResult {
        match self.complete().await {
            Ok(transaction) => {
                let number = run.number();
                // Before the commit: a process that is killed behind it has said so.
                let ended = done(run);
                if let Err(error) = transaction.commit().await {
                    Run::is_doubted(&self.ledger, number);
                    return Err(error.into());
                }
                ended
            }
            Err(error) => {
                run.ends(End::Error);
                Err(error)
            }
        }
    }

    async fn complete(&self) -> Result<Marking, JobError> {
        let mut transaction = self.marks.begin("done", self.job).await?;
        self.context.complete_in(&mut transaction).await?;
        Ok(transaction)
    }
}

fn done(run: Run) -> JobResult {
    run.ends(End::Done);
    Ok(())
}
