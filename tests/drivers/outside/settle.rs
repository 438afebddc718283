//! Storing how runs ended.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use queue::drivers::{Settled, Settlement};
use queue::job::Outcome;
use queue::{Error, ErrorKind, JobState};

use super::row::Row;
use super::table::Table;
use super::wake::Event;

impl Table {
    pub(crate) fn settle(&mut self, settlements: &[Settlement], now: SystemTime) -> Result<Vec<Settled>, Error> {
        // Before anything changes: a later version of `queue` may know more outcomes than this driver.
        if let Some(unknown) = settlements.iter().find(|settlement| !is_known(&settlement.outcome)) {
            return Err(Error::new(ErrorKind::Unsupported, format!("this driver cannot store {:?}", unknown.outcome)));
        }
        Ok(settlements.iter().map(|settlement| self.settle_one(settlement, now)).collect())
    }

    fn settle_one(&mut self, settlement: &Settlement, now: SystemTime) -> Settled {
        let row = self.jobs.get_mut(&settlement.lease.id).filter(|row| row.is_held_by(settlement.lease));
        let Some(row) = row else { return Settled::Lost };
        row.end(&settlement.outcome, now);
        if row.state == JobState::Available {
            self.events.push(Event::Work(Arc::clone(&row.queue)));
        }
        for job in &settlement.follow_ups {
            self.push_one(job, now);
        }
        Settled::Stored
    }
}

fn is_known(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Complete
            | Outcome::Retry { .. }
            | Outcome::Fail { .. }
            | Outcome::Snooze { .. }
            | Outcome::Release { .. }
            | Outcome::Cancel { .. }
    )
}

impl Row {
    fn end(&mut self, outcome: &Outcome, now: SystemTime) {
        match outcome {
            Outcome::Complete => self.leave(JobState::Completed, now),
            Outcome::Fail { error } => {
                self.add_error(error, now);
                self.leave(JobState::Failed, now);
            }
            Outcome::Cancel { reason } => {
                if let Some(reason) = reason {
                    self.add_error(reason, now);
                }
                self.leave(JobState::Cancelled, now);
            }
            Outcome::Retry { delay, error } => {
                self.add_error(error, now);
                // It had its turn, and goes behind those that wait.
                self.due_at = now;
                self.run_again(JobState::Retryable, *delay, now);
            }
            Outcome::Snooze { delay } | Outcome::Release { delay } => {
                self.attempt -= 1;
                self.run_again(JobState::Scheduled, *delay, now);
            }
        }
    }

    fn run_again(&mut self, state: JobState, delay: Duration, now: SystemTime) {
        if self.is_cancel_requested {
            return self.leave(JobState::Cancelled, now);
        }
        if delay.is_zero() {
            return self.leave(JobState::Available, now);
        }
        self.due_at = now + delay;
        self.leave(state, now);
    }
}
