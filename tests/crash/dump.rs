//! What a store says in the end.

use std::collections::HashMap;
use std::path::Path;

use queue::job::Filter;
use queue::{Error, JobId, JobRow, JobState, Queue};
use queue_tests::store::Store;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

/// All jobs of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dump {
    pub(crate) rows: Vec<Row>,
    /// What users' transactions left beside jobs: that a job was `pushed`, or `done`.
    pub(crate) marks: Vec<(String, u64)>,
}

/// A job as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    /// The number in its payload.
    pub(crate) job: u64,
    pub(crate) state: JobState,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) rescues: u32,
    pub(crate) errors: Vec<String>,
    /// How often it was fetched, where the store tells: its token.
    pub(crate) fetches: Option<u64>,
}

/// The part of the payload that is the number.
#[derive(Serialize, Deserialize)]
struct Numbered {
    job: u64,
}

impl Dump {
    /// Takes every page of a store.
    pub(crate) async fn of(queue: &Queue) -> Result<Self, Error> {
        let (mut rows, mut filter) = (Vec::new(), Filter::new().limit(1_000));
        loop {
            let page = queue.jobs(&filter).await?;
            let Some(last) = page.last() else { return Ok(Self { rows, marks: Vec::new() }) };
            filter.after = Some(last.id);
            rows.extend(page.iter().map(Row::of));
        }
    }

    /// Adds what only the store itself tells: fetches and marks.
    pub(crate) async fn look_into(&mut self, store: &Store) -> Result<(), sqlx::Error> {
        let (tokens, marks) = match store {
            Store::File(path) => tell_of_file(path).await?,
            Store::Schema { .. } => tell_of_schema(store).await?,
        };
        let fetches: HashMap<_, _> = tokens.into_iter().collect();
        for row in &mut self.rows {
            row.fetches = fetches.get(&row.id).copied();
        }
        self.marks.extend(marks);
        Ok(())
    }
}

/// The token of each job, and the marks.
type Told = (Vec<(String, u64)>, Vec<(String, u64)>);

async fn tell_of_file(path: &Path) -> Result<Told, sqlx::Error> {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await?;
    let tokens = sqlx::query("SELECT id, token FROM queue_jobs").fetch_all(&mut connection).await?;
    let token = |row: &SqliteRow| {
        let id = row.try_get::<&[u8], _>(0)?.iter().fold(0, |number, byte| number << 8 | u128::from(*byte));
        Ok((JobId::from_u128(id).to_string(), row.try_get::<i64, _>(1)?.unsigned_abs()))
    };
    let tokens = tokens.iter().map(token).collect::<Result<_, sqlx::Error>>()?;
    // Where nobody left a mark there is no table of them.
    let marks = sqlx::query("SELECT what, job FROM marks").fetch_all(&mut connection).await.unwrap_or_default();
    let mark = |row: &SqliteRow| Ok((row.try_get(0)?, row.try_get::<i64, _>(1)?.cast_unsigned()));
    let marks = marks.iter().map(mark).collect::<Result<_, sqlx::Error>>()?;
    connection.close().await?;
    Ok((tokens, marks))
}

async fn tell_of_schema(store: &Store) -> Result<Told, sqlx::Error> {
    let mut connection = store.options().connect().await?;
    let text = "SELECT id::text, token FROM queue_jobs UNION ALL SELECT id::text, token FROM queue_ended";
    let tokens = sqlx::query(text).fetch_all(&mut connection).await?;
    let marks = sqlx::query("SELECT what, job FROM marks").fetch_all(&mut connection).await?;
    let pair = |row: &PgRow| Ok((row.try_get(0)?, row.try_get::<i64, _>(1)?.cast_unsigned()));
    let told = |rows: &[PgRow]| rows.iter().map(pair).collect::<Result<_, sqlx::Error>>();
    let told = (told(&tokens)?, told(&marks)?);
    connection.close().await?;
    Ok(told)
}

impl Row {
    fn of(row: &JobRow) -> Self {
        let payload = row.payload.as_ref().map_or("", |payload| payload.get());
        Self {
            id: row.id.to_string(),
            // Zero is no job of any ledger: what has another payload was never pushed.
            job: serde_json::from_str(payload).map_or(0, |numbered: Numbered| numbered.job),
            state: row.state,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            rescues: row.rescues,
            errors: row.errors.iter().map(|error| error.message.clone()).collect(),
            fetches: None,
        }
    }
}
