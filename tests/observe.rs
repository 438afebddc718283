//! What is measured and traced of pushes.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit, with_local_recorder};
use queue::drivers::{Memory, NewJob};
use queue::prelude::*;
use queue_tests::gate::Gate;
use queue_tests::park;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};

#[derive(Queueable)]
#[queueable(queue = "mail")]
struct Note {
    n: u32,
}

impl Job for Note {
    async fn handle(&self) -> JobResult {
        let _ = self.n;
        Ok(())
    }
}

#[derive(Queueable)]
struct Beat;

impl Job for Beat {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

/// Keeps what is counted.
#[derive(Default)]
struct Counts {
    counters: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    made: AtomicU64,
}

impl Counts {
    /// The counters that are not zero, as `name kind queue`.
    fn all(&self) -> Vec<(String, u64)> {
        let counters = self.counters.lock().unwrap();
        let all = counters.iter().map(|(key, count)| (key.clone(), count.load(Ordering::Relaxed)));
        all.filter(|(_, count)| *count > 0).collect()
    }
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.made.fetch_add(1, Ordering::Relaxed);
        let mut labels: Vec<_> = key.labels().map(|label| (label.key(), label.value())).collect();
        labels.sort_unstable();
        let name = labels.iter().fold(key.name().to_owned(), |name, (_, value)| format!("{name} {value}"));
        Counter::from_arc(Arc::clone(self.counters.lock().unwrap().entry(name).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

const PUSHED: &str = "queue_jobs_pushed_total";
const FAILED: &str = "queue_pushes_failed_total";

fn counted<const N: usize>(expected: [(&str, &str, u64); N]) -> Vec<(String, u64)> {
    let mut all: Vec<_> = expected.iter().map(|(name, labels, count)| (format!("{name} {labels}"), *count)).collect();
    all.sort();
    all
}

/// A queue that stores on the caller's thread, and one that stores on its engine.
fn both() -> [Queue; 2] {
    [Queue::from_driver(Arc::new(Memory::new())), Queue::from_driver(Gate::new())]
}

#[test]
fn stored_jobs_are_counted_by_queue_and_kind() {
    for queue in both() {
        let counts = Counts::default();
        with_local_recorder(&counts, || {
            queue.dispatch_all((0..10).map(Note::with)).wait().unwrap();
            queue.dispatch(Note::with(1).queue("vip")).wait().unwrap();
            queue.dispatch((Note::with(2), Beat::with(), Beat::with(), Note::with(3))).wait().unwrap();
            queue.dispatch_all((0..4).map(|n| Note::with(n).queue(if n % 2 == 0 { "vip" } else { "mail" }))).wait().unwrap();
        });
        assert_eq!(counts.all(), counted([(PUSHED, "Note mail", 14), (PUSHED, "Note vip", 3), (PUSHED, "Beat default", 2)]));
    }
}

#[test]
fn duplicates_are_not_counted() {
    for queue in both() {
        let counts = Counts::default();
        with_local_recorder(&counts, || {
            let keyed = |n: u32| Note::with(n).unique_key(n.to_string());
            queue.dispatch(keyed(1)).wait().unwrap();
            queue.dispatch((Beat::with(), keyed(1), keyed(2), keyed(2), Beat::with())).wait().unwrap();
        });
        assert_eq!(counts.all(), counted([(PUSHED, "Note mail", 2), (PUSHED, "Beat default", 2)]));
    }
}

#[test]
fn failed_pushes_are_counted_awaited_or_not() {
    let gate = Gate::new();
    gate.refuse("\"n\":13");
    let queue = Queue::from_driver(gate);
    let counts = Counts::default();
    with_local_recorder(&counts, || {
        queue.dispatch_all((10..20).map(|n| Note::with(n).queue("vip"))).wait().unwrap_err();
        drop(queue.dispatch(Note::with(13)));
        queue.dispatch(Beat::with().max_attempts(0)).wait().unwrap_err();
        drop(Queue::push::<Beat>());
        Note::with(1).push().wait().unwrap_err();
        park::block_on(queue.flush()).unwrap();
        park::block_on(queue.shutdown()).unwrap();
        queue.dispatch(Note::with(1)).wait().unwrap_err();
    });
    assert_eq!(counts.all(), counted([(FAILED, "Note vip", 1), (FAILED, "Note mail", 3), (FAILED, "Beat default", 2)]));
}

#[test]
fn jobs_whose_type_nobody_names_are_counted_as_any_other() {
    for queue in both() {
        let counts = Counts::default();
        let note = |queue: &str| NewJob::new("Note", queue, br#"{"n":1}"#);
        with_local_recorder(&counts, || {
            queue.dispatch(note("mail")).wait().unwrap();
            queue.dispatch(Note::with(1)).wait().unwrap();
            queue.dispatch(note("vip")).wait().unwrap();
            queue.dispatch(NewJob { max_attempts: 0, ..note("vip") }).wait().unwrap_err();
            park::block_on(queue.shutdown()).unwrap();
            queue.dispatch(note("mail")).wait().unwrap_err();
        });
        let expected = [(PUSHED, "Note mail", 2), (PUSHED, "Note vip", 1), (FAILED, "Note mail", 1), (FAILED, "Note vip", 1)];
        assert_eq!(counts.all(), counted(expected));
    }
}

#[test]
fn counters_are_made_once_and_follow_the_recorder() {
    let queue = Queue::from_driver(Arc::new(Memory::new()));
    // Before there is a recorder.
    queue.dispatch(Note::with(0)).wait().unwrap();
    let both = [Counts::default(), Counts::default()];
    for counts in &both {
        with_local_recorder(counts, || {
            for n in 0..1_000 {
                queue.dispatch(Note::with(n)).wait().unwrap();
                queue.dispatch(Beat::with()).wait().unwrap();
            }
        });
        assert_eq!(counts.all(), counted([(PUSHED, "Note mail", 1_000), (PUSHED, "Beat default", 1_000)]));
        assert_eq!(counts.made.load(Ordering::Relaxed), 4, "one for what is stored and one for what fails, of two kinds");
        queue.dispatch(Note::with(0)).wait().unwrap();
    }
}

#[test]
fn a_queue_for_each_user_does_not_make_a_counter_for_each() {
    let queue = Queue::from_driver(Arc::new(Memory::new()));
    let counts = Counts::default();
    with_local_recorder(&counts, || {
        queue.dispatch_all((0..1_000).map(|n| Note::with(n).queue(format!("user:{n}")))).wait().unwrap();
        queue.dispatch_all((0..1_000).map(|n| Note::with(n).queue(format!("user:{n}")))).wait().unwrap();
    });
    let all = counts.all();
    assert_eq!(all.len(), 201);
    assert_eq!(all.iter().map(|(_, count)| count).sum::<u64>(), 2_000);
    assert!(all.contains(&(format!("{PUSHED} Note other"), 1_600)));
    assert!(all.contains(&(format!("{PUSHED} Note user:7"), 2)));
}

/// Keeps the spans of a push.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Line>>>);

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Spans {
    fn change(&self, id: &Id, change: impl FnOnce(&mut Line)) {
        change(&mut self.0.lock().unwrap()[id.into_u64() as usize - 1]);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|line| line.0.clone()).collect()
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut lines = self.0.lock().unwrap();
        let mut line = Line(format!("{} {}", span.metadata().level(), span.metadata().name()));
        span.record(&mut line);
        lines.push(line);
        Id::from_u64(lines.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.change(span, |line| values.record(line));
    }

    fn try_close(&self, id: Id) -> bool {
        self.change(&id, |line| line.0.push_str(" closed"));
        true
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn a_push_is_a_span_from_the_call_to_the_answer() {
    for queue in both() {
        let spans = Spans::default();
        let id = tracing::subscriber::with_default(spans.clone(), || {
            let id = queue.dispatch(Note::with(1)).wait().unwrap().id;
            queue.dispatch_all((10..13).map(Note::with)).wait().unwrap();
            park::block_on(queue.shutdown()).unwrap();
            queue.dispatch(Beat::with()).wait().unwrap_err();
            id
        });
        let sent = |queue: &str, bytes: usize, kind: &str| {
            format!(
                "DEBUG send otel.kind=\"producer\" messaging.operation.type=\"send\" messaging.destination.name=\"{queue}\" \
                 messaging.message.body.size={bytes} job.kind=\"{kind}\""
            )
        };
        let lines = spans.lines();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], format!("{} messaging.message.id={id} closed", sent("mail", 7, "Note")));
        assert_eq!(lines[1], format!("{} messaging.batch.message_count=3 closed", sent("mail", 24, "Note")));
        let failed =
            " otel.status_code=\"ERROR\" otel.status_description=\"the queue was shut down, so it takes no more jobs\" closed";
        assert!(lines[2].starts_with(&sent("default", 2, "Beat")) && lines[2].ends_with(failed), "{}", lines[2]);
    }
}
