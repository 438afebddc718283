//! Storing how runs ended, and keeping leases alive.

use std::time::Duration;

use super::lease::Run;
use super::rows::{Row, Time};
use super::store::Store;
use crate::drivers::{Renewal, Renewed, Settled, Settlement, WorkerRow, WorkerState};
use crate::job::{JobState, Outcome};

impl Store {
    /// Stores an outcome and its follow-ups, if the lease is still good.
    pub(super) fn settle(&mut self, settlement: &Settlement, now: Time) -> Settled {
        let Some(run) = self.leases.take(&settlement.lease) else { return Settled::Lost };
        self.apply(run, &settlement.outcome, now);
        for job in &settlement.follow_ups {
            self.insert(job.clone(), now);
        }
        Settled::Stored
    }

    fn apply(&mut self, run: Run, outcome: &Outcome, now: Time) {
        let Run { mut row, started, is_cancelled, .. } = run;
        self.lanes(row.queue).leave(JobState::Running);
        match outcome {
            Outcome::Complete => self.end(row, JobState::Completed, Some(started), now),
            Outcome::Retry { delay, error } => {
                row.add_error(now, error.clone());
                let delay = if self.skips_waits { Duration::ZERO } else { *delay };
                self.again(row, started, is_cancelled, now, (delay, JobState::Retryable));
            }
            Outcome::Fail { error } => {
                row.add_error(now, error.clone());
                self.end(row, JobState::Failed, Some(started), now);
            }
            Outcome::Snooze { delay } | Outcome::Release { delay } => {
                row.give_attempt_back();
                self.again(row, started, is_cancelled, now, (*delay, JobState::Scheduled));
            }
            Outcome::Cancel { reason } => {
                if let Some(reason) = reason {
                    row.add_error(now, reason.clone());
                }
                self.end(row, JobState::Cancelled, Some(started), now);
            }
        }
    }

    /// A job runs again, after a delay in the given state, unless somebody asked meanwhile to cancel it.
    pub(super) fn again(
        &mut self,
        mut row: Row,
        started: Time,
        is_cancelled: bool,
        now: Time,
        (delay, state): (Duration, JobState),
    ) {
        if is_cancelled {
            return self.end(row, JobState::Cancelled, Some(started), now);
        }
        row.past_mut().started = Some(started);
        if !delay.is_zero() {
            row.due = now.after(delay);
            return self.put_off(row, state);
        }
        // What did not end keeps its turn; a failed attempt goes behind those that wait.
        if state == JobState::Retryable {
            row.due = now;
        }
        self.offer(row);
    }

    /// Extends the leases of a worker, and writes its row.
    pub(super) fn renew(&mut self, worker: &WorkerRow, renewals: &[Renewal], now: Time) -> Renewed {
        self.watch.renewed(now);
        if worker.state == WorkerState::Stopped {
            self.workers.remove(&worker.id);
            self.told.remove(&worker.id);
        } else {
            self.workers.insert(worker.id, WorkerRow { seen_at: now.system(), ..worker.clone() });
        }
        let expires = now.after(worker.lease);
        let mut renewed = Renewed { told: self.told.get(&worker.id).copied(), ..Renewed::default() };
        for renewal in renewals {
            let Some(run) = self.leases.extend(&renewal.lease, expires) else {
                renewed.lost.push(renewal.lease.id);
                continue;
            };
            if run.is_cancelled {
                renewed.cancelled.push(renewal.lease.id);
            }
            if let Some(progress) = &renewal.progress {
                run.row.past_mut().progress = Some(progress.clone());
            }
        }
        renewed
    }
}
