//! All that lies behind the lock, and the moves of a row from place to place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::lanes::{Aside, Lanes};
use super::lease::{Leases, Run};
use super::maintain::Watch;
use super::queues::Queues;
use super::retain::{Ended, Retained};
use super::rows::{Key, QueueIndex, Row, Time};
use super::seen::Seen;
use super::unique::{Keys, Ticks};
use super::wake::Waiters;
use crate::drivers::{Told, WorkerId, WorkerRow};
use crate::job::{JobId, JobState};

/// The jobs and all that belongs to them.
///
/// A row lies in exactly one place: in the lane of its queue (available), aside (held, scheduled, retryable, and available
/// ones that came out of order), among the leases (running), or among the retained (ended).
#[derive(Debug)]
pub(super) struct Store {
    pub(super) queues: Queues,
    pub(super) aside: Aside,
    /// The scheduled and retryable jobs by their time.
    pub(super) due: BTreeSet<Key>,
    pub(super) leases: Leases,
    pub(super) retained: Retained,
    pub(super) keys: Keys,
    pub(super) ticks: Ticks,
    pub(super) seen: Seen,
    pub(super) workers: BTreeMap<WorkerId, WorkerRow>,
    /// What workers are told until they end.
    pub(super) told: BTreeMap<WorkerId, Told>,
    pub(super) watch: Watch,
    pub(super) waiters: Waiters,
    /// `sync:`: whoever pushes waits for the end, so neither a delay nor the wait before a retry is kept.
    pub(super) skips_waits: bool,
}

/// A stored job, where it lies.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    /// Held, scheduled, available or retryable.
    Waiting(&'a Row),
    Running(&'a Run),
    Ended(&'a Ended),
}

impl<'a> Found<'a> {
    pub(super) fn row(self) -> &'a Row {
        match self {
            Self::Waiting(row) => row,
            Self::Running(run) => &run.row,
            Self::Ended(ended) => &ended.row,
        }
    }
}

impl Store {
    pub(super) fn new(now: Time, keep_completed: usize, keep_whole: usize) -> Self {
        Self {
            queues: Queues::default(),
            aside: Aside::new(),
            due: BTreeSet::new(),
            leases: Leases::new(),
            retained: Retained::new(keep_completed, keep_whole),
            keys: Keys::default(),
            ticks: Ticks::default(),
            seen: Seen::default(),
            workers: BTreeMap::new(),
            told: BTreeMap::new(),
            watch: Watch::new(now),
            waiters: Waiters::default(),
            skips_waits: false,
        }
    }

    /// The queue of this name, if it exists.
    pub(super) fn queue_named(&self, name: &str) -> Option<QueueIndex> {
        self.queues.named(name)
    }

    /// The queue of this name, which comes into being if it does not exist.
    pub(super) fn queue(&mut self, name: &Arc<str>) -> QueueIndex {
        if let Some(index) = self.queues.recent(name) {
            return index;
        }
        let index = match self.queue_named(name) {
            Some(index) => index,
            None => {
                let index = self.queues.add(name);
                self.waiters.born(index, name);
                index
            }
        };
        self.queues.set_recent(name, index);
        index
    }

    /// Lets go of queues that hold nothing; answers whether there may be more of them.
    pub(super) fn sweep_queues(&mut self, limit: usize) -> bool {
        let gone = self.queues.sweep(limit);
        if !gone.is_empty() {
            self.waiters.died(&gone);
        }
        gone.len() >= limit
    }

    pub(super) fn lanes(&mut self, queue: QueueIndex) -> &mut Lanes {
        self.queues.get_mut(queue)
    }

    pub(super) fn name_of(&self, queue: QueueIndex) -> &Arc<str> {
        &self.queues.get(queue).name
    }

    /// Puts a row where it can be fetched.
    pub(super) fn offer(&mut self, mut row: Row) {
        row.state = JobState::Available;
        let queue = row.queue;
        let lanes = self.queues.get_mut(queue);
        lanes.enter(JobState::Available);
        lanes.push(row, &mut self.aside);
        if self.waiters.len() > 0 && !self.queues.get(queue).is_paused {
            self.waiters.work(queue);
        }
    }

    /// Puts a row aside until it is due.
    pub(super) fn put_off(&mut self, mut row: Row, state: JobState) {
        row.state = state;
        self.lanes(row.queue).enter(state);
        if self.due.first().is_none_or(|first| row.key().0 < first.0) {
            self.waiters.scheduled();
        }
        self.due.insert(row.key());
        self.aside.insert(row.id, row);
    }

    /// Puts a row aside until its chain or batch asks for it.
    pub(super) fn hold(&mut self, mut row: Row) {
        row.state = JobState::Held;
        self.lanes(row.queue).enter(JobState::Held);
        self.aside.insert(row.id, row);
    }

    /// Ends a row that was taken out of its place. Those that are too many by then go with the next [`trim`](Self::trim).
    pub(super) fn end(&mut self, mut row: Row, state: JobState, started: Option<Time>, now: Time) {
        row.state = state;
        if let Some(key) = row.unique_key() {
            self.keys.release(key);
        }
        self.lanes(row.queue).enter(state);
        self.retained.push(Ended { row, started, finished: now });
    }

    /// Lets go of the ended rows that are more than are kept.
    ///
    /// A verb that ends jobs lets go of what was too many *before* it, so that whoever waits for the jobs that it ends can look at
    /// their rows, however few are kept.
    pub(super) fn trim(&mut self) {
        while let Some(gone) = self.retained.pop_excess() {
            self.forgotten(&gone);
        }
    }

    /// An ended row is no longer kept.
    pub(super) fn forgotten(&mut self, gone: &Ended) {
        self.lanes(gone.row.queue).leave(gone.row.state);
    }

    /// Where a job lies. It is looked for in the small places first.
    pub(super) fn find(&self, id: JobId) -> Option<Found<'_>> {
        if let Some(run) = self.leases.find(id) {
            return Some(Found::Running(run));
        }
        if let Some(row) = self.aside.get(&id) {
            return Some(Found::Waiting(row));
        }
        if let Some(row) = self.queues.iter().flat_map(Lanes::all).find_map(|lane| lane.find(id)) {
            return Some(Found::Waiting(row));
        }
        self.retained.find(id).map(Found::Ended)
    }

    /// Takes a waiting row out of its place.
    pub(super) fn take_waiting(&mut self, id: JobId) -> Option<Row> {
        let row = if let Some(row) = self.aside.remove(&id) {
            match row.state {
                JobState::Available => {
                    let key = row.key();
                    self.lanes(row.queue).all_mut().iter_mut().any(|lane| lane.remove_late(key));
                }
                JobState::Held => {}
                _ => {
                    self.due.remove(&row.key());
                }
            }
            row
        } else {
            self.queues.iter_mut().flat_map(Lanes::all_mut).find_map(|lane| lane.remove(id))?
        };
        self.lanes(row.queue).leave(row.state);
        Some(row)
    }
}
