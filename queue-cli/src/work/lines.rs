//! What is said of each job.

use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};
use queue::JobRow;
use queue::job::Outcome;
use queue::worker::RunningJob;
use serde::Serialize;

use crate::commands::word;
use crate::output::{age, plain, rfc3339, seconds, span};
use crate::session::Session;

/// In which form lines are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    None,
    People,
    Json,
}

/// What happened to a job.
#[derive(Debug, Serialize)]
pub(crate) struct Event {
    at: String,
    /// `started` or `ended`.
    event: &'static str,
    id: String,
    kind: String,
    queue: String,
    attempt: u32,
    max_attempts: u32,
    /// `completed`, `retryable`, `failed`, `snoozed`, `released` or `cancelled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(rename = "seconds", serialize_with = "seconds", skip_serializing_if = "Option::is_none")]
    took: Option<Duration>,
    /// In what time it runs again.
    #[serde(rename = "again_in_seconds", serialize_with = "seconds", skip_serializing_if = "Option::is_none")]
    again_in: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Event {
    pub(super) fn started(row: &JobRow) -> Self {
        Self {
            at: rfc3339(SystemTime::now()),
            event: "started",
            id: row.id.to_string(),
            kind: row.kind.clone(),
            queue: row.queue.clone(),
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            outcome: None,
            took: None,
            again_in: None,
            error: None,
        }
    }

    pub(super) fn ended(row: &JobRow, outcome: &Outcome, took: Duration) -> Self {
        let (error, again) = match outcome {
            Outcome::Complete => (None, None),
            Outcome::Retry { delay, error } => (Some(error.clone()), Some(*delay)),
            Outcome::Fail { error } => (Some(error.clone()), None),
            Outcome::Snooze { delay } | Outcome::Release { delay } => (None, Some(*delay)),
            Outcome::Cancel { reason } => (reason.clone(), None),
        };
        Self { event: "ended", outcome: Some(word(outcome)), took: Some(took), again_in: again, error, ..Self::started(row) }
    }

    fn is_failed(&self) -> bool {
        self.outcome == Some("failed")
    }

    /// A line for people: the time of day, what happened, the job.
    fn line(&self) -> String {
        let time = self.at.get(11..19).unwrap_or_default();
        let again = self.again_in.map(span).unwrap_or_default();
        let (word, color) = match self.outcome {
            None => ("Running".to_owned(), AnsiColor::Cyan),
            Some("completed") => ("Done".to_owned(), AnsiColor::Green),
            Some("retryable") => (format!("Retry in {again}"), AnsiColor::Yellow),
            Some("failed") => ("Failed".to_owned(), AnsiColor::Red),
            Some("snoozed") => (format!("Again in {again}"), AnsiColor::Yellow),
            Some("cancelled") => ("Cancelled".to_owned(), AnsiColor::BrightBlack),
            Some(_) => ("Given back".to_owned(), AnsiColor::BrightBlack),
        };
        let style = Style::new().fg_color(Some(color.into()));
        let took = self.took.map(|took| format!("  {}", span(took)));
        let error = self.error.as_ref().map(|error| format!("  {}", plain(error.lines().next().unwrap_or_default())));
        format!(
            "{time} {style}{word:<17}{style:#} {:<20} {}  {} of {}{}{}",
            plain(&self.kind),
            self.id,
            self.attempt,
            self.max_attempts,
            took.unwrap_or_default(),
            error.unwrap_or_default()
        )
    }
}

/// How many failures are told again at the end.
const TOLD: usize = 100;

/// Prints what happens.
pub(super) struct Printer {
    lines: Lines,
    /// How many jobs failed for good.
    pub(super) failed: u64,
    tells_failures: bool,
    failures: Vec<Event>,
    /// Whoever read has enough. The worker goes on.
    is_broken: bool,
}

impl Printer {
    pub(super) fn new(lines: Lines, tells_failures: bool) -> Self {
        Self { lines, failed: 0, tells_failures, failures: Vec::new(), is_broken: false }
    }

    pub(super) fn print(&mut self, session: &mut Session, event: Event) {
        if !self.is_broken {
            let printed = match self.lines {
                Lines::None => Ok(()),
                Lines::People => session.output.lines([event.line()]),
                Lines::Json => session.output.json_line(&event),
            };
            self.is_broken = printed.is_err();
        }
        if event.is_failed() {
            self.failed += 1;
            if self.tells_failures && self.failures.len() < TOLD {
                self.failures.push(event);
            }
        }
    }

    /// Tells the errors once more, whole.
    pub(super) fn end(&mut self, session: &mut Session) {
        if !self.tells_failures || self.failures.is_empty() || self.lines == Lines::Json {
            return;
        }
        session.output.say(format!("\n{} failed:", crate::bulk::jobs(self.failed)));
        for event in &self.failures {
            session.output.say(format!("{} {}", plain(&event.kind), event.id));
            for line in event.error.iter().flat_map(|error| error.lines()) {
                session.output.say(format!("  {}", plain(line)));
            }
        }
    }
}

/// A line of a job that runs.
pub(super) fn running(job: &RunningJob) -> String {
    let since = age(job.started_at, SystemTime::now()).replace(" ago", "");
    format!(
        "  {} {} in `{}`, attempt {} of {}, for {since}",
        plain(&job.kind),
        job.id,
        plain(&job.queue),
        job.attempt,
        job.max_attempts
    )
}
