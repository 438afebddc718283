//! A job.

use std::collections::BTreeMap;
use std::time::SystemTime;

use queue::{JobRow, JobState};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::output::{Cell, Record, age, plain, rfc3339, state_color, until};

/// A job, as it is printed.
#[derive(Debug, Serialize)]
pub(crate) struct JobRecord {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) version: u16,
    pub(crate) queue: String,
    pub(crate) state: &'static str,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) rescues: u32,
    pub(crate) priority: u8,
    pub(crate) created_at: String,
    pub(crate) due_at: String,
    pub(crate) started_at: Option<String>,
    pub(crate) finished_at: Option<String>,
    /// As it is stored, byte for byte.
    pub(crate) args: Option<Box<RawValue>>,
    pub(crate) errors: Vec<ErrorRecord>,
    pub(crate) progress: Option<ProgressRecord>,
    pub(crate) tags: Vec<String>,
    pub(crate) meta: BTreeMap<String, serde_json::Value>,
    pub(crate) unique_key: Option<String>,
    pub(crate) worker: Option<String>,
    #[serde(skip)]
    row: JobRow,
}

/// What went wrong in an attempt.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorRecord {
    pub(crate) attempt: u32,
    pub(crate) at: String,
    pub(crate) message: String,
}

/// How far a run is.
#[derive(Debug, Serialize)]
pub(crate) struct ProgressRecord {
    pub(crate) percent: u8,
    pub(crate) message: String,
}

impl From<JobRow> for JobRecord {
    fn from(row: JobRow) -> Self {
        let error = |error: &queue::job::AttemptError| ErrorRecord {
            attempt: error.attempt,
            at: rfc3339(error.at),
            message: error.message.clone(),
        };
        Self {
            id: row.id.to_string(),
            kind: row.kind.clone(),
            version: row.version,
            queue: row.queue.clone(),
            state: row.state.as_str(),
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            rescues: row.rescues,
            priority: row.priority,
            created_at: rfc3339(row.created_at),
            due_at: rfc3339(row.due_at),
            started_at: row.started_at.map(rfc3339),
            finished_at: row.finished_at.map(rfc3339),
            args: row.payload.clone(),
            errors: row.errors.iter().map(error).collect(),
            progress: row
                .progress
                .as_ref()
                .map(|progress| ProgressRecord { percent: progress.percent, message: progress.message.clone() }),
            tags: row.tags.clone(),
            meta: row.meta.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            unique_key: row.unique_key.clone(),
            worker: row.worker.clone(),
            row,
        }
    }
}

impl Record for JobRecord {
    const COLUMNS: &'static [&'static str] = &["ID", "KIND", "QUEUE", "STATE", "ATTEMPT", "WHEN", "LAST ERROR"];

    fn cells(&self, now: SystemTime) -> Vec<Cell> {
        let row = &self.row;
        let when = match row.state {
            JobState::Scheduled | JobState::Retryable => format!("due {}", until(row.due_at, now)),
            JobState::Running => row.started_at.map_or_else(String::new, |at| format!("began {}", age(at, now))),
            JobState::Completed | JobState::Failed | JobState::Cancelled => {
                row.finished_at.map_or_else(String::new, |at| format!("ended {}", age(at, now)))
            }
            JobState::Held | JobState::Available => format!("pushed {}", age(row.created_at, now)),
        };
        vec![
            Cell::text(&self.id),
            Cell::text(&self.kind),
            Cell::text(&self.queue),
            Cell::text(self.state).colored(state_color(row.state)),
            Cell::text(format!("{} of {}", row.attempt, row.max_attempts)),
            Cell::text(when),
            Cell::text(row.errors.last().map_or("", |error| &error.message)),
        ]
    }
}

impl JobRecord {
    /// All of it, a line a field.
    pub(crate) fn lines(&self, now: SystemTime) -> Vec<String> {
        let row = &self.row;
        let time = |time: SystemTime| format!("{}  ({})", rfc3339(time), age(time, now));
        let mut lines = Vec::new();
        let mut line = |name: &str, value: String| lines.push(format!("{:<14}{value}", format!("{name}:")));
        line("id", self.id.clone());
        line(
            "kind",
            format!(
                "{}{}",
                plain(&self.kind),
                if row.version == 1 { String::new() } else { format!(", version {}", row.version) }
            ),
        );
        line("queue", plain(&self.queue));
        line("state", self.state.to_owned());
        line("attempt", format!("{} of {}", row.attempt, row.max_attempts));
        if row.rescues > 0 {
            line("rescues", format!("{}: its process died while running it", row.rescues));
        }
        line("priority", row.priority.to_string());
        line("pushed", time(row.created_at));
        line("due", time(row.due_at));
        row.started_at.into_iter().for_each(|at| line("began", time(at)));
        row.finished_at.into_iter().for_each(|at| line("ended", time(at)));
        self.worker.iter().for_each(|worker| line("worker", plain(worker)));
        self.unique_key.iter().for_each(|key| line("unique key", plain(key)));
        if !self.tags.is_empty() {
            line("tags", plain(&self.tags.join(", ")));
        }
        if !self.meta.is_empty() {
            line("meta", plain(&serde_json::to_string(&self.meta).unwrap_or_default()));
        }
        if let Some(progress) = &self.progress {
            line("progress", format!("{} %  {}", progress.percent, plain(&progress.message)));
        }
        line("args", self.args.as_ref().map_or_else(|| "no longer kept".to_owned(), |args| plain(args.get())));
        if !self.errors.is_empty() {
            lines.push("errors:".to_owned());
        }
        for error in &self.errors {
            lines.push(format!("  attempt {} at {}", error.attempt, error.at));
            lines.extend(error.message.lines().map(|text| format!("    {}", plain(text))));
        }
        lines
    }
}
