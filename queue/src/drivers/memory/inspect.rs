//! Looking and acting.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::Memory;
use super::lanes::{Lane, Lanes};
use super::lease::Run;
use super::rows::{Row, Time};
use super::store::{Found, Store};
use crate::drivers::refusal::{self, UNCLAIMABLE};
use crate::drivers::{Action, BoxFuture, Counts, Delivery, Inspect, Page, QueueCounts, Told, WorkerId, WorkerRow};
use crate::error::Error;
use crate::job::filter::Bounds;
use crate::job::{Filter, JobId, JobRow, JobState};

impl Inspect for Memory {
    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobRow>, Error>> {
        Box::pin(async move { Ok(self.with(|store, _| store.job(id))) })
    }

    fn jobs<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move { Ok(self.with(|store, _| store.jobs(filter))) })
    }

    fn counts(&self) -> BoxFuture<'_, Result<Counts, Error>> {
        Box::pin(async move { Ok(self.with(|store, now| store.counts(now))) })
    }

    fn workers(&self) -> BoxFuture<'_, Result<Vec<WorkerRow>, Error>> {
        Box::pin(async move { Ok(self.with(|store, _| store.workers.values().cloned().collect())) })
    }

    fn tell<'a>(&'a self, told: Told, workers: &'a [WorkerId]) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(async move { Ok(self.with(|store, now| store.tell(told, workers, now))) })
    }

    fn claim(&self, id: JobId, worker: WorkerId, lease: Duration) -> BoxFuture<'_, Result<Delivery, Error>> {
        Box::pin(async move { self.with(|store, now| store.claim_one(id, worker, now.after(lease), now)) })
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
    fn jobs(&self, filter: &Filter) -> Page {
        let mut look = Look::new(filter, self.queues_of(filter), self.queues_not_of(filter));
        if look.queues.as_ref().is_some_and(HashSet::is_empty) {
            return Page::default();
        }
        let above = look.bounds.above;
        // Sorted by id, so the oldest ones can stop early.
        for row in above.map_or_else(|| self.aside.range(..), |above| self.aside.range(above..)).map(|(_, row)| row) {
            if !filter.newest_first && look.is_past(row.id) {
                break;
            }
            look.offer(Found::Waiting(row), self);
        }
        self.leases.runs().for_each(|run| look.offer(Found::Running(run), self));
        self.retained.rows().for_each(|ended| look.offer(Found::Ended(ended), self));
        if filter.has_state(JobState::Available) {
            for lane in self.queues.iter().flat_map(Lanes::all) {
                for (least, rows) in lane.segments_after(above) {
                    if filter.newest_first || !look.is_past(least) {
                        rows.for_each(|row| look.offer(Found::Waiting(row), self));
                    }
                }
            }
        }
        let is_full = look.rows.len() == look.size;
        let jobs: Vec<_> = look.rows.into_sorted_vec().into_iter().map(|ranked| self.inspected(ranked.found)).collect();
        let next = jobs.last().filter(|_| is_full).map(|row| row.id);
        Page::new(jobs, next)
    }

    /// The queues that a filter names, if it names any.
    fn queues_of(&self, filter: &Filter) -> Option<HashSet<u32>> {
        let named = || filter.queues.iter().filter_map(|name| self.queue_named(name)).collect();
        (!filter.queues.is_empty()).then(named)
    }

    /// The queues that a filter leaves out.
    fn queues_not_of(&self, filter: &Filter) -> HashSet<u32> {
        filter.not_queues.iter().filter_map(|name| self.queue_named(name)).collect()
    }

    fn tell(&mut self, told: Told, workers: &[WorkerId], now: Time) -> usize {
        let is_meant =
            |worker: &WorkerRow| if workers.is_empty() { worker.is_alive(now.system()) } else { workers.contains(&worker.id) };
        let meant: Vec<WorkerId> = self.workers.values().filter(|worker| is_meant(worker)).map(|worker| worker.id).collect();
        self.told.extend(meant.iter().map(|id| (*id, told)));
        meant.len()
    }

    fn claim_one(&mut self, id: JobId, worker: WorkerId, expires: Time, now: Time) -> Result<Delivery, Error> {
        let waiting = match self.find(id) {
            Some(Found::Waiting(row)) if row.state != JobState::Held => self.take_waiting(id),
            Some(Found::Ended(ended)) if Action::Retry.fits(ended.row.state) => Some(self.revive(id, now)?),
            _ => None,
        };
        let mut row = waiting.ok_or_else(|| self.refused(id, UNCLAIMABLE))?;
        row.begin();
        self.lanes(row.queue).enter(JobState::Running);
        let delivery = row.delivery(self.name_of(row.queue), self.leases.next_place());
        self.leases.insert(Run { row, worker, started: now, expires, is_cancelled: false });
        Ok(delivery)
    }

    fn counts(&self, now: Time) -> Counts {
        let alive = self.workers.values().filter(|worker| worker.is_alive(now.system()));
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
        Err(self.refused(id, Action::Cancel.rule()))
    }

    fn retry(&mut self, id: JobId, now: Time) -> Result<(), Error> {
        let row = self.revive(id, now)?;
        self.offer(row);
        Ok(())
    }

    /// Takes a failed or cancelled job out of its place, to be offered or run.
    fn revive(&mut self, id: JobId, now: Time) -> Result<Row, Error> {
        let rule = Action::Retry.rule();
        match self.find(id) {
            Some(Found::Ended(ended)) if Action::Retry.fits(ended.row.state) => {
                if let Some(key) = ended.row.unique_key().map(str::to_owned) {
                    if let Some(winner) = self.keys.holder(&key) {
                        return Err(refusal::taken(id, winner, &key));
                    }
                    self.keys.take(&key, id);
                }
            }
            _ => return Err(self.refused(id, rule)),
        }
        let ended = self.retained.remove(id).ok_or_else(|| self.refused(id, rule))?;
        self.forgotten(&ended);
        let mut row = ended.row;
        row.max_attempts = row.max_attempts.saturating_add(u32::from(row.budget));
        // A fresh start: what killed its processes may be mended, and it may be fetched ahead again.
        row.rescues = 0;
        row.due = now;
        if ended.started.is_some() {
            row.past_mut().started = ended.started;
        }
        Ok(row)
    }

    fn forget(&mut self, id: JobId) -> Result<(), Error> {
        match self.retained.remove(id) {
            Some(ended) => {
                self.forgotten(&ended);
                Ok(())
            }
            None => Err(self.refused(id, Action::Forget.rule())),
        }
    }

    /// The error of an action that does not fit the state of a job.
    fn refused(&self, id: JobId, rule: &str) -> Error {
        match self.find(id) {
            Some(found) => refusal::unfit(id, found.row().state, rule),
            None => refusal::unknown(id),
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

/// The rows that fit and come first, at most a page of them.
struct Look<'a> {
    filter: &'a Filter,
    bounds: Bounds,
    queues: Option<HashSet<u32>>,
    not_queues: HashSet<u32>,
    rows: BinaryHeap<Ranked<'a>>,
    size: usize,
}

/// A row that is compared by its rank alone.
struct Ranked<'a> {
    rank: u128,
    found: Found<'a>,
}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked<'_> {}

impl<'a> Look<'a> {
    fn new(filter: &'a Filter, queues: Option<HashSet<u32>>, not_queues: HashSet<u32>) -> Self {
        Self { filter, bounds: filter.bounds(), queues, not_queues, rows: BinaryHeap::new(), size: filter.page() }
    }

    /// Lower comes first.
    fn rank(&self, id: JobId) -> u128 {
        self.filter.rank(id)
    }

    /// Whether the page is full of rows that come before this one.
    fn is_past(&self, id: JobId) -> bool {
        self.rows.len() == self.size && self.rows.peek().is_some_and(|last| last.rank < self.rank(id))
    }

    fn offer(&mut self, found: Found<'a>, store: &Store) {
        if self.is_past(found.row().id) || !self.fits(found.row()) {
            return;
        }
        if self.filter.reads_rows() && !self.filter.fits(&store.inspected(found)) {
            return;
        }
        self.rows.push(Ranked { rank: self.rank(found.row().id), found });
        if self.rows.len() > self.size {
            self.rows.pop();
        }
    }

    /// The same as [`Filter::fits`] but for what reads rows, without copying the row first. A new field of the filter does not compile until
    /// it stands here.
    fn fits(&self, row: &Row) -> bool {
        let Filter {
            states,
            kinds,
            queues: _,
            tags,
            ids,
            not_kinds,
            not_queues: _,
            not_tags,
            errors: _,
            args: _,
            since: _,
            until: _,
            newest_first: _,
            after: _,
            limit: _,
        } = self.filter;
        let own_tags = row.extra.as_ref().map_or(&[][..], |extra| &extra.tags);
        self.bounds.has(row.id)
            && (states.is_empty() || states.contains(&row.state))
            && (ids.is_empty() || ids.contains(&row.id))
            && self.queues.as_ref().is_none_or(|queues| queues.contains(&row.queue))
            && !self.not_queues.contains(&row.queue)
            && (kinds.is_empty() || kinds.iter().any(|kind| **kind == *row.kind))
            && !not_kinds.iter().any(|kind| **kind == *row.kind)
            && (tags.is_empty() || own_tags.iter().any(|tag| tags.contains(tag)))
            && !own_tags.iter().any(|tag| not_tags.contains(tag))
    }
}
