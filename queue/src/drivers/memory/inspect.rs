//! Looking and acting.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;

use super::Memory;
use super::lanes::{Lane, Lanes};
use super::lease::Run;
use super::rows::{Row, Time};
use super::store::{Found, Store};
use crate::drivers::{BoxFuture, Counts, Inspect, QueueCounts, WorkerRow};
use crate::error::{Error, ErrorKind};
use crate::job::{Filter, JobId, JobRow, JobState};

impl Inspect for Memory {
    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobRow>, Error>> {
        Box::pin(async move { Ok(self.with(|store, _| store.job(id))) })
    }

    fn jobs<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<JobRow>, Error>> {
        Box::pin(async move { Ok(self.with(|store, _| store.jobs(filter))) })
    }

    fn counts(&self) -> BoxFuture<'_, Result<Counts, Error>> {
        Box::pin(async move { Ok(self.with(|store, now| store.counts(now))) })
    }

    fn workers(&self) -> BoxFuture<'_, Result<Vec<WorkerRow>, Error>> {
        Box::pin(async move { Ok(self.with(|store, _| store.workers.values().cloned().collect())) })
    }

    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<JobState, Error>> {
        Box::pin(async move { self.with(|store, now| store.cancel(id, now)) })
    }

    fn retry(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.with(|store, now| store.retry(id, now)) })
    }

    fn forget(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.with(|store, _| store.forget(id)) })
    }

    fn pause<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.with(|store, _| store.pause(queue));
            Ok(())
        })
    }

    fn resume<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.with(|store, _| store.resume(queue));
            Ok(())
        })
    }
}

impl Store {
    fn job(&self, id: JobId) -> Option<JobRow> {
        self.find(id).map(|found| self.inspected(found))
    }

    fn inspected(&self, found: Found<'_>) -> JobRow {
        let row = found.row();
        let mut job = row.inspected(self.name_of(row.queue));
        match found {
            Found::Waiting(_) => {}
            Found::Running(run) => {
                job.started_at = Some(run.started.system());
                job.worker = Some(run.worker.to_string());
            }
            Found::Ended(ended) => {
                job.started_at = ended.started.map(Time::system);
                job.finished_at = Some(ended.finished.system());
            }
        }
        job
    }

    /// The rows of a page are found first, and only they are copied.
    fn jobs(&self, filter: &Filter) -> Vec<JobRow> {
        let mut page = Page { filter, queues: self.queues_of(filter), rows: BinaryHeap::new(), size: filter.page() };
        if page.queues.as_ref().is_some_and(HashSet::is_empty) {
            return Vec::new();
        }
        // Sorted by id, so it can stop early.
        for row in filter.after.map_or_else(|| self.aside.range(..), |after| self.aside.range(after..)).map(|(_, row)| row) {
            if page.is_past(row.id) {
                break;
            }
            page.offer(Found::Waiting(row));
        }
        self.leases.runs().for_each(|run| page.offer(Found::Running(run)));
        self.retained.rows().for_each(|ended| page.offer(Found::Ended(ended)));
        if filter.states.is_empty() || filter.states.contains(&JobState::Available) {
            for lane in self.queues.iter().flat_map(Lanes::all) {
                for (least, rows) in lane.segments_after(filter.after) {
                    if !page.is_past(least) {
                        rows.for_each(|row| page.offer(Found::Waiting(row)));
                    }
                }
            }
        }
        page.rows.into_sorted_vec().into_iter().map(|ById(found)| self.inspected(found)).collect()
    }

    /// The queues that a filter names, if it names any.
    fn queues_of(&self, filter: &Filter) -> Option<HashSet<u32>> {
        let named = || filter.queues.iter().filter_map(|name| self.queue_named(name)).collect();
        (!filter.queues.is_empty()).then(named)
    }

    fn counts(&self, now: Time) -> Counts {
        let is_alive = |worker: &&WorkerRow| now < Time::from(worker.seen_at).after(worker.lease);
        let alive = self.workers.values().filter(is_alive);
        let served: HashSet<&str> = alive.flat_map(|worker| &worker.queues).map(|(queue, _)| &**queue).collect();
        let mut counts = Counts::default();
        for lanes in self.queues.existing() {
            let mut queue = QueueCounts { is_paused: lanes.is_paused, ..QueueCounts::default() };
            for state in JobState::ALL {
                let count = lanes.count(state);
                if count > 0 {
                    queue.states.insert(state, count);
                }
                if state.is_waiting() && !served.contains(&*lanes.name) {
                    queue.unserved += count;
                }
            }
            let oldest = lanes.all().iter().filter_map(Lane::first_key).map(|(due, _)| due).min();
            queue.oldest_available = oldest.map(|due| now.since(due));
            counts.queues.insert(lanes.name.to_string(), queue);
        }
        counts
    }

    fn cancel(&mut self, id: JobId, now: Time) -> Result<JobState, Error> {
        if let Some(row) = self.take_waiting(id) {
            self.trim();
            let started = row.past.as_ref().and_then(|past| past.started);
            self.end(row, JobState::Cancelled, started, now);
            return Ok(JobState::Cancelled);
        }
        if let Some(run) = self.leases.find_mut(id) {
            let Run { is_cancelled, .. } = run;
            if !std::mem::replace(is_cancelled, true) {
                self.waiters.cancelled(id);
            }
            return Ok(JobState::Running);
        }
        Err(self.refused(id, "only a job that has not ended can be cancelled"))
    }

    fn retry(&mut self, id: JobId, now: Time) -> Result<(), Error> {
        let Some(Found::Ended(ended)) = self.find(id) else {
            return Err(self.refused(id, "only a failed or cancelled job can be retried"));
        };
        if ended.row.state == JobState::Completed {
            return Err(self.refused(id, "only a failed or cancelled job can be retried"));
        }
        if let Some(key) = ended.row.unique_key() {
            if let Some(winner) = self.keys.holder(key) {
                let text = format!("job {id} cannot be retried while job {winner} has its unique key `{key}`");
                return Err(Error::new(ErrorKind::Conflict, text));
            }
            let key = key.to_owned();
            self.keys.take(&key, id);
        }
        let Some(ended) = self.retained.remove(id) else { return Ok(()) };
        self.forgotten(&ended);
        let mut row = ended.row;
        row.max_attempts = row.max_attempts.saturating_add(u32::from(row.budget));
        // A fresh start: what killed its processes may be mended, and it may be fetched ahead again.
        row.rescues = 0;
        row.due = now;
        if ended.started.is_some() {
            row.past_mut().started = ended.started;
        }
        self.offer(row);
        Ok(())
    }

    fn forget(&mut self, id: JobId) -> Result<(), Error> {
        match self.retained.remove(id) {
            Some(ended) => {
                self.forgotten(&ended);
                Ok(())
            }
            None => Err(self.refused(id, "only a job that has ended can be forgotten: cancel it first")),
        }
    }

    /// The error of an action that does not fit the state of a job.
    fn refused(&self, id: JobId, rule: &str) -> Error {
        match self.find(id) {
            Some(found) => Error::new(ErrorKind::Conflict, format!("job {id} is {}, and {rule}", found.row().state)),
            None => Error::new(ErrorKind::NotFound, format!("there is no job {id}")),
        }
    }

    fn pause(&mut self, name: &str) {
        let queue = match self.queue_named(name) {
            Some(queue) => queue,
            None => self.queue(&Arc::from(name)),
        };
        if !std::mem::replace(&mut self.lanes(queue).is_paused, true) {
            self.waiters.paused();
        }
    }

    fn resume(&mut self, name: &str) {
        let Some(queue) = self.queue_named(name) else { return };
        let lanes = self.lanes(queue);
        let has_work = lanes.count(JobState::Available) > 0;
        if std::mem::replace(&mut lanes.is_paused, false) {
            self.waiters.paused();
            if has_work {
                self.waiters.work(queue);
            }
        }
    }
}

/// The rows with the least ids that fit, at most a page of them.
struct Page<'a> {
    filter: &'a Filter,
    queues: Option<HashSet<u32>>,
    rows: BinaryHeap<ById<'a>>,
    size: usize,
}

/// A row that is compared by its id alone.
struct ById<'a>(Found<'a>);

impl Ord for ById<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.row().id.cmp(&other.0.row().id)
    }
}

impl PartialOrd for ById<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ById<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ById<'_> {}

impl<'a> Page<'a> {
    /// Whether the page is full of ids that are less than this one.
    fn is_past(&self, id: JobId) -> bool {
        self.rows.len() == self.size && self.rows.peek().is_some_and(|greatest| greatest.0.row().id < id)
    }

    fn offer(&mut self, found: Found<'a>) {
        if self.is_past(found.row().id) || !self.fits(found.row()) {
            return;
        }
        self.rows.push(ById(found));
        if self.rows.len() > self.size {
            self.rows.pop();
        }
    }

    /// The same as [`Filter::fits`], without copying the row first. A new field of the filter does not compile until it stands here.
    fn fits(&self, row: &Row) -> bool {
        let Filter { states, kinds, queues: _, tags, after, limit: _ } = self.filter;
        after.is_none_or(|after| row.id > after)
            && (states.is_empty() || states.contains(&row.state))
            && self.queues.as_ref().is_none_or(|queues| queues.contains(&row.queue))
            && (kinds.is_empty() || kinds.iter().any(|kind| **kind == *row.kind))
            && (tags.is_empty() || row.extra.as_ref().is_some_and(|extra| extra.tags.iter().any(|tag| tags.contains(tag))))
    }
}
