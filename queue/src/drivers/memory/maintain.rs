//! What time brings: jobs that are due, leases that have run out, rows that are old.

use std::time::Duration;

use super::lease::Run;
use super::rows::Time;
use super::store::Store;
use crate::drivers::{MaintainLimits, Maintained};
use crate::job::JobState;

/// After so long without a sign of any worker, it is not the workers that are dead.
const SILENCE: Duration = Duration::from_secs(15);

/// What a job that killed its process too often has as its last error.
const DIED: &str = "its process died while running it";

/// Looks out for times in which nobody could write: the machine slept, or everything in the process stood still. Whoever comes
/// back first must not take the jobs of the others, who are about to renew.
#[derive(Debug)]
pub(super) struct Watch {
    heard: Time,
    /// There was a silence, and no `maintain` since.
    was_silent: bool,
    /// Nobody rescues before.
    truce: Option<Time>,
}

impl Watch {
    pub(super) fn new(now: Time) -> Self {
        Self { heard: now, was_silent: false, truce: None }
    }

    /// A worker renewed. It may be the first after a silence, so the silence is remembered for the next `maintain`.
    pub(super) fn renewed(&mut self, now: Time) {
        self.was_silent |= now.since(self.heard) >= SILENCE;
        self.heard = now;
    }

    /// Somebody maintains; answers whether expired leases may be taken back.
    fn maintains(&mut self, now: Time) -> bool {
        self.renewed(now);
        if std::mem::take(&mut self.was_silent) {
            self.truce = Some(now.after(SILENCE));
        }
        self.truce = self.truce.filter(|&end| now < end);
        self.truce.is_none()
    }
}

impl Store {
    pub(super) fn maintain(&mut self, limits: &MaintainLimits, now: Time) -> Maintained {
        self.trim();
        let mut done = Maintained::default();
        let may_rescue = self.watch.maintains(now);
        let mut is_full = self.promote(limits.batch, now, &mut done);
        if may_rescue {
            is_full |= self.rescue(limits, now, &mut done);
        }
        is_full |= self.prune(limits, now, &mut done);
        is_full |= self.sweep_queues(limits.batch);
        self.ticks.prune(now);
        self.forget_dead_workers(limits, now);
        done.next_due = if is_full { Some(Duration::ZERO) } else { self.due.first().map(|(due, _)| due.since(now)) };
        done
    }

    /// Makes available what is due; answers whether there may be more.
    fn promote(&mut self, batch: usize, now: Time, done: &mut Maintained) -> bool {
        while done.promoted < batch {
            let Some(&(_, id)) = self.due.first().filter(|(due, _)| *due <= now) else { return false };
            self.due.pop_first();
            if let Some(row) = self.aside.remove(&id) {
                self.lanes(row.queue).leave(row.state);
                self.offer(row);
                done.promoted += 1;
            }
        }
        true
    }

    /// Takes back what dead workers hold.
    fn rescue(&mut self, limits: &MaintainLimits, now: Time, done: &mut Maintained) -> bool {
        let expired = self.leases.take_expired(now, limits.batch);
        let is_full = !expired.is_empty() && expired.len() == limits.batch;
        for Run { mut row, started, is_cancelled, .. } in expired {
            self.lanes(row.queue).leave(JobState::Running);
            row.rescues = row.rescues.saturating_add(1);
            if u32::from(row.rescues) >= limits.max_rescues && !is_cancelled {
                row.add_error(now, DIED.to_owned());
                row.give_attempt_back();
                let mut failed = row.inspected(self.name_of(row.queue));
                failed.state = JobState::Failed;
                failed.unique_key = None;
                failed.started_at = Some(started.system());
                failed.finished_at = Some(now.system());
                done.failed.push(failed);
                self.end(row, JobState::Failed, Some(started), now);
            } else {
                row.give_attempt_back();
                done.rescued += 1;
                self.again(row, started, is_cancelled, now, (Duration::ZERO, JobState::Scheduled));
            }
        }
        is_full
    }

    /// Removes what is older than it is kept; answers whether there may be more.
    fn prune(&mut self, limits: &MaintainLimits, now: Time, done: &mut Maintained) -> bool {
        while done.pruned < limits.batch {
            let retained = &mut self.retained;
            let gone = retained
                .completed
                .pop_older(now, limits.keep_completed)
                .or_else(|| retained.cancelled.pop_older(now, limits.keep_completed))
                .or_else(|| retained.failed.pop_older(now, limits.keep_failed));
            let Some(gone) = gone else { return false };
            self.forgotten(&gone);
            done.pruned += 1;
        }
        true
    }

    /// A worker that died left its row; it is shown as long as the jobs that it completed.
    fn forget_dead_workers(&mut self, limits: &MaintainLimits, now: Time) {
        self.workers.retain(|_, worker| {
            let keep = limits.keep_completed.max(worker.lease);
            now < Time::from(worker.seen_at).after(keep)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn after_a_silence_nobody_rescues_for_a_while_whoever_spoke_first() {
        let start = Time::from(SystemTime::now());
        let at = |seconds| start.after(Duration::from_secs(seconds));
        for is_renewal_first in [false, true] {
            let mut watch = Watch::new(start);
            assert!(watch.maintains(at(14)));
            if is_renewal_first {
                watch.renewed(at(30));
            }
            assert!(!watch.maintains(at(31)));
            assert!(!watch.maintains(at(40)));
            assert!(watch.maintains(at(46)));
            assert!(watch.maintains(at(50)));
        }
    }

    #[test]
    fn a_silence_in_a_truce_makes_it_longer() {
        let start = Time::from(SystemTime::now());
        let at = |seconds| start.after(Duration::from_secs(seconds));
        let mut watch = Watch::new(start);
        assert!(!watch.maintains(at(20)));
        assert!(!watch.maintains(at(36)));
        assert!(!watch.maintains(at(50)));
        assert!(watch.maintains(at(51)));
    }
}
