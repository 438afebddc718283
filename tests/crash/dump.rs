//! What a store says in the end.

use queue::job::Filter;
use queue::{Error, JobRow, JobState, Queue};
use serde::{Deserialize, Serialize};

/// All jobs of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dump {
    pub(crate) rows: Vec<Row>,
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
            let Some(last) = page.last() else { return Ok(Self { rows }) };
            filter.after = Some(last.id);
            rows.extend(page.iter().map(Row::of));
        }
    }

    /// The row of a job.
    pub(crate) fn row_of(&self, job: u64) -> Option<&Row> {
        self.rows.iter().find(|row| row.job == job)
    }
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
        }
    }
}
