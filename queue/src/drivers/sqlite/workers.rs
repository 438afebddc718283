//! The rows of workers: read, and what is told to them.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Executor, Row, SqliteConnection};

use super::Sqlite;
use super::error::Fault;
use super::rows;
use super::script::Script;
use crate::drivers::{Told, WorkerId, WorkerRow, WorkerState};
use crate::error::Error;

impl Sqlite {
    /// Writes something into the rows of workers, which they read at their next renewal.
    pub(super) async fn tell_workers(&self, told: Told, workers: &[WorkerId]) -> Result<usize, Error> {
        let ids: Vec<_> = workers.iter().map(|id| id.simple().to_string()).collect();
        let ids = if ids.is_empty() { None } else { serde_json::to_string(&ids).ok() };
        self.acting(async move |connection, acted| {
            let mut script = Script::default();
            script.add(include_str!("sql/tell.sql")).bind(told.as_str()).bind(ids.clone()).bind(acted.now).bind(ids);
            let answers = script.run(connection).await?;
            Ok(answers.first().map_or(0, |answer| usize::try_from(answer.changes).unwrap_or(usize::MAX)))
        })
        .await
    }
}

/// The workers that were heard of.
pub(super) async fn all(connection: &mut SqliteConnection) -> Result<Vec<WorkerRow>, Fault> {
    let rows = connection.fetch_all(include_str!("sql/workers.sql")).await?;
    rows.iter()
        .map(|row| {
            let queues: Vec<(Arc<str>, usize)> = rows::json(row.try_get(6)?);
            Ok(WorkerRow {
                id: WorkerId::from_slice(row.try_get(0)?).unwrap_or_default(),
                name: rows::text(row, 1)?.into_owned(),
                host: rows::text(row, 2)?.into_owned(),
                pid: rows::number(row, 3)?,
                started_at: rows::time(row.try_get(4)?),
                seen_at: rows::time(row.try_get(5)?),
                queues,
                kinds: rows::json(row.try_get(10)?),
                running: rows::number(row, 7)?,
                lease: Duration::from_micros(rows::number(row, 8)?),
                state: WorkerState::of_word(&rows::text(row, 9)?),
            })
        })
        .collect()
}
