//! What is stored once only: unique keys of live jobs, and cron ticks.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::rows::Time;
use crate::drivers::Tick;
use crate::job::JobId;

/// For how long a tick is remembered: longer than any two schedulers disagree on the time.
const KEEP_TICKS: Duration = Duration::from_secs(24 * 3600);

/// The unique keys of live jobs. A key goes in every transition to a terminal state, so it cannot outlive its job.
#[derive(Debug, Default)]
pub(super) struct Keys {
    holders: HashMap<String, JobId>,
}

impl Keys {
    /// Who has a key.
    pub(super) fn holder(&self, key: &str) -> Option<JobId> {
        self.holders.get(key).copied()
    }

    pub(super) fn take(&mut self, key: &str, id: JobId) {
        self.holders.insert(key.to_owned(), id);
    }

    pub(super) fn release(&mut self, key: &str) {
        self.holders.remove(key);
        if self.holders.is_empty() {
            // The table of a burst would stay for good.
            self.holders = HashMap::new();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.holders.len()
    }
}

/// The cron ticks whose jobs were stored.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    stored: HashSet<Tick>,
    order: VecDeque<(Time, Tick)>,
}

impl Ticks {
    /// Notes a tick; `false` when it was stored before.
    pub(super) fn store(&mut self, tick: &Tick, now: Time) -> bool {
        let is_new = self.stored.insert(tick.clone());
        if is_new {
            self.order.push_back((now, tick.clone()));
        }
        is_new
    }

    /// Forgets what is old.
    pub(super) fn prune(&mut self, now: Time) {
        while self.order.front().is_some_and(|(stored, _)| stored.after(KEEP_TICKS) <= now) {
            if let Some((_, tick)) = self.order.pop_front() {
                self.stored.remove(&tick);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.stored.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_tick_is_stored_once_and_kept_for_a_day() {
        let at = SystemTime::now();
        let now = Time::from(at);
        let tick = Tick { entry: "nightly".into(), at };
        let mut ticks = Ticks::default();
        assert!(ticks.store(&tick, now));
        assert!(!ticks.store(&tick, now));
        assert!(ticks.store(&Tick { entry: "weekly".into(), at }, now.after(Duration::from_secs(60))));
        ticks.prune(now.after(KEEP_TICKS - Duration::from_secs(1)));
        assert!(!ticks.store(&tick, now));
        ticks.prune(now.after(KEEP_TICKS));
        assert_eq!(ticks.len(), 1);
        assert!(ticks.store(&tick, now.after(KEEP_TICKS)));
    }
}
