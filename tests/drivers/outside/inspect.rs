//! Looking, and acting on single jobs and queues.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use queue::drivers::{BoxFuture, Counts, Delivery, Inspect, Page, Told, WorkerId, WorkerRow};
use queue::job::{Filter, JobRow};
use queue::{Error, ErrorKind, JobId, JobState};

use super::Outside;
use super::row::Row;
use super::table::Table;
use super::wake::Event;

impl Inspect for Outside {
    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobRow>, Error>> {
        Box::pin(async move { Ok(self.table().await.jobs.get(&id).map(Row::to_job_row)) })
    }

    fn jobs<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move {
            let table = self.table().await;
            // The map is sorted by id, so the first ones that fit are the page, or the last ones.
            let mut rows: Vec<_> = table.jobs.values().map(Row::to_job_row).filter(|row| filter.fits(row)).collect();
            if filter.newest_first {
                rows.reverse();
            }
            let is_more = rows.len() > filter.page();
            rows.truncate(filter.page());
            let next = rows.last().filter(|_| is_more).map(|row| row.id);
            Ok(Page::new(rows, next))
        })
    }

    fn tell<'a>(&'a self, told: Told, workers: &'a [WorkerId]) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(async move {
            let (mut table, now) = (self.table().await, self.now());
            let is_alive = |worker: &&WorkerRow| worker.seen_at + worker.lease > now;
            let is_meant = |worker: &&WorkerRow| workers.contains(&worker.id) || (workers.is_empty() && is_alive(worker));
            let meant: Vec<_> = table.workers.values().filter(is_meant).map(|worker| worker.id).collect();
            table.told.extend(meant.iter().map(|id| (*id, told)));
            Ok(meant.len())
        })
    }

    fn claim(&self, id: JobId, worker: WorkerId, lease: Duration) -> BoxFuture<'_, Result<Delivery, Error>> {
        Box::pin(self.change(move |table, now| {
            let state = table.find(id)?.state;
            let row = match state {
                JobState::Failed | JobState::Cancelled => table.revive(id, now)?,
                JobState::Scheduled | JobState::Available | JobState::Retryable => table.find(id)?,
                _ => return Err(conflict(format!("the job {id} is {state} and cannot be claimed"))),
            };
            Ok(row.claim(worker, lease, now))
        }))
    }

    fn counts(&self) -> BoxFuture<'_, Result<Counts, Error>> {
        Box::pin(async move { Ok(self.table().await.counts(self.now())) })
    }

    fn workers(&self) -> BoxFuture<'_, Result<Vec<WorkerRow>, Error>> {
        Box::pin(async move { Ok(self.table().await.workers.values().cloned().collect()) })
    }

    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<JobState, Error>> {
        Box::pin(self.change(move |table, now| table.cancel(id, now)))
    }

    fn retry(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.change(move |table, now| table.retry(id, now)))
    }

    fn forget(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.change(move |table, _| table.forget(id)))
    }

    fn pause<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.change(|table, _| {
            let queue: Arc<str> = queue.into();
            table.queues.insert(Arc::clone(&queue));
            table.paused.insert(Arc::clone(&queue));
            table.events.push(Event::Paused(queue));
            Ok(())
        }))
    }

    fn resume<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.change(|table, _| {
            table.paused.remove(queue);
            table.events.push(Event::Paused(queue.into()));
            Ok(())
        }))
    }
}

impl Table {
    fn counts(&self, now: SystemTime) -> Counts {
        let mut counts = Counts::default();
        for row in self.jobs.values() {
            let queue = counts.queues.entry(row.queue.to_string()).or_default();
            *queue.states.entry(row.state).or_default() += 1;
            queue.is_paused = self.paused.contains(&row.queue);
            if row.state.is_waiting() && !self.is_served(&row.queue, now) {
                queue.unserved += 1;
            }
            if row.state == JobState::Available {
                let age = now.duration_since(row.due_at).unwrap_or_default();
                queue.oldest_available = queue.oldest_available.max(Some(age));
            }
        }
        counts
    }

    fn is_served(&self, queue: &Arc<str>, now: SystemTime) -> bool {
        self.workers
            .values()
            .any(|worker| worker.seen_at + worker.lease > now && worker.queues.iter().any(|(name, _)| name == queue))
    }

    fn find(&mut self, id: JobId) -> Result<&mut Row, Error> {
        self.jobs.get_mut(&id).ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no job {id}")))
    }

    fn cancel(&mut self, id: JobId, now: SystemTime) -> Result<JobState, Error> {
        let row = self.find(id)?;
        if row.state.is_terminal() {
            return Err(conflict(format!("the job {id} is {} and cannot be cancelled", row.state)));
        }
        if row.state.is_waiting() {
            row.leave(JobState::Cancelled, now);
            return Ok(JobState::Cancelled);
        }
        row.is_cancel_requested = true;
        let queue = Arc::clone(&row.queue);
        self.events.push(Event::Cancelled { queue, id });
        Ok(JobState::Running)
    }

    fn retry(&mut self, id: JobId, now: SystemTime) -> Result<(), Error> {
        let queue = Arc::clone(&self.revive(id, now)?.queue);
        self.events.push(Event::Work(queue));
        Ok(())
    }

    /// Makes an ended job one that waits, of which nobody is told yet.
    fn revive(&mut self, id: JobId, now: SystemTime) -> Result<&mut Row, Error> {
        let row = self.find(id)?;
        if !matches!(row.state, JobState::Failed | JobState::Cancelled) {
            return Err(conflict(format!("the job {id} is {} and not failed or cancelled", row.state)));
        }
        let key = row.extra.unique_key.clone();
        if let Some(winner) = key.and_then(|key| self.holder(&key)) {
            return Err(conflict(format!("the unique key of the job {id} is taken by {winner}")));
        }
        let row = self.find(id)?;
        row.max_attempts += row.attempts_at_once;
        row.rescues = 0;
        row.due_at = now;
        row.leave(JobState::Available, now);
        Ok(row)
    }

    fn forget(&mut self, id: JobId) -> Result<(), Error> {
        let state = self.find(id)?.state;
        if !state.is_terminal() {
            return Err(conflict(format!("the job {id} is {state}: cancel it first")));
        }
        self.jobs.remove(&id);
        Ok(())
    }
}

fn conflict(text: String) -> Error {
    Error::new(ErrorKind::Conflict, text)
}
