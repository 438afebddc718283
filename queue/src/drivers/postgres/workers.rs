//! The workers that were heard of, and telling them something.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::Core;
use super::error::Fault;
use super::rows;
use crate::drivers::{Told, WorkerId, WorkerRow, WorkerState};

impl Core {
    /// All that were heard of, and whether each lives.
    pub(super) async fn heard_of(&self) -> Result<Vec<(WorkerRow, bool)>, Fault> {
        let rows = self.looked(self.timed(include_str!("sql/workers.sql"))).await?;
        let both = |row: &PgRow| Ok((worker(row)?, row.try_get(10)?));
        Ok(rows.iter().map(both).collect::<Result<_, sqlx::Error>>()?)
    }

    /// Tells workers something; answers how many.
    pub(super) async fn tell_workers(&self, told: Told, workers: &[WorkerId]) -> Result<usize, Fault> {
        let statement = self.timed(include_str!("sql/tell_workers.sql")).bind(told.as_str()).bind(workers.to_vec());
        let rows = self.looked(statement).await?;
        Ok(rows.first().map_or(Ok(0), |row| rows::bounded(row, 0))?)
    }
}

fn worker(row: &PgRow) -> Result<WorkerRow, sqlx::Error> {
    Ok(WorkerRow {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        host: row.try_get(2)?,
        pid: rows::bounded(row, 3)?,
        started_at: rows::time(row.try_get(4)?),
        seen_at: rows::time(row.try_get(5)?),
        queues: rows::json(row.try_get(6)?),
        kinds: rows::json(row.try_get(11)?),
        running: rows::bounded(row, 7)?,
        lease: Duration::from_micros(rows::bounded(row, 8)?),
        state: WorkerState::of_word(row.try_get(9)?),
    })
}
