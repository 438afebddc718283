//! Times, ids and rows, from the file and into it.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::drivers::numbers;
pub(super) use crate::drivers::numbers::{micros, span, time};
use crate::drivers::{Delivery, Lease, WorkerId};
use crate::job::{AttemptError, JobId, JobRow, JobState, Progress};

/// A place or token as the file has it.
pub(super) fn place(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(-1)
}

/// An id as the file has it.
pub(super) fn bytes(id: JobId) -> Vec<u8> {
    id.as_u128().to_be_bytes().to_vec()
}

/// Ids as statements take a list of them: a JSON array of texts.
pub(super) fn hex(ids: &[JobId]) -> String {
    let texts: Vec<_> = ids.iter().map(|id| format!("{:032x}", id.as_u128())).collect();
    serde_json::to_string(&texts).unwrap_or_default()
}

/// The id in a column.
pub(super) fn id(row: &SqliteRow, column: usize) -> Result<JobId, sqlx::Error> {
    let bytes: &[u8] = row.try_get(column)?;
    let bytes =
        <[u8; 16]>::try_from(bytes).map_err(|_| sqlx::Error::Decode(format!("{} bytes are no id", bytes.len()).into()))?;
    Ok(JobId::from_u128(u128::from_be_bytes(bytes)))
}

/// A number in a column, brought into the bounds of its type: only a stranger writes what is outside.
pub(super) fn number<T: TryFrom<i64> + Default>(row: &SqliteRow, column: usize) -> Result<T, sqlx::Error> {
    let number: i64 = row.try_get(column)?;
    Ok(numbers::bounded(number))
}

/// A number that says which row or lease it is, and so is right or useless.
fn exact(row: &SqliteRow, column: usize) -> Result<u64, sqlx::Error> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| sqlx::Error::Decode(format!("{number} is no place or token").into()))
}

fn wrong(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(what.into())
}

/// The name of a kind in a column.
pub(super) fn kind(row: &SqliteRow, column: usize) -> Result<&str, sqlx::Error> {
    row.try_get(column).map_err(|_| wrong("the kind is no text"))
}

/// The text in a column, which a stranger may have written in another encoding: what is none then is marked as such.
pub(super) fn text(row: &SqliteRow, column: usize) -> Result<Cow<'_, str>, sqlx::Error> {
    Ok(String::from_utf8_lossy(row.try_get(column)?))
}

/// The name of a queue in a column; `None` when it is no text, and so is nobody's who pushes or works.
pub(super) fn queue(row: &SqliteRow, column: usize) -> Result<Option<Arc<str>>, sqlx::Error> {
    Ok(std::str::from_utf8(row.try_get(column)?).ok().map(Arc::from))
}

/// The state in a column.
pub(super) fn state(row: &SqliteRow, column: usize) -> Result<JobState, sqlx::Error> {
    let word = text(row, column)?;
    let state = JobState::ALL.into_iter().find(|state| state.as_str() == word);
    state.ok_or_else(|| sqlx::Error::Decode(format!("`{word}` is no state of a job").into()))
}

/// A claimed row: the columns of `claim.sql`.
pub(super) fn delivery(row: &SqliteRow, queue: &Arc<str>, kind: Arc<str>) -> Result<Delivery, sqlx::Error> {
    let payload: &[u8] = row.try_get(3).map_err(|_| wrong("the payload is no text and no bytes"))?;
    Ok(Delivery {
        lease: Lease { id: id(row, 1)?, place: exact(row, 0)?, token: exact(row, 10)? },
        kind,
        queue: Arc::clone(queue),
        payload: Arc::from(payload),
        version: number(row, 4)?,
        attempt: number::<u32>(row, 5)?.max(1),
        max_attempts: number(row, 6)?,
        rescues: number(row, 7)?,
        priority: number(row, 8)?,
        due_at: time(row.try_get(9)?),
    })
}

/// A row to be looked at: the columns of `job.sql`.
pub(super) fn job(row: &SqliteRow) -> Result<JobRow, sqlx::Error> {
    let state = state(row, 4)?;
    let mut job = JobRow::new(id(row, 0)?, text(row, 1)?, text(row, 3)?, state, time(row.try_get(10)?));
    job.version = number(row, 2)?;
    job.priority = number(row, 5)?;
    job.due_at = time(row.try_get(6)?);
    job.attempt = number(row, 7)?;
    job.max_attempts = number(row, 8)?;
    job.rescues = number(row, 9)?;
    job.started_at = row.try_get::<Option<i64>, _>(11)?.map(time);
    job.finished_at = row.try_get::<Option<i64>, _>(12)?.map(time);
    job.worker = worker(row.try_get(13)?).filter(|_| state == JobState::Running);
    job.unique_key = row.try_get::<Option<&[u8]>, _>(14)?.filter(|_| !state.is_terminal()).map(lossy);
    job.payload = row.try_get(15).ok().and_then(raw_json);
    job.tags = json(row.try_get(16)?);
    job.meta = json(row.try_get(17)?);
    job.errors = list(row.try_get(18)?).into_iter().map(error).collect();
    let progress: Option<(u8, String)> = json(row.try_get(19)?);
    job.progress = progress.map(|(percent, message)| Progress::new(percent, message));
    Ok(job)
}

/// The worker in a column of bytes.
fn worker(bytes: Option<&[u8]>) -> Option<String> {
    Some(WorkerId::from_slice(bytes?).ok()?.to_string())
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// The JSON of a column, or nothing where there is none, or a stranger wrote something else.
pub(super) fn json<T: serde::de::DeserializeOwned + Default>(text: Option<&[u8]>) -> T {
    text.and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default()
}

/// The entries of a JSON array that are what they should be.
fn list<T: serde::de::DeserializeOwned>(text: Option<&[u8]>) -> Vec<T> {
    let entries: Vec<serde_json::Value> = json(text);
    entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect()
}

fn error((attempt, at, message): (u32, i64, String)) -> AttemptError {
    AttemptError::new(attempt, time(at), message)
}

/// The payload as JSON; `None` when whoever pushed it past the public API stored something else.
fn raw_json(payload: &[u8]) -> Option<Box<RawValue>> {
    let text = std::str::from_utf8(payload).ok()?;
    RawValue::from_string(text.to_owned()).ok()
}
