//! The kinds that a worker runs.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Counter, Histogram};

use crate::job::{Backoff, JobOptions, Outcome};
use crate::registry::Entry;
use crate::telemetry;

/// A kind that a worker runs, with what is decided once at its start.
pub(super) struct Kind {
    pub(super) entry: &'static Entry,
    /// `None`: as long as it likes.
    pub(super) timeout: Option<Duration>,
    pub(super) backoff: Backoff,
    meters: Meters,
}

/// What is measured of a kind; the handles are made once, because making one costs as much as a job.
struct Meters {
    ended: [Counter; 6],
    run_time: Histogram,
}

/// The kinds that a worker runs, by name and alias.
pub(super) struct Kinds {
    by_name: HashMap<&'static str, usize>,
    kinds: Vec<Kind>,
}

impl Kinds {
    /// `fallback` speaks where the attributes are silent.
    pub(super) fn new(entries: &[&'static Entry], fallback: &JobOptions) -> Self {
        let mut by_name = HashMap::new();
        let mut kinds = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            by_name.insert(entry.kind, index);
            by_name.extend(entry.aliases.iter().map(|alias| (*alias, index)));
            let meters = Meters {
                ended: OUTCOMES.map(|outcome| {
                    metrics::counter!(telemetry::JOBS_ENDED, "queue" => entry.options.queue, "kind" => entry.kind, "outcome" => outcome)
                }),
                run_time: metrics::histogram!(telemetry::JOB_RUN_SECONDS, "queue" => entry.options.queue, "kind" => entry.kind),
            };
            kinds.push(Kind {
                entry,
                timeout: entry.options.timeout.or(fallback.timeout).unwrap_or(Some(JobOptions::DEFAULT_TIMEOUT)),
                backoff: entry.options.backoff.or(fallback.backoff).unwrap_or(Backoff::DEFAULT),
                meters,
            });
        }
        Self { by_name, kinds }
    }

    pub(super) fn find(&self, name: &str) -> Option<&Kind> {
        self.by_name.get(name).map(|index| &self.kinds[*index])
    }

    /// The names, for a log line.
    pub(super) fn list(&self) -> String {
        let mut names: Vec<_> = self.kinds.iter().map(|kind| kind.entry.kind).collect();
        names.sort_unstable();
        names.join(", ")
    }
}

const OUTCOMES: [&str; 6] = ["completed", "retryable", "failed", "snoozed", "released", "cancelled"];

impl Kind {
    /// A run has ended.
    pub(super) fn measure(&self, outcome: &Outcome, run_time: Duration) {
        let index = match outcome {
            Outcome::Complete => 0,
            Outcome::Retry { .. } => 1,
            Outcome::Fail { .. } => 2,
            Outcome::Snooze { .. } => 3,
            Outcome::Release { .. } => 4,
            Outcome::Cancel { .. } => 5,
        };
        self.meters.ended[index].increment(1);
        self.meters.run_time.record(run_time.as_secs_f64());
    }
}
