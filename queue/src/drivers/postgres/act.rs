//! Acting on jobs: what is done to one is done to many, in one statement and commit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::Core;
use super::error::Fault;
use super::rows;
use super::statement::Statement;
use super::tell::Message;
use crate::drivers::events::News;
use crate::drivers::refusal::{self, UNCLAIMABLE};
use crate::drivers::{Action, Retried};
use crate::error::{Error, ErrorKind};
use crate::job::{Filter, JobId, JobState};

/// How many jobs one commit acts on.
const BATCH: usize = 500;

/// How often an action looks again at a job that changes while it acts.
pub(super) const TRIES: usize = 5;

/// What became of each job.
type Answers = HashMap<JobId, Result<JobState, Error>>;

/// A job as an action finds it.
pub(super) struct Found {
    pub(super) state: JobState,
    unique_key: Option<String>,
    /// The live job that has the key.
    holder: Option<JobId>,
}

impl Core {
    /// Acts on one job.
    pub(super) async fn act_on(self: &Arc<Self>, action: Action, id: JobId) -> Result<JobState, Error> {
        let mut answers = self.told(self.act_on_all(action, &[id]).await)?;
        answers.remove(&id).unwrap_or_else(|| Err(changing(id)))
    }

    /// Acts on many, one after the other as far as anybody can tell.
    pub(super) async fn act_on_many(
        self: &Arc<Self>,
        action: Action,
        ids: &[JobId],
    ) -> Result<Vec<Result<JobState, Error>>, Error> {
        let mut answers = Vec::with_capacity(ids.len());
        let mut rest = ids;
        while !rest.is_empty() {
            let mut batch = HashSet::with_capacity(BATCH);
            // One that is named again meets what was done to it before.
            let end = rest.iter().take(BATCH).position(|id| !batch.insert(*id)).unwrap_or(rest.len().min(BATCH));
            let (now, later) = rest.split_at(end);
            let mut done = self.told(self.act_on_all(action, now).await)?;
            answers.extend(now.iter().map(|id| done.remove(id).unwrap_or_else(|| Err(changing(*id)))));
            rest = later;
        }
        Ok(answers)
    }

    /// Retries all that a filter fits.
    pub(super) async fn retry_fitting(self: &Arc<Self>, filter: &Filter) -> Result<Retried, Error> {
        let mut done = Retried::default();
        let Some(mut filter) = filter.for_retry() else { return Ok(done) };
        filter.limit = Some(BATCH);
        loop {
            let page = self.told(self.page_of(&filter, false).await)?;
            let ids: Vec<JobId> = page.jobs.iter().map(|job| job.id).collect();
            let retried = self.told(self.make_available(&ids).await)?;
            done.retried += retried.len() as u64;
            let refused: Vec<JobId> = ids.into_iter().filter(|id| !retried.contains_key(id)).collect();
            let found = self.told(self.find(&refused).await)?;
            // One that somebody else retried or forgot meanwhile was not refused.
            let is_refused = |id: &JobId| matches!(found.get(id), Some(Ok(found)) if Action::Retry.fits(found.state));
            done.refused.extend(refused.into_iter().filter(is_refused));
            // By id, so that a job which fails again meanwhile is not met again.
            let Some(next) = page.next else { break };
            filter.after = Some(next);
        }
        done.refused.sort_unstable();
        Ok(done)
    }

    /// Acts on different jobs, and says of each that it could not be done to why.
    async fn act_on_all(self: &Arc<Self>, action: Action, ids: &[JobId]) -> Result<Answers, Fault> {
        let mut answers = Answers::with_capacity(ids.len());
        let mut left = ids.to_vec();
        for _ in 0..TRIES {
            let done = match action {
                Action::Cancel => self.cancel(&left).await?,
                Action::Retry => self.make_available(&left).await?,
                Action::Forget => self.forget(&left).await?,
            };
            left.retain(|id| !done.contains_key(id));
            answers.extend(done.into_iter().map(|(id, state)| (id, Ok(state))));
            // What cannot be done now, and what changed between the two.
            let mut found = self.find(&left).await?;
            left.retain(|&id| {
                let refusal = match found.remove(&id) {
                    None => Some(refusal::unknown(id)),
                    Some(Ok(found)) => found.refusal(action, id),
                    Some(Err(error)) => Some(Fault::Sql(error).into_error(&self.place)),
                };
                answers.extend(refusal.map(|error| (id, Err(error))));
                !answers.contains_key(&id)
            });
            if left.is_empty() {
                break;
            }
        }
        Ok(answers)
    }

    /// What an action must know of jobs; nothing of one that is not there.
    pub(super) async fn find(&self, ids: &[JobId]) -> Result<HashMap<JobId, Result<Found, sqlx::Error>>, Fault> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let statement = self.dialect.statement(include_str!("sql/find.sql")).bind(uuids(ids));
        let found = |row: &PgRow| {
            let holder: Option<Uuid> = row.try_get(3)?;
            let holder = holder.map(|holder| JobId::from_u128(holder.as_u128()));
            let id = rows::id(row, 0)?;
            Ok(Found { state: rows::state(row, 1)?, unique_key: row.try_get(2)?, holder: holder.filter(|holder| *holder != id) })
        };
        let rows = self.looked(statement).await?;
        Ok(rows.iter().map(|row| Ok((rows::id(row, 0)?, found(row)))).collect::<Result<_, sqlx::Error>>()?)
    }

    async fn cancel(&self, ids: &[JobId]) -> Result<HashMap<JobId, JobState>, Fault> {
        let told: Vec<Message> = ids.iter().map(|id| Message::Cancel(*id)).collect();
        let statement = self.timed(include_str!("sql/cancel.sql")).bind(uuids(ids)).bind(&*self.teller.channel);
        let cancelled = states(&self.looked(statement.bind(self.teller.texts(&told))).await?)?;
        let running = cancelled.iter().filter(|(_, state)| **state == JobState::Running);
        let news = News { cancelled: running.map(|(id, _)| *id).collect(), ..News::default() };
        if !news.cancelled.is_empty() {
            self.events.tell(&news);
        }
        Ok(cancelled)
    }

    async fn forget(&self, ids: &[JobId]) -> Result<HashMap<JobId, JobState>, Fault> {
        states(&self.looked(self.dialect.statement(include_str!("sql/forget.sql")).bind(uuids(ids))).await?)
    }

    /// What makes ended jobs available.
    pub(super) fn retry(&self, ids: &[JobId]) -> Statement {
        self.timed(include_str!("sql/retry.sql")).bind(uuids(ids))
    }

    /// Makes ended jobs available; answers which: not those whose unique key is taken.
    async fn make_available(self: &Arc<Self>, ids: &[JobId]) -> Result<HashMap<JobId, JobState>, Fault> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = self.looked(self.retry(ids)).await?;
        let mut news = News::default();
        let mut available = HashMap::with_capacity(rows.len());
        for row in &rows {
            available.insert(rows::id(row, 0)?, JobState::Available);
            news.work.insert(rows::queue(row, 1)?);
        }
        self.events.tell(&news);
        self.tell_of_action(&news).await;
        Ok(available)
    }
}

impl Found {
    /// Why an action was not done; `None` where the job must have changed.
    fn refusal(self, action: Action, id: JobId) -> Option<Error> {
        if !action.fits(self.state) {
            return Some(refusal::unfit(id, self.state, action.rule()));
        }
        let (Action::Retry, Some(key), Some(winner)) = (action, self.unique_key, self.holder) else { return None };
        Some(refusal::taken(id, winner, &key))
    }

    /// Why a worker may not claim it; `None` where it may, or where the job must have changed.
    pub(super) fn refusal_of_claim(self, id: JobId) -> Option<Error> {
        match self.state {
            JobState::Scheduled | JobState::Available | JobState::Retryable => None,
            JobState::Failed | JobState::Cancelled => self.refusal(Action::Retry, id),
            state => Some(refusal::unfit(id, state, UNCLAIMABLE)),
        }
    }
}

/// The ids and the states that a statement answers.
fn states(rows: &[PgRow]) -> Result<HashMap<JobId, JobState>, Fault> {
    Ok(rows.iter().map(|row| Ok((rows::id(row, 0)?, rows::state(row, 1)?))).collect::<Result<_, sqlx::Error>>()?)
}

fn uuids(ids: &[JobId]) -> Vec<Uuid> {
    ids.iter().map(|id| rows::uuid(*id)).collect()
}

/// The error of a job that changed each time.
pub(super) fn changing(id: JobId) -> Error {
    Error::new(ErrorKind::Conflict, format!("job {id} changes all the time: try again"))
}
