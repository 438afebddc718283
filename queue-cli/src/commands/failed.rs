//! `queue:failed`.

use std::collections::BTreeMap;
use std::time::SystemTime;

use clap::Args;
use queue::job::Filter;
use queue::{JobId, JobState, Queue};
use serde::Serialize;

use super::jobs::{Page, print};
use super::{Ended, Group, Run, Spec};
use crate::exit;
use crate::output::{Cell, Record, age, rfc3339};
use crate::pages::Pages;
use crate::session::Session;
use crate::target::filter;

/// Lists failed jobs.
#[derive(Debug, Args)]
pub(crate) struct Failed {
    /// Which ones, as `kind:SendWelcomeEmail error:timeout since:1h`; all where nothing is said
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// By kind and error, with how many each
    #[arg(long)]
    group: bool,
    #[command(flatten)]
    page: Page,
}

impl Run for Failed {
    const SPEC: Spec = Spec {
        noun: "queue",
        verb: "failed",
        group: Group::Inspect,
        about: "List failed jobs, one by one or by error",
        more: "With --group, numbers and ids in an error count as the same, and the newest 100,000 failed jobs are looked at.",
        examples: [
            ("queue:failed", "the newest 20"),
            ("queue:failed --group", "which errors there are, and how often"),
            ("queue:failed kind:SendInvoice since:1d --output jsonl", "a JSON document a line"),
        ],
        needs_jobs: false,
    };

    async fn run(self, mut session: Session) -> Ended {
        let mut filter = filter(&self.filter)?;
        filter.states = vec![JobState::Failed];
        let queue = session.look().await?;
        if self.group {
            let (groups, behind) = groups(&queue, filter).await?;
            session.output.records(&groups)?;
            if let Some(behind) = behind {
                session.output.say(format!("there are more, behind {behind}, which were not looked at"));
            }
            return Ok(exit::DONE);
        }
        print(&mut session, &queue, filter, self.page).await
    }
}

/// Failed jobs of one kind that failed in the same way.
#[derive(Debug, Serialize)]
struct ErrorGroup {
    count: u64,
    kind: String,
    /// The last error, with `#` for what differs.
    error: String,
    first_at: String,
    last_at: String,
    /// The newest of them.
    example: String,
    #[serde(skip)]
    last: SystemTime,
}

/// How many jobs are looked at.
const MOST: usize = 100_000;

/// How many are read at once.
const PAGE: usize = 1_000;

/// The groups, and behind which job those begin that were not looked at.
async fn groups(queue: &Queue, filter: Filter) -> Result<(Vec<ErrorGroup>, Option<JobId>), queue::Error> {
    let mut found: BTreeMap<(String, String), (u64, SystemTime, SystemTime, String)> = BTreeMap::new();
    let (mut pages, mut seen) = (Pages::of(queue, filter.newest_first()), 0);
    while seen < MOST && !pages.is_long() {
        let Some(rows) = pages.next(PAGE).await? else { break };
        seen += rows.len();
        for row in rows {
            let (error, at) = row.errors.last().map_or(("", row.created_at), |last| (last.message.as_str(), last.at));
            let entry = found.entry((row.kind, alike(error))).or_insert_with(|| (0, at, at, row.id.to_string()));
            entry.0 += 1;
            (entry.1, entry.2) = (entry.1.min(at), entry.2.max(at));
        }
    }
    let group = |((kind, error), (count, first, last, example))| ErrorGroup {
        count,
        kind,
        error,
        first_at: rfc3339(first),
        last_at: rfc3339(last),
        example,
        last,
    };
    let mut groups: Vec<_> = found.into_iter().map(group).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    Ok((groups, pages.behind()))
}

/// An error without what differs from job to job: words with a digit in them become `#`.
fn alike(error: &str) -> String {
    let line = error.lines().next().unwrap_or_default();
    let mut text = String::new();
    for piece in line.split_inclusive(|c: char| !c.is_alphanumeric() && c != '-') {
        let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '-');
        if word.chars().any(|c| c.is_ascii_digit()) {
            text.push('#');
            text.push_str(&piece[word.len()..]);
        } else {
            text.push_str(piece);
        }
    }
    text
}

impl Record for ErrorGroup {
    const COLUMNS: &'static [&'static str] = &["JOBS", "KIND", "ERROR", "LAST", "NEWEST JOB"];

    fn cells(&self, now: SystemTime) -> Vec<Cell> {
        vec![
            Cell::number(self.count),
            Cell::text(&self.kind),
            Cell::text(&self.error),
            Cell::text(age(self.last, now)),
            Cell::text(&self.example),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_differ_by_a_number_are_alike() {
        assert_eq!(alike("user 42: timed out after 30s"), "user #: timed out after #");
        assert_eq!(alike("no row 019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11."), "no row #.");
        assert_eq!(alike("connection refused\nbacktrace"), "connection refused");
        assert_eq!(alike(""), "");
    }
}
