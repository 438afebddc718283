//! Times, ids and rows, from the database and into it.

use std::sync::Arc;

use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::drivers::numbers;
pub(super) use crate::drivers::numbers::{micros, span, time};
use crate::drivers::{Delivery, Lease};
use crate::job::{AttemptError, JobId, JobRow, JobState, Progress};

/// A number as the database has it.
pub(super) fn number(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A token as the database has it.
pub(super) fn token(token: u64) -> i64 {
    i64::try_from(token).unwrap_or(-1)
}

/// An id as the database has it.
pub(super) fn uuid(id: JobId) -> Uuid {
    Uuid::from_u128(id.as_u128())
}

/// The id in a column.
pub(super) fn id(row: &PgRow, column: usize) -> Result<JobId, sqlx::Error> {
    let id: Uuid = row.try_get(column)?;
    Ok(JobId::from_u128(id.as_u128()))
}

/// The nearest number of a type: only a stranger writes what is outside.
pub(super) fn bounded<T: TryFrom<i64> + Default>(row: &PgRow, column: usize) -> Result<T, sqlx::Error> {
    let number: i64 = row.try_get(column)?;
    Ok(numbers::bounded(number))
}

/// Where a row lies: the number of its page and its place there, in one number.
pub(super) fn place(text: &str) -> Option<u64> {
    let (page, offset) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    Some((page.parse::<u64>().ok()? << 16) | u64::from(offset.parse::<u16>().ok()?))
}

/// The same as the server writes it.
pub(super) fn tid(place: u64) -> String {
    format!("({},{})", (place >> 16) & u64::from(u32::MAX), place & u64::from(u16::MAX))
}

/// The name of a queue in a column.
pub(super) fn queue(row: &PgRow, column: usize) -> Result<Arc<str>, sqlx::Error> {
    Ok(Arc::from(row.try_get::<&str, _>(column)?))
}

/// The state in a column.
pub(super) fn state(row: &PgRow, column: usize) -> Result<JobState, sqlx::Error> {
    let word: &str = row.try_get(column)?;
    let state = JobState::ALL.into_iter().find(|state| state.as_str() == word);
    state.ok_or_else(|| sqlx::Error::Decode(format!("`{word}` is no state of a job").into()))
}

/// A claimed row: the columns of `claim.sql`, from the first on.
pub(super) fn delivery(row: &PgRow, queue: &Arc<str>, kind: Arc<str>) -> Result<Delivery, sqlx::Error> {
    let wrong = |what: &'static str| sqlx::Error::Decode(what.into());
    let place = place(row.try_get(0)?).ok_or_else(|| wrong("the place of the row is none"))?;
    let token = u64::try_from(row.try_get::<i64, _>(11)?).map_err(|_| wrong("the token is below zero"))?;
    Ok(Delivery {
        lease: Lease { id: id(row, 1)?, place, token },
        kind,
        queue: Arc::clone(queue),
        payload: Arc::from(row.try_get::<&str, _>(4)?.as_bytes()),
        version: bounded(row, 5)?,
        attempt: bounded::<u32>(row, 6)?.max(1),
        max_attempts: bounded(row, 7)?,
        rescues: bounded(row, 8)?,
        priority: bounded(row, 9)?,
        due_at: time(row.try_get(10)?),
    })
}

/// A row to be looked at: the columns of `job.sql`.
pub(super) fn job(row: &PgRow) -> Result<JobRow, sqlx::Error> {
    let state = state(row, 4)?;
    let mut job = JobRow::new(id(row, 0)?, row.try_get::<&str, _>(1)?, row.try_get::<&str, _>(3)?, state, time(row.try_get(10)?));
    job.version = bounded(row, 2)?;
    job.priority = bounded(row, 5)?;
    job.due_at = time(row.try_get(6)?);
    job.attempt = bounded(row, 7)?;
    job.max_attempts = bounded(row, 8)?;
    job.rescues = bounded(row, 9)?;
    job.started_at = row.try_get::<Option<i64>, _>(11)?.map(time);
    job.finished_at = row.try_get::<Option<i64>, _>(12)?.map(time);
    job.worker = row.try_get::<Option<Uuid>, _>(13)?.filter(|_| state == JobState::Running).map(|worker| worker.to_string());
    job.unique_key = row.try_get::<Option<String>, _>(14)?.filter(|_| !state.is_terminal());
    job.payload = row.try_get::<String, _>(15).ok().and_then(|payload| RawValue::from_string(payload).ok());
    job.tags = json(row.try_get(16)?);
    job.meta = json(row.try_get(17)?);
    let errors: Option<Vec<String>> = row.try_get(18)?;
    job.errors = errors.unwrap_or_default().iter().filter_map(|entry| error(entry)).collect();
    let progress: Option<(u8, String)> = json(row.try_get(19)?);
    job.progress = progress.map(|(percent, message)| Progress::new(percent, message));
    Ok(job)
}

/// The JSON of a column, or nothing where there is none, or a stranger wrote something else.
pub(super) fn json<T: serde::de::DeserializeOwned + Default>(text: Option<&str>) -> T {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn error(entry: &str) -> Option<AttemptError> {
    let (attempt, at, message): (u32, i64, String) = serde_json::from_str(entry).ok()?;
    Some(AttemptError::new(attempt, time(at), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_and_written() {
        for text in ["(0,1)", "(4294967295,65535)", "(77,291)"] {
            assert_eq!(tid(place(text).unwrap()), text);
        }
        for text in ["", "(1)", "1,2", "(a,1)", "(1,70000)"] {
            assert_eq!(place(text), None, "{text}");
        }
    }

    #[test]
    fn tokens_and_numbers_have_an_end() {
        assert_eq!((token(7), token(u64::MAX), number(u64::MAX)), (7, -1, i64::MAX));
    }
}
