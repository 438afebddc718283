//! Storing jobs.

use std::time::{Duration, SystemTime};

use super::rows::{Row, Time};
use super::store::Store;
use crate::drivers::{Due, Group, NewJob, PushResult, Pushed};
use crate::job::JobState;

impl Store {
    /// Stores groups. Each is all or none because nothing here can fail.
    pub(super) fn push(&mut self, groups: impl Iterator<Item = Group>, now: Time) -> Vec<PushResult> {
        groups.map(|group| Ok(self.push_group(group, now))).collect()
    }

    fn push_group(&mut self, group: Group, now: Time) -> Vec<Pushed> {
        if let Some(tick) = &group.tick {
            self.ticks.prune(now);
            if !self.ticks.store(tick, now) {
                return Vec::new();
            }
        }
        group.jobs.into_iter().map(|job| self.insert(job, now)).collect()
    }

    /// Stores one job, unless it is stored already or its key is taken.
    pub(super) fn insert(&mut self, job: NewJob, now: Time) -> Pushed {
        let id = job.id;
        if !self.seen.is_new(id) && self.find(id).is_some() {
            return Pushed::stored(id);
        }
        if let Some(key) = job.unique_key() {
            if let Some(holder) = self.keys.holder(key) {
                return Pushed::duplicate_of(holder);
            }
            self.keys.take(key, id);
        }
        self.seen.note(id);
        let delay = if self.skips_waits { Duration::ZERO } else { delay_of(job.due) };
        let is_held = job.extra.as_ref().is_some_and(|extra| extra.held);
        let row = Row {
            id,
            queue: self.queue(&job.queue),
            kind: job.kind,
            payload: Some(job.payload),
            extra: job.extra,
            past: None,
            created: now,
            due: now.after(delay),
            token: 0,
            attempt: 0,
            max_attempts: u32::from(job.max_attempts),
            budget: job.max_attempts,
            rescues: 0,
            version: job.version,
            priority: job.priority,
            state: JobState::Available,
        };
        if is_held {
            self.hold(row);
        } else if delay.is_zero() {
            self.offer(row);
        } else {
            self.put_off(row, JobState::Scheduled);
        }
        Pushed::stored(id)
    }
}

/// In what time a job is due. Only a time of the wall clock is compared with the wall clock, and only here.
fn delay_of(due: Due) -> Duration {
    match due {
        Due::Now => Duration::ZERO,
        Due::In(delay) => delay,
        Due::At(time) => time.duration_since(SystemTime::now()).unwrap_or_default(),
    }
}
