//! What is measured and traced of pushes.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, counter};
use tracing::Span;
use tracing::field::Empty;

use crate::drivers::{NewJob, PushError, PushResult};
use crate::telemetry::{JOBS_PUSHED, PUSHES_FAILED, measured};

/// How many queues have a label of their own, those that are pushed to first; a program may have a queue for each of its users.
const MOST_QUEUES: usize = 200;
/// The label of the others.
const OTHER: &str = "other";
/// How many queues and kinds a thread remembers the counters of.
const RECENT: usize = 8;

/// A push, for those who measure and trace it. Where nobody does, it holds nothing; it goes with each push, so it is kept small.
#[derive(Debug)]
pub(super) struct Observer {
    first: Run,
    failed: Counter,
    more: Option<Box<More>>,
}

/// What few pushes have.
#[derive(Debug)]
struct More {
    /// Those behind the first run, of a push of several queues or kinds.
    rest: Vec<Run>,
    /// From the push to the answer of the store.
    span: Span,
}

/// Jobs of one queue and kind that follow each other.
#[derive(Debug)]
struct Run {
    jobs: usize,
    pushed: Counter,
}

impl Observer {
    /// `starts` are the places behind the first one where the queue or the kind changes.
    pub(super) fn of(jobs: &[NewJob], starts: &[usize], labels: &Labels) -> Self {
        let Some(first) = jobs.first() else {
            return Self { first: Run { jobs: 0, pushed: Counter::noop() }, failed: Counter::noop(), more: None };
        };
        let end_of = |run: usize| starts.get(run).copied().unwrap_or(jobs.len());
        let span = span(first, jobs);
        with_meters(|meters| {
            let meter = meters.of(first, labels);
            let (first, failed) = (Run { jobs: end_of(0), pushed: meter.pushed.clone() }, meter.failed.clone());
            let has_more = !starts.is_empty() || !span.is_disabled();
            let more = has_more.then(|| {
                let run = |(index, start): (usize, &usize)| Run {
                    jobs: end_of(index + 1) - start,
                    pushed: meters.of(&jobs[*start], labels).pushed.clone(),
                };
                Box::new(More { rest: starts.iter().enumerate().map(run).collect(), span })
            });
            Self { first, failed, more }
        })
    }

    /// The span of the push.
    pub(super) fn span(&self) -> Span {
        self.more.as_ref().map_or_else(Span::none, |more| more.span.clone())
    }

    /// Does a part of the push in its span.
    pub(super) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.more {
            Some(more) => more.span.in_scope(work),
            None => work(),
        }
    }

    /// The push has its answer. A duplicate was not stored, and does not count.
    pub(super) fn ended(&self, result: &PushResult) {
        let pushed = match result {
            Ok(pushed) => pushed,
            Err(error) => return self.failed(error),
        };
        let mut pushed = pushed.iter();
        for run in std::iter::once(&self.first).chain(self.more.iter().flat_map(|more| &more.rest)) {
            let stored = pushed.by_ref().take(run.jobs).filter(|pushed| !pushed.is_duplicate).count();
            measured(|| run.pushed.increment(stored as u64));
        }
    }

    /// Nothing of the push is stored.
    pub(super) fn failed(&self, error: &PushError) {
        measured(|| self.failed.increment(1));
        if let Some(more) = self.more.as_ref().filter(|more| !more.span.is_disabled()) {
            more.span.record("otel.status_code", "ERROR");
            more.span.record("otel.status_description", crate::error::chain(error));
        }
    }
}

/// A push failed before there was a job to store. It counts under the queue of the job's attributes.
pub(super) fn refused(kind: &'static str, queue: &'static str) {
    measured(|| counter!(PUSHES_FAILED, "queue" => queue, "kind" => kind).increment(1));
}

/// The span of a push, in the words of OpenTelemetry's conventions for messaging; a push of several queues or kinds has those of its
/// first job. Where nobody listens, this is one look at a number.
fn span(first: &NewJob, jobs: &[NewJob]) -> Span {
    let span = tracing::debug_span!(
        "send",
        otel.kind = "producer",
        otel.status_code = Empty,
        otel.status_description = Empty,
        messaging.operation.type = "send",
        messaging.destination.name = &*first.queue,
        messaging.message.id = Empty,
        messaging.message.body.size = jobs.iter().map(|job| job.payload.len()).sum::<usize>(),
        messaging.batch.message_count = Empty,
        job.kind = &*first.kind,
    );
    if span.is_disabled() {
        return span;
    }
    match jobs.len() {
        1 => span.record("messaging.message.id", tracing::field::display(first.id)),
        count => span.record("messaging.batch.message_count", count),
    };
    span
}

/// The counters of one queue and kind. A recorder takes as long to find them as a driver takes to store a job, so a thread keeps them.
struct Meter {
    /// The number of the labels that it is from.
    owner: u64,
    queue: Arc<str>,
    kind: Arc<str>,
    pushed: Counter,
    failed: Counter,
}

#[derive(Default)]
struct Meters {
    /// Whose counters they are: a program may set its recorder after the first push.
    recorder: usize,
    recent: Vec<Meter>,
    next: usize,
}

/// Asks the counters of this thread. They are taken out meanwhile: a recorder that itself pushes finds none, and makes its own.
fn with_meters<T>(ask: impl FnOnce(&mut Meters) -> T) -> T {
    thread_local! {
        static METERS: Cell<Option<Box<Meters>>> = const { Cell::new(None) };
    }
    // A thread that ends has none any more.
    let mut meters = METERS.try_with(Cell::take).ok().flatten().unwrap_or_default();
    meters.follow_recorder();
    let answer = ask(&mut meters);
    let _ = METERS.try_with(|kept| kept.set(Some(meters)));
    answer
}

impl Meters {
    fn follow_recorder(&mut self) {
        let recorder = recorder();
        if self.recorder != recorder {
            *self = Self { recorder, ..Self::default() };
        }
    }

    /// The counters of a job. Names are compared by address: a thread pushes the same copies again and again.
    fn of(&mut self, job: &NewJob, labels: &Labels) -> &Meter {
        let owner = labels.number;
        let index = self.place(owner, &job.queue, &job.kind).unwrap_or_else(|| {
            let label = labels.of(&job.queue);
            self.place(owner, &label, &job.kind).unwrap_or_else(|| self.add(owner, label, &job.kind))
        });
        &self.recent[index]
    }

    fn place(&self, owner: u64, queue: &Arc<str>, kind: &Arc<str>) -> Option<usize> {
        let is_it = |known: &Meter| known.owner == owner && Arc::ptr_eq(&known.queue, queue) && Arc::ptr_eq(&known.kind, kind);
        self.recent.iter().position(is_it)
    }

    fn add(&mut self, owner: u64, queue: Arc<str>, kind: &Arc<str>) -> usize {
        let counter_of = |name: &'static str| {
            let counter = measured(|| counter!(name, "queue" => queue.to_string(), "kind" => kind.to_string()));
            counter.unwrap_or_else(Counter::noop)
        };
        let (pushed, failed) = (counter_of(JOBS_PUSHED), counter_of(PUSHES_FAILED));
        let meter = Meter { owner, queue, kind: Arc::clone(kind), pushed, failed };
        if self.recent.len() < RECENT {
            self.recent.push(meter);
            return self.recent.len() - 1;
        }
        let index = self.next;
        self.recent[index] = meter;
        self.next = (index + 1) % RECENT;
        index
    }
}

/// Which recorder is in force here, as a number.
fn recorder() -> usize {
    metrics::with_recorder(|recorder| std::ptr::from_ref(recorder).cast::<()>().addr())
}

/// The labels that the queues of a handle have been given.
#[derive(Debug)]
pub(super) struct Labels {
    /// Whose they are: no two handles have one number.
    number: u64,
    given: Mutex<Given>,
}

#[derive(Debug, Default)]
struct Given {
    names: BTreeSet<Arc<str>>,
    other: Option<Arc<str>>,
}

impl Labels {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), given: Mutex::default() }
    }

    /// The label of a queue: its name, or `other` when too many have one.
    fn of(&self, queue: &Arc<str>) -> Arc<str> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = given.names.get(queue) {
            return Arc::clone(known);
        }
        if given.names.len() >= MOST_QUEUES {
            return Arc::clone(given.other.get_or_insert_with(|| OTHER.into()));
        }
        given.names.insert(Arc::clone(queue));
        Arc::clone(queue)
    }
}
