//! Storing new jobs.

use std::sync::Arc;
use std::time::SystemTime;

use queue::JobState;
use queue::drivers::{Group, NewJob, Pushed};

use super::row::Row;
use super::table::Table;
use super::wake::Event;

impl Table {
    /// Stores a group. Nothing here can fail half way, so all or none needs no more.
    pub(crate) fn push(&mut self, group: &Group, now: SystemTime) -> Vec<Pushed> {
        if let Some(tick) = &group.tick {
            if self.ticks.contains_key(tick) {
                return Vec::new();
            }
            self.ticks.insert(tick.clone(), now);
        }
        group.jobs.iter().map(|job| self.push_one(job, now)).collect()
    }

    pub(crate) fn push_one(&mut self, job: &NewJob, now: SystemTime) -> Pushed {
        // Before the key: a job that is pushed again is not a duplicate of itself.
        if self.jobs.contains_key(&job.id) {
            return Pushed::stored(job.id);
        }
        if let Some(winner) = job.unique_key().and_then(|key| self.holder(key)) {
            return Pushed::duplicate_of(winner);
        }
        let row = Row::new(job, now);
        if self.queues.insert(Arc::clone(&row.queue)) {
            self.events.push(Event::NewQueue);
        }
        if row.state == JobState::Available {
            self.events.push(Event::Work(Arc::clone(&row.queue)));
        }
        self.jobs.insert(row.id, row);
        Pushed::stored(job.id)
    }
}
