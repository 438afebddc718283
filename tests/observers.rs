//! A subscriber and a recorder of metrics that panic. Both are the only ones of their process, so these tests have a target of their own.

use std::sync::{Arc, Once};

use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use queue::JobState;
use queue::prelude::*;
use queue_tests::rig::Rig;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};

/// Panics at each error that is logged.
struct HatesErrors;

impl Subscriber for HatesErrors {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        assert_ne!(*event.metadata().level(), Level::ERROR, "a subscriber that panics");
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// Panics at each run that is counted.
struct HatesRuns;

impl CounterFn for HatesRuns {
    fn increment(&self, _value: u64) {
        panic!("a recorder that panics");
    }

    fn absolute(&self, _value: u64) {}
}

impl Recorder for HatesRuns {
    fn describe_counter(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn describe_gauge(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn describe_histogram(&self, _key: KeyName, _unit: Option<Unit>, _description: SharedString) {}

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        if key.name() == "queue_jobs_ended_total" { Counter::from_arc(Arc::new(HatesRuns)) } else { Counter::noop() }
    }

    fn register_gauge(&self, _key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

fn observe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(HatesErrors).expect("nobody else listens");
        assert!(metrics::set_global_recorder(HatesRuns).is_ok(), "nobody else records");
    });
}

#[derive(Queueable)]
struct Works;

impl Job for Works {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(max_attempts = 1)]
struct Fails;

impl Job for Fails {
    async fn handle(&self) -> JobResult {
        Err("an error, which is logged".into())
    }
}

#[tokio::test]
async fn jobs_end_once_whatever_the_observers_do() {
    observe();
    let rig = Rig::new();
    let worker = rig.worker().concurrency(2).start().await.unwrap();
    // More than there are loops: each has to survive.
    for _ in 0..10 {
        let (works, fails) = (rig.queue.dispatch(Works::with()).await.unwrap(), rig.queue.dispatch(Fails::with()).await.unwrap());
        let (works, fails) = (rig.end(works.id).await, rig.end(fails.id).await);
        assert_eq!((works.state, works.attempt), (JobState::Completed, 1));
        assert_eq!((fails.state, fails.attempt, fails.errors.len()), (JobState::Failed, 1, 1));
    }
    let report = worker.shutdown(std::time::Duration::from_secs(1)).await;
    assert_eq!(report.abandoned, 0);
}
