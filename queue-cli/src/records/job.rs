//! A job.

use std::time::SystemTime;

use queue::job::AttemptError;
use queue::{JobRow, JobState};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::output::{Cell, Record, age, plain, rfc3339, state_color, until};

/// A job, as it is printed.
#[derive(Debug)]
pub(crate) struct JobRecord(pub(crate) JobRow);

/// Its fields in a document.
#[derive(Serialize)]
struct Fields<'a> {
    id: String,
    kind: &'a str,
    version: u16,
    queue: &'a str,
    state: &'static str,
    attempt: u32,
    max_attempts: u32,
    rescues: u32,
    priority: u8,
    created_at: String,
    due_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    /// As it is stored, byte for byte.
    args: Option<&'a RawValue>,
    errors: Vec<ErrorFields<'a>>,
    progress: Option<ProgressFields<'a>>,
    tags: &'a [String],
    meta: &'a serde_json::Map<String, serde_json::Value>,
    unique_key: Option<&'a str>,
    worker: Option<&'a str>,
}

/// What went wrong in an attempt.
#[derive(Serialize)]
struct ErrorFields<'a> {
    attempt: u32,
    at: String,
    message: &'a str,
}

/// How far a run is.
#[derive(Serialize)]
struct ProgressFields<'a> {
    percent: u8,
    message: &'a str,
}

impl Serialize for JobRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = &self.0;
        let progress = row.progress.as_ref();
        let fields = Fields {
            id: row.id.to_string(),
            kind: &row.kind,
            version: row.version,
            queue: &row.queue,
            state: row.state.as_str(),
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            rescues: row.rescues,
            priority: row.priority,
            created_at: rfc3339(row.created_at),
            due_at: rfc3339(row.due_at),
            started_at: row.started_at.map(rfc3339),
            finished_at: row.finished_at.map(rfc3339),
            args: row.payload.as_deref(),
            errors: row.errors.iter().map(ErrorFields::of).collect(),
            progress: progress.map(|progress| ProgressFields { percent: progress.percent, message: &progress.message }),
            tags: &row.tags,
            meta: &row.meta,
            unique_key: row.unique_key.as_deref(),
            worker: row.worker.as_deref(),
        };
        fields.serialize(serializer)
    }
}

impl<'a> ErrorFields<'a> {
    fn of(error: &'a AttemptError) -> Self {
        Self { attempt: error.attempt, at: rfc3339(error.at), message: &error.message }
    }
}

impl Record for JobRecord {
    const COLUMNS: &'static [&'static str] = &["ID", "KIND", "QUEUE", "STATE", "ATTEMPT", "WHEN", "LAST ERROR"];

    fn cells(&self, now: SystemTime) -> Vec<Cell> {
        let row = &self.0;
        let when = match row.state {
            JobState::Scheduled | JobState::Retryable => format!("due {}", until(row.due_at, now)),
            JobState::Running => row.started_at.map_or_else(String::new, |at| format!("began {}", age(at, now))),
            JobState::Completed | JobState::Failed | JobState::Cancelled => {
                row.finished_at.map_or_else(String::new, |at| format!("ended {}", age(at, now)))
            }
            JobState::Held | JobState::Available => format!("pushed {}", age(row.created_at, now)),
        };
        vec![
            Cell::text(row.id.to_string()),
            Cell::text(&row.kind),
            Cell::text(&row.queue),
            Cell::text(row.state.as_str()).colored(state_color(row.state)),
            Cell::text(format!("{} of {}", row.attempt, row.max_attempts)),
            Cell::text(when),
            Cell::text(row.errors.last().map_or("", |error| &error.message)),
        ]
    }
}

impl JobRecord {
    /// All of it, a line a field.
    pub(crate) fn lines(&self, now: SystemTime) -> Vec<String> {
        let row = &self.0;
        let time = |time: SystemTime| format!("{}  ({})", rfc3339(time), age(time, now));
        let mut lines = Vec::new();
        let mut line = |name: &str, value: String| lines.push(format!("{:<14}{value}", format!("{name}:")));
        line("id", row.id.to_string());
        line(
            "kind",
            format!(
                "{}{}",
                plain(&row.kind),
                if row.version == 1 { String::new() } else { format!(", version {}", row.version) }
            ),
        );
        line("queue", plain(&row.queue));
        line("state", row.state.to_string());
        line("attempt", format!("{} of {}", row.attempt, row.max_attempts));
        if row.rescues > 0 {
            line("rescues", format!("{}: its process died while running it", row.rescues));
        }
        line("priority", row.priority.to_string());
        line("pushed", time(row.created_at));
        line("due", time(row.due_at));
        row.started_at.into_iter().for_each(|at| line("began", time(at)));
        row.finished_at.into_iter().for_each(|at| line("ended", time(at)));
        row.worker.iter().for_each(|worker| line("worker", plain(worker)));
        row.unique_key.iter().for_each(|key| line("unique key", plain(key)));
        if !row.tags.is_empty() {
            line("tags", plain(&row.tags.join(", ")));
        }
        if !row.meta.is_empty() {
            line("meta", plain(&serde_json::to_string(&row.meta).unwrap_or_default()));
        }
        if let Some(progress) = &row.progress {
            line("progress", format!("{} %  {}", progress.percent, plain(&progress.message)));
        }
        line("args", row.payload.as_deref().map_or_else(|| "no longer kept".to_owned(), |args| plain(args.get())));
        if !row.errors.is_empty() {
            lines.push("errors:".to_owned());
        }
        for error in &row.errors {
            lines.push(format!("  attempt {} at {}", error.attempt, rfc3339(error.at)));
            lines.extend(error.message.lines().map(|text| format!("    {}", plain(text))));
        }
        lines
    }
}
