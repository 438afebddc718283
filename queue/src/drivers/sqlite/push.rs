//! Storing jobs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use sqlx::SqliteConnection;

use super::Sqlite;
use super::acted::Acted;
use super::error::Fault;
use super::rows;
use super::script::{MOST_ROWS, Script};
use crate::drivers::events::News;
use crate::drivers::{Due, Group, NewJob, PushResult, Pushed, Tick};
use crate::error::{Error, ErrorKind};
use crate::job::{JobId, JobState};

impl Sqlite {
    /// Stores groups, in one commit where nothing is wrong with any.
    pub(super) async fn store(&self, groups: &[Group]) -> Vec<PushResult> {
        match self.store_together(groups).await {
            Ok(results) => results.into_iter().map(Ok).collect(),
            Err(fault) if groups.len() == 1 || fault.is_away() => {
                let error = fault.into_push_error(self.path());
                let mut results: Vec<_> = groups.iter().skip(1).map(|_| Err(error.again())).collect();
                results.push(Err(error));
                results
            }
            // Something is wrong with one of them, and each fails alone.
            Err(_) => {
                let mut results = Vec::with_capacity(groups.len());
                for group in groups {
                    let stored = self.store_together(std::slice::from_ref(group)).await;
                    let stored = stored.map(|mut stored| stored.pop().unwrap_or_default());
                    results.push(stored.map_err(|fault| fault.into_push_error(self.path())));
                }
                results
            }
        }
    }

    async fn store_together(&self, groups: &[Group]) -> Result<Vec<Vec<Pushed>>, Fault> {
        let stored = match one_lane(groups) {
            Some(queue) => self.store_in_one_message(groups, queue).await,
            None => self.store_step_by_step(groups).await,
        };
        stored.map_err(|fault| self.named(fault))
    }

    /// Stores plain jobs of one queue: the statement, its count and the commit are one message.
    async fn store_in_one_message(&self, groups: &[Group], queue: &Arc<str>) -> Result<Vec<Vec<Pushed>>, Fault> {
        let jobs: Vec<&NewJob> = groups.iter().flat_map(|group| &group.jobs).collect();
        let mut script = Script::default();
        insert(&mut script, &jobs, self.now());
        script.add(include_str!("sql/count_inserted.sql")).bind(Arc::clone(queue));
        let answers = self.writer.durable().await?.finish(script).await?;
        // The last row that was inserted is that of the queue, unless it had one. Two rows of one number look alike: where the queue is
        // new to this handle, the workers look.
        let has_row = answers.first().map(|answer| answer.last) == answers.get(1).map(|answer| answer.last);
        let mut news = News { queues: self.queues.is_new(queue) || !has_row, ..News::default() };
        news.work.insert(Arc::clone(queue));
        self.events.tell(&news);
        // What was not inserted was stored before: a job without a unique key meets nobody but itself.
        Ok(groups.iter().map(|group| group.jobs.iter().map(|job| Pushed::stored(job.id)).collect()).collect())
    }

    async fn store_step_by_step(&self, groups: &[Group]) -> Result<Vec<Vec<Pushed>>, Fault> {
        let mut acted = Acted::at(self.now());
        let mut transaction = self.writer.durable().await?;
        let stored = transaction
            .with(async |connection| {
                let mut fresh = Vec::with_capacity(groups.len());
                for group in groups {
                    fresh.push(match &group.tick {
                        Some(tick) => note_tick(connection, tick, acted.now).await?,
                        None => true,
                    });
                }
                let wanted = || groups.iter().zip(&fresh).filter(|(_, fresh)| **fresh);
                let jobs: Vec<&NewJob> = wanted().flat_map(|(group, _)| &group.jobs).collect();
                let mut pushed = store(connection, &jobs, &mut acted).await?.into_iter();
                let of_group = |(group, fresh): (&Group, &bool)| {
                    if *fresh { pushed.by_ref().take(group.jobs.len()).collect() } else { Vec::new() }
                };
                Ok(groups.iter().zip(&fresh).map(of_group).collect())
            })
            .await?;
        acted.commit(transaction, &self.events, |_| {}).await?;
        Ok(stored)
    }
}

/// The queue of jobs that can be stored without a look at anything: due at once, of one queue, without a unique key, and not too many.
fn one_lane(groups: &[Group]) -> Option<&Arc<str>> {
    let queue = &groups.first()?.jobs.first()?.queue;
    let count: usize = groups.iter().map(|group| group.jobs.len()).sum();
    let is_plain = |job: &NewJob| {
        job.due == Due::Now
            && job.queue == *queue
            && job.extra.as_ref().is_none_or(|extra| extra.unique_key.is_none() && !extra.held)
    };
    let fits = count <= MOST_ROWS && groups.iter().all(|group| group.tick.is_none() && group.jobs.iter().all(is_plain));
    fits.then_some(queue)
}

/// Notes a tick; answers whether it was not noted before.
async fn note_tick(connection: &mut SqliteConnection, tick: &Tick, now: i64) -> Result<bool, Fault> {
    let mut script = Script::default();
    script.add(include_str!("sql/tick.sql")).bind(Arc::clone(&tick.entry)).bind(rows::micros(tick.at)).bind(now);
    Ok(script.run(connection).await?.first().is_some_and(|answer| answer.changes > 0))
}

/// Stores jobs in a transaction that is open; answers what became of each, in order.
pub(super) async fn store(connection: &mut SqliteConnection, jobs: &[&NewJob], acted: &mut Acted) -> Result<Vec<Pushed>, Fault> {
    let mut pushed = Vec::with_capacity(jobs.len());
    for jobs in jobs.chunks(MOST_ROWS) {
        let mut script = Script::default();
        insert(&mut script, jobs, acted.now);
        let answers = script.run(connection).await?;
        let (changes, last) = answers.first().map_or((0, 0), |answer| (answer.changes, answer.last));
        if changes == jobs.len() as u64 {
            for job in jobs {
                note(job, acted);
                pushed.push(Pushed::stored(job.id));
            }
        } else {
            // The rows of one statement have places one after the other.
            let first = last.saturating_sub(i64::try_from(changes).unwrap_or(i64::MAX)).saturating_add(1);
            let first = if changes == 0 { i64::MAX } else { first };
            pushed.extend(resolve(connection, jobs, first, acted).await?);
        }
    }
    Ok(pushed)
}

/// What became of jobs of which some were not inserted; the new ones have places from `first` on.
async fn resolve(
    connection: &mut SqliteConnection,
    jobs: &[&NewJob],
    first: i64,
    acted: &mut Acted,
) -> Result<Vec<Pushed>, Fault> {
    let mut places = places(connection, jobs).await?;
    let mut pushed = Vec::with_capacity(jobs.len());
    for job in jobs {
        if let Some(place) = places.get_mut(&job.id) {
            // A job that stands in the batch twice is stored, and counted, once.
            if *place >= first {
                *place = 0;
                note(job, acted);
            }
            pushed.push(Pushed::stored(job.id));
            continue;
        }
        let holder = match job.unique_key() {
            Some(key) => holder(connection, key).await?,
            None => None,
        };
        let lost =
            || Fault::Own(Error::new(ErrorKind::Store, format!("the job {} was not stored, and nothing says why", job.id)));
        pushed.push(Pushed::duplicate_of(holder.ok_or_else(lost)?));
    }
    Ok(pushed)
}

/// Where those jobs lie that are stored.
async fn places(connection: &mut SqliteConnection, jobs: &[&NewJob]) -> Result<HashMap<JobId, i64>, Fault> {
    let mut script = Script::default();
    let size = script.add_rows(include_str!("sql/stored.sql"), jobs.len());
    for job in jobs {
        script.bind(rows::bytes(job.id));
    }
    script.bind_nulls(size - jobs.len());
    let mut answers = script.run(connection).await?;
    let rows = answers.pop().unwrap_or_default().rows;
    Ok(rows.iter().map(|row| Ok((rows::id(row, 0)?, rows::number(row, 1)?))).collect::<Result<_, sqlx::Error>>()?)
}

/// The live job that has a unique key.
pub(super) async fn holder(connection: &mut SqliteConnection, key: &str) -> Result<Option<JobId>, Fault> {
    let mut script = Script::default();
    script.add(include_str!("sql/holder.sql")).bind(key);
    let answers = script.run(connection).await?;
    Ok(answers.first().and_then(|answer| answer.rows.first()).map(|row| rows::id(row, 0)).transpose()?)
}

/// Counts a job that was inserted, and tells of it.
fn note(job: &NewJob, acted: &mut Acted) {
    let (state, due) = state(job, acted.now);
    let Acted { tally, news, .. } = acted;
    tally.add(&job.queue, state, 1);
    match state {
        JobState::Available if !news.work.contains(&job.queue) => {
            news.work.insert(Arc::clone(&job.queue));
        }
        JobState::Scheduled => news.schedule(due),
        _ => {}
    }
}

/// How a job begins, and when it is due.
fn state(job: &NewJob, now: i64) -> (JobState, i64) {
    let delay = match job.due {
        Due::Now => 0,
        Due::In(delay) => rows::span(delay),
        // Only a time of the wall clock is compared with the wall clock, and only here.
        Due::At(time) => rows::span(time.duration_since(SystemTime::now()).unwrap_or_default()),
    };
    let state = match job.extra.as_ref().is_some_and(|extra| extra.held) {
        true => JobState::Held,
        false if delay > 0 => JobState::Scheduled,
        false => JobState::Available,
    };
    (state, now.saturating_add(delay))
}

/// Adds the statement that inserts jobs.
fn insert(script: &mut Script, jobs: &[&NewJob], now: i64) {
    match jobs {
        [first, rest @ ..] if is_plain(first) && rest.iter().all(|job| is_alike(first, job)) => {
            insert_alike(script, first, jobs, now);
        }
        _ => insert_each(script, jobs, now),
    }
}

/// Whether a job has nothing but the columns of `insert_alike.sql`.
fn is_plain(job: &NewJob) -> bool {
    job.due == Due::Now && job.extra.is_none()
}

/// Whether a job differs from a plain one in its id and payload only.
fn is_alike(plain: &NewJob, job: &NewJob) -> bool {
    let numbers = |job: &NewJob| (job.version, job.priority, job.max_attempts);
    is_plain(job) && numbers(job) == numbers(plain) && job.kind == plain.kind && job.queue == plain.queue
}

/// What is the same in all rows is bound once: binding is half of what a row costs.
fn insert_alike(script: &mut Script, plain: &NewJob, jobs: &[&NewJob], now: i64) {
    let size = script.add_rows(include_str!("sql/insert_alike.sql"), jobs.len());
    script.bind(now).bind(now).bind(Arc::clone(&plain.kind)).bind(i64::from(plain.version)).bind(Arc::clone(&plain.queue));
    let most = i64::from(plain.max_attempts);
    script.bind(i64::from(plain.priority)).bind(most).bind(most);
    for job in jobs {
        script.bind(rows::bytes(job.id));
        bind_payload(script, job);
    }
    script.bind_nulls((size - jobs.len()) * 2);
}

fn bind_payload(script: &mut Script, job: &NewJob) {
    match std::str::from_utf8(&job.payload) {
        Ok(text) => script.bind(text),
        // Stored past the public API, and kept all the same.
        Err(_) => script.bind(job.payload.to_vec()),
    };
}

fn insert_each(script: &mut Script, jobs: &[&NewJob], now: i64) {
    let size = script.add_rows(include_str!("sql/insert.sql"), jobs.len());
    script.bind(now);
    for job in jobs {
        let (state, due) = state(job, now);
        script.bind(rows::bytes(job.id)).bind(Arc::clone(&job.kind)).bind(i64::from(job.version)).bind(Arc::clone(&job.queue));
        script.bind(state.as_str()).bind(i64::from(job.priority)).bind(due).bind(i64::from(job.max_attempts));
        let extra = job.extra.as_deref();
        script.bind(extra.and_then(|extra| extra.unique_key.clone()));
        bind_payload(script, job);
        script.bind(extra.filter(|extra| !extra.tags.is_empty()).and_then(|extra| serde_json::to_string(&extra.tags).ok()));
        script.bind(extra.filter(|extra| !extra.meta.is_empty()).and_then(|extra| serde_json::to_string(&extra.meta).ok()));
    }
    script.bind_nulls((size - jobs.len()) * COLUMNS);
}

/// The parameters of a row of `insert.sql`.
const COLUMNS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_of_the_statement_has_its_columns() {
        let row = include_str!("sql/insert.sql").split("/* row */").nth(1).unwrap().split("/* end").next().unwrap();
        assert_eq!(row.matches('?').count(), COLUMNS);
    }
}
