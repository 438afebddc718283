//! Renewing leases, and what nobody asks for: promoting, taking back, pruning.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use queue::JobState;
use queue::drivers::{MaintainLimits, Maintained, Renewal, Renewed, WorkerRow, WorkerState};

use super::row::Row;
use super::table::Table;
use super::wake::Event;

/// After so long without a word of any worker the store itself was away, and nobody is judged by his silence for as long again.
const SILENCE: Duration = Duration::from_secs(15);

/// How long ticks are kept.
const KEEP_TICKS: Duration = Duration::from_secs(24 * 3600);

impl Table {
    pub(crate) fn renew(&mut self, worker: &WorkerRow, renewals: &[Renewal], now: SystemTime) -> Renewed {
        self.note_a_write(now);
        if worker.state == WorkerState::Stopped {
            self.workers.remove(&worker.id);
            self.told.remove(&worker.id);
        } else {
            self.workers.insert(worker.id, WorkerRow { seen_at: now, ..worker.clone() });
        }
        let mut renewed = Renewed { told: self.told.get(&worker.id).copied(), ..Renewed::default() };
        for Renewal { lease, progress } in renewals {
            let Some(row) = self.jobs.get_mut(&lease.id).filter(|row| row.is_held_by(*lease)) else {
                renewed.lost.push(lease.id);
                continue;
            };
            row.expires_at = now + worker.lease;
            if progress.is_some() {
                row.progress.clone_from(progress);
            }
            if row.is_cancel_requested {
                renewed.cancelled.push(lease.id);
            }
        }
        renewed
    }

    pub(crate) fn maintain(&mut self, limits: &MaintainLimits, now: SystemTime) -> Maintained {
        self.note_a_write(now);
        let mut maintained = Maintained::default();
        maintained.promoted = self.promote(limits, now);
        if self.rescue_from.is_none_or(|from| now >= from) {
            self.rescue(limits, now, &mut maintained);
        }
        maintained.pruned = self.prune(limits, now);
        self.ticks.retain(|_, stored_at| *stored_at + KEEP_TICKS > now);

        let most = [maintained.promoted, maintained.rescued + maintained.failed.len(), maintained.pruned];
        maintained.next_due = if most.contains(&limits.batch) { Some(Duration::ZERO) } else { self.next_due(now) };
        maintained
    }

    /// A renewal marks the end of a silence too: else whoever renews first hides it from whoever maintains next.
    fn note_a_write(&mut self, now: SystemTime) {
        let silent_for = self.written_at.map(|at| now.duration_since(at).unwrap_or_default());
        if silent_for.is_none_or(|time| time >= SILENCE) {
            self.rescue_from = Some(now + SILENCE);
        }
        self.written_at = Some(now);
    }

    fn promote(&mut self, limits: &MaintainLimits, now: SystemTime) -> usize {
        let mut promoted = 0;
        for row in self.jobs.values_mut().filter(|row| waits_for_time(row) && row.due_at <= now).take(limits.batch) {
            row.state = JobState::Available;
            self.events.push(Event::Work(Arc::clone(&row.queue)));
            promoted += 1;
        }
        promoted
    }

    fn rescue(&mut self, limits: &MaintainLimits, now: SystemTime, maintained: &mut Maintained) {
        let is_dead = |row: &&mut Row| row.state == JobState::Running && row.expires_at <= now;
        for row in self.jobs.values_mut().filter(is_dead).take(limits.batch) {
            row.rescues += 1;
            let is_out = row.rescues >= limits.max_rescues && !row.is_cancel_requested;
            if is_out {
                row.add_error("its process died while running it", now);
            }
            row.attempt -= 1;
            if is_out {
                row.leave(JobState::Failed, now);
                maintained.failed.push(row.to_job_row());
                continue;
            }
            let state = if row.is_cancel_requested { JobState::Cancelled } else { JobState::Available };
            row.leave(state, now);
            self.events.push(Event::Work(Arc::clone(&row.queue)));
            maintained.rescued += 1;
        }
    }

    fn prune(&mut self, limits: &MaintainLimits, now: SystemTime) -> usize {
        let is_old = |row: &&Row| {
            let keep = if row.state == JobState::Failed { limits.keep_failed } else { limits.keep_completed };
            row.finished_at.is_some_and(|at| at + keep <= now)
        };
        let old: Vec<_> = self.jobs.values().filter(is_old).take(limits.batch).map(|row| row.id).collect();
        for id in &old {
            self.jobs.remove(id);
        }
        old.len()
    }

    fn next_due(&self, now: SystemTime) -> Option<Duration> {
        let next = self.jobs.values().filter(|row| waits_for_time(row)).map(|row| row.due_at).min()?;
        Some(next.duration_since(now).unwrap_or_default())
    }
}

fn waits_for_time(row: &Row) -> bool {
    matches!(row.state, JobState::Scheduled | JobState::Retryable)
}
