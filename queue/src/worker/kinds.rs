//! The kinds that a worker runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Histogram};

use crate::drivers::{Delivery, Except};
use crate::job::{Backoff, JobOptions, Outcome};
use crate::registry::Entry;
use crate::telemetry::{self, measured};

use super::ready::Ready;

/// A kind that a worker runs, with what is decided once at its start.
pub(super) struct Kind {
    pub(super) entry: &'static Entry,
    /// `None`: as long as it likes.
    pub(super) timeout: Option<Duration>,
    pub(super) backoff: Backoff,
    /// How many attempts a job has of which nobody said it.
    attempts: u32,
    meters: Meters,
}

/// What speaks where the attributes are silent.
#[derive(Debug, Clone)]
pub(super) struct Fallback {
    pub(super) options: JobOptions,
    pub(super) attempts: Option<u16>,
}

impl Fallback {
    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<String> {
        let most = JobOptions::MOST_ATTEMPTS;
        let attempts = self.attempts.filter(|attempts| !(1..=most).contains(attempts))?;
        Some(format!("`fallback_attempts({attempts})` must be between 1 and {most}"))
    }
}

/// How many attempts are stored with a job of which nobody said it.
const DEFAULT_ATTEMPTS: u32 = JobOptions::DEFAULT_MAX_ATTEMPTS as u32;

/// What is measured of a kind; the handles are made once, because making one costs as much as a job.
struct Meters {
    ended: [Counter; 6],
    run_time: Histogram,
}

impl Meters {
    fn new(entry: &Entry) -> Self {
        let (queue, kind) = (entry.options.queue, entry.kind);
        let ended = OUTCOMES.map(|outcome| {
            let counter =
                measured(|| metrics::counter!(telemetry::JOBS_ENDED, "queue" => queue, "kind" => kind, "outcome" => outcome));
            counter.unwrap_or_else(Counter::noop)
        });
        let run_time = measured(|| metrics::histogram!(telemetry::JOB_RUN_SECONDS, "queue" => queue, "kind" => kind));
        Self { ended, run_time: run_time.unwrap_or_else(Histogram::noop) }
    }
}

/// The kinds that a worker runs, by name and alias.
pub(super) struct Kinds {
    by_name: HashMap<Arc<str>, u32>,
    names: Vec<Name>,
    kinds: Vec<Kind>,
}

/// A name or an alias of a kind.
struct Name {
    name: Arc<str>,
    kind: usize,
}

/// Why a worker leaves a delivery to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// Nobody here knows its kind.
    Kind,
    /// Its payload is newer than the version that is known here.
    Version(u16),
}

impl Unknown {
    /// What the worker does not fetch for a while.
    pub(super) fn except(self, delivery: &Delivery) -> Except {
        let from_version = match self {
            Self::Kind => None,
            Self::Version(known) => Some(known + 1),
        };
        Except { kind: Arc::clone(&delivery.kind), from_version }
    }
}

impl Kinds {
    /// The kinds of these entries.
    pub(super) fn new(entries: &[&'static Entry], fallback: &Fallback) -> Self {
        let Fallback { options, attempts } = fallback;
        let mut all = Self { by_name: HashMap::new(), names: Vec::new(), kinds: Vec::with_capacity(entries.len()) };
        for entry in entries {
            all.add_name(entry.kind);
            entry.aliases.iter().for_each(|alias| all.add_name(alias));
            all.kinds.push(Kind {
                entry,
                timeout: entry.options.timeout.or(options.timeout).unwrap_or(Some(JobOptions::DEFAULT_TIMEOUT)),
                backoff: entry.options.backoff.or(options.backoff).unwrap_or(Backoff::DEFAULT),
                attempts: match attempts {
                    Some(attempts) if entry.options.max_attempts == JobOptions::DEFAULT_MAX_ATTEMPTS => u32::from(*attempts),
                    _ => DEFAULT_ATTEMPTS,
                },
                meters: Meters::new(entry),
            });
        }
        all
    }

    /// A name of the kind that is added next.
    fn add_name(&mut self, name: &'static str) {
        let (name, index) = (Arc::from(name), u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.by_name.insert(Arc::clone(&name), index);
        self.names.push(Name { name, kind: self.kinds.len() });
    }

    /// The kind that a name stands for.
    pub(super) fn kind(&self, name: u32) -> &Kind {
        &self.kinds[self.names[name as usize].kind]
    }

    /// The name itself.
    pub(super) fn name(&self, name: u32) -> &Arc<str> {
        &self.names[name as usize].name
    }

    /// Tells those deliveries that can run here from the others.
    pub(super) fn sieve(&self) -> Sieve<'_> {
        Sieve { kinds: self, last: None }
    }

    /// All names and aliases.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.names.iter().map(|name| Arc::clone(&name.name)).collect()
    }

    /// The names, for a log line.
    pub(super) fn list(&self) -> String {
        let mut names: Vec<_> = self.kinds.iter().map(|kind| kind.entry.kind).collect();
        names.sort_unstable();
        names.join(", ")
    }
}

/// Turns deliveries into jobs that can run. Mostly they come with the same interned name as the one before.
pub(super) struct Sieve<'a> {
    kinds: &'a Kinds,
    last: Option<(Arc<str>, u32)>,
}

impl Sieve<'_> {
    /// The delivery as a job that can run here; or the delivery, and why it cannot.
    pub(super) fn pass(&mut self, delivery: Delivery) -> Result<Ready, (Delivery, Unknown)> {
        let name = match &self.last {
            Some((last, name)) if Arc::ptr_eq(last, &delivery.kind) => *name,
            _ => {
                let Some(&name) = self.kinds.by_name.get(&*delivery.kind) else { return Err((delivery, Unknown::Kind)) };
                self.last = Some((Arc::clone(&delivery.kind), name));
                name
            }
        };
        let kind = self.kinds.kind(name);
        let known = kind.entry.options.version;
        if delivery.version > known {
            return Err((delivery, Unknown::Version(known)));
        }
        Ok(Ready {
            lease: delivery.lease,
            name,
            version: delivery.version,
            priority: delivery.priority,
            attempt: delivery.attempt,
            max_attempts: if delivery.max_attempts == DEFAULT_ATTEMPTS { kind.attempts } else { delivery.max_attempts },
            rescues: delivery.rescues,
            payload: delivery.payload,
            due_at: delivery.due_at,
        })
    }
}

const OUTCOMES: [&str; 6] = ["completed", "retryable", "failed", "snoozed", "released", "cancelled"];

impl Kind {
    /// What is to be measured of a run with this outcome.
    pub(super) fn measure(&self, outcome: &Outcome) -> Measure<'_> {
        let index = match outcome {
            Outcome::Complete => 0,
            Outcome::Retry { .. } => 1,
            Outcome::Fail { .. } => 2,
            Outcome::Snooze { .. } => 3,
            Outcome::Release { .. } => 4,
            Outcome::Cancel { .. } => 5,
        };
        Measure { ended: &self.meters.ended[index], run_time: &self.meters.run_time }
    }
}

/// What is measured of a run.
pub(super) struct Measure<'a> {
    ended: &'a Counter,
    run_time: &'a Histogram,
}

impl Measure<'_> {
    /// The run has ended after this time.
    pub(super) fn ended_after(&self, run_time: Duration) {
        measured(|| self.ended.increment(1));
        measured(|| self.run_time.record(run_time.as_secs_f64()));
    }
}
