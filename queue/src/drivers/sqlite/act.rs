//! Cancelling, retrying and forgetting jobs, one or many, by their ids.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::{Executor, Row, SqliteConnection};

use super::Sqlite;
use super::acted::Acted;
use super::error::Fault;
use super::rows;
use super::script::Script;
use crate::drivers::{Action, refusal};
use crate::error::Error;
use crate::job::{JobId, JobState};

/// How many jobs are acted on in one commit: whoever else writes waits for as long.
pub(super) const BATCH: usize = 500;

/// What shall be done to which jobs.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) action: Action,
    pub(super) ids: &'a [JobId],
}

/// Why nothing was done to a job.
#[derive(Debug)]
pub(super) enum Refusal {
    /// There is none.
    Unknown,
    /// Its state, and which ones would do.
    State(JobState, &'static str),
    /// A live job has its unique key.
    Taken { winner: JobId, key: String },
    /// A stranger wrote something into its row.
    Unreadable(sqlx::Error),
}

/// A job as an action finds it.
pub(super) struct Found {
    pub(super) place: i64,
    pub(super) state: JobState,
    pub(super) queue: Arc<str>,
    unique_key: Option<Vec<u8>>,
}

impl Sqlite {
    /// Does the same to many jobs, in few commits; one answer each, in order. What was done before an error stays done.
    pub(super) async fn act_on_many(&self, action: Action, ids: &[JobId]) -> Result<Vec<Result<JobState, Error>>, Error> {
        let mut answers = Vec::with_capacity(ids.len());
        for ids in ids.chunks(BATCH) {
            let asked = Asked { action, ids };
            let done = self.acting(async |connection, acted| act(connection, asked, acted).await).await?;
            answers.extend(ids.iter().zip(done).map(|(&id, done)| done.map_err(|refusal| self.refused(id, refusal))));
        }
        Ok(answers)
    }

    /// Does something to one job.
    pub(super) async fn act_on(&self, action: Action, id: JobId) -> Result<JobState, Error> {
        let answers = self.act_on_many(action, &[id]).await?;
        answers.into_iter().next().unwrap_or_else(|| Err(self.refused(id, Refusal::Unknown)))
    }

    /// A refusal in the words of the contract.
    pub(super) fn refused(&self, id: JobId, refusal: Refusal) -> Error {
        match refusal {
            Refusal::Unknown => refusal::unknown(id),
            Refusal::State(state, rule) => refusal::unfit(id, state, rule),
            Refusal::Taken { winner, key } => refusal::taken(id, winner, &key),
            Refusal::Unreadable(error) => self.in_words(Fault::Sql(error)),
        }
    }
}

/// The jobs with these ids, as far as there are any.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    ids: &[JobId],
) -> Result<HashMap<JobId, Result<Found, sqlx::Error>>, Fault> {
    let rows = connection.fetch_all(sqlx::query(include_str!("sql/find.sql")).bind(rows::hex(ids))).await?;
    let mut jobs = HashMap::with_capacity(rows.len());
    for row in &rows {
        let found = rows::state(row, 2).and_then(|state| {
            let queue = Arc::from(rows::text(row, 3)?);
            let unique_key = row.try_get::<Option<&[u8]>, _>(4)?.map(<[u8]>::to_vec);
            Ok(Found { place: row.try_get(1)?, state, queue, unique_key })
        });
        jobs.insert(rows::id(row, 0)?, found);
    }
    Ok(jobs)
}

/// Does what is asked, as if one by one: the second time that an id is named it has the state that the first time gave it.
pub(super) async fn act(
    connection: &mut SqliteConnection,
    asked: Asked<'_>,
    acted: &mut Acted,
) -> Result<Vec<Result<JobState, Refusal>>, Fault> {
    let mut batch = Batch { jobs: find(connection, asked.ids).await?, ..Batch::default() };
    if asked.action == Action::Retry {
        batch.winners = winners(connection, &batch.jobs).await?;
    }
    let answers = asked.ids.iter().map(|&id| batch.act(asked.action, id, acted)).collect();
    let mut script = Script::default();
    for (statement, at, places) in [
        (include_str!("sql/cancel_waiting.sql"), Some(acted.now), &batch.cancelled),
        (include_str!("sql/cancel_running.sql"), None, &batch.signalled),
        (include_str!("sql/retry.sql"), Some(acted.now), &batch.retried),
        (include_str!("sql/forget.sql"), None, &batch.forgotten),
    ] {
        if places.is_empty() {
            continue;
        }
        script.add(statement);
        if let Some(at) = at {
            script.bind(at);
        }
        script.bind(serde_json::to_string(places).unwrap_or_default());
    }
    if !script.is_empty() {
        script.run(connection).await?;
    }
    Ok(answers)
}

/// The live jobs that have the unique keys of ended ones, by their keys.
async fn winners(
    connection: &mut SqliteConnection,
    jobs: &HashMap<JobId, Result<Found, sqlx::Error>>,
) -> Result<HashMap<Vec<u8>, JobId>, Fault> {
    let is_keyed = |found: &&Found| found.state.is_terminal() && found.unique_key.is_some();
    let places: Vec<i64> = jobs.values().flatten().filter(is_keyed).map(|found| found.place).collect();
    if places.is_empty() {
        return Ok(HashMap::new());
    }
    let places = serde_json::to_string(&places).unwrap_or_default();
    let rows = connection.fetch_all(sqlx::query(include_str!("sql/holders.sql")).bind(places)).await?;
    let winner = |row| Ok((Row::try_get::<&[u8], _>(row, 0)?.to_vec(), rows::id(row, 1)?));
    Ok(rows.iter().map(winner).collect::<Result<_, sqlx::Error>>()?)
}

/// Jobs that are acted on in one commit, and where the rows are that it changes.
#[derive(Default)]
struct Batch {
    jobs: HashMap<JobId, Result<Found, sqlx::Error>>,
    winners: HashMap<Vec<u8>, JobId>,
    cancelled: Vec<i64>,
    signalled: Vec<i64>,
    retried: Vec<i64>,
    forgotten: Vec<i64>,
}

impl Batch {
    fn act(&mut self, action: Action, id: JobId, acted: &mut Acted) -> Result<JobState, Refusal> {
        let found = match self.jobs.remove(&id).ok_or(Refusal::Unknown)? {
            Ok(found) => found,
            Err(error) => return Err(Refusal::Unreadable(error)),
        };
        let state = found.state;
        let now = match action {
            _ if !action.fits(state) => Err(Refusal::State(state, action.rule())),
            Action::Cancel => Ok(self.cancel(&found)),
            Action::Retry => self.retry(id, &found),
            Action::Forget => {
                self.forgotten.push(found.place);
                acted.tally.add(&found.queue, state, -1);
                return Ok(state);
            }
        };
        match now {
            Ok(JobState::Running) => acted.news.cancelled.push(id),
            Ok(now) => {
                acted.tally.moved(&found.queue, state, now);
                if now == JobState::Available {
                    acted.news.work.insert(Arc::clone(&found.queue));
                }
            }
            Err(_) => {}
        }
        self.jobs.insert(id, Ok(Found { state: *now.as_ref().unwrap_or(&state), ..found }));
        now
    }

    fn cancel(&mut self, found: &Found) -> JobState {
        if found.state == JobState::Running {
            self.signalled.push(found.place);
            return JobState::Running;
        }
        self.cancelled.push(found.place);
        JobState::Cancelled
    }

    fn retry(&mut self, id: JobId, found: &Found) -> Result<JobState, Refusal> {
        if let Some(key) = &found.unique_key {
            if let Some(&winner) = self.winners.get(key) {
                return Err(Refusal::Taken { winner, key: String::from_utf8_lossy(key).into_owned() });
            }
            self.winners.insert(key.clone(), id);
        }
        self.retried.push(found.place);
        Ok(JobState::Available)
    }
}
