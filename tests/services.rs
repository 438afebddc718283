//! What a running worker does with services: scopes, the context, constructors that panic, containers side by side.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use queue::prelude::*;
use queue::{JobState, Lazy};
use queue_tests::probe::Probe;
use queue_tests::rig::Rig;

/// Scoped. Says who it belongs to, and waits at the probe's gate when it is dropped.
struct Request {
    probe: Arc<Probe>,
    context: JobContext,
}

impl Drop for Request {
    fn drop(&mut self) {
        self.probe.saw("the request ends");
        self.probe.pass_blocking();
    }
}

/// Scoped, and made of the request.
struct Session {
    request: Arc<Request>,
    probe: Arc<Probe>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.probe.saw("the session ends");
    }
}

fn scoped(rig: &Rig) -> Container {
    rig.container()
        .child()
        .scoped(|probe: Arc<Probe>, context: JobContext| Request { probe, context })
        .scoped(|request: Arc<Request>, probe: Arc<Probe>| Session { request, probe })
        .build()
}

#[derive(Queueable)]
#[queueable(queue = "scoped")]
struct Async {
    #[inject]
    request: Arc<Request>,
    #[inject]
    session: Arc<Session>,
    #[inject]
    context: JobContext,
}

impl Job for Async {
    async fn handle(&self) -> JobResult {
        self.request.probe.saw("handled");
        let is_one = Arc::ptr_eq(&self.request, &self.session.request) && self.request.context.id() == self.context.id();
        if is_one { Ok(()) } else { Err(JobError::fail("two requests in one run")) }
    }
}

#[derive(Queueable)]
#[queueable(queue = "scoped", blocking)]
struct Blocking {
    #[inject]
    session: Lazy<Session>,
}

impl BlockingJob for Blocking {
    fn handle(&self) -> JobResult {
        self.session.get()?.probe.saw("handled");
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(queue = "plain")]
struct Plain;

impl Job for Plain {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

/// A worker of the scoped jobs and of `Plain`, whose settlements go the same way.
async fn scopes_end_before_the_outcome_is_sent<J: Queueable>(job: queue::Pending<J>) {
    let rig = Rig::new();
    let worker = Worker::builder(&rig.queue, scoped(&rig)).only(["scoped", "plain"]).start().await.expect("it starts");
    let id = rig.queue.dispatch(job).await.expect("it is stored").id;
    rig.probe.wait_for("the request ends", 1).await;
    assert_eq!(rig.probe.seen(), ["handled", "the session ends", "the request ends"]);
    // What ended after it is stored, so its own outcome would be too.
    let after = rig.queue.dispatch(Plain::with()).await.expect("it is stored").id;
    assert_eq!(rig.end(after).await.state, JobState::Completed);
    assert_eq!(rig.row(id).await.state, JobState::Running);
    rig.probe.open();
    let row = rig.end(id).await;
    assert_eq!(row.state, JobState::Completed, "{:?}", row.errors);
    worker.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn the_scoped_services_of_an_async_job_end_in_reverse_before_its_outcome_is_sent() {
    scopes_end_before_the_outcome_is_sent(Async::with()).await;
}

#[tokio::test]
async fn the_scoped_services_of_a_blocking_job_end_in_reverse_before_its_outcome_is_sent() {
    scopes_end_before_the_outcome_is_sent(Blocking::with()).await;
}

#[tokio::test]
async fn each_run_has_its_own_scope() {
    let rig = Rig::new();
    rig.probe.open();
    let worker = Worker::builder(&rig.queue, scoped(&rig)).only(["scoped"]).start().await.unwrap();
    for pushed in rig.queue.dispatch_all((0..3).map(|_| Async::with())).await.unwrap() {
        let row = rig.end(pushed.id).await;
        assert_eq!(row.state, JobState::Completed, "{:?}", row.errors);
    }
    worker.shutdown(Duration::from_secs(5)).await;
    assert_eq!(rig.probe.count("the request ends"), 3);
}

struct Broken;

#[derive(Queueable)]
#[queueable(queue = "broken", max_attempts = 3, backoff = ["10s"])]
struct NeedsBroken {
    #[inject]
    _broken: Arc<Broken>,
}

impl Job for NeedsBroken {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

#[tokio::test]
async fn a_constructor_that_panics_costs_one_attempt_and_is_named() {
    let rig = Rig::new();
    let calls = AtomicUsize::new(0);
    let container = Container::builder()
        .scoped(move || {
            assert!(calls.fetch_add(1, Ordering::SeqCst) > 0, "no configuration");
            Broken
        })
        .build();
    let worker = Worker::builder(&rig.queue, container).only(["broken"]).start().await.unwrap();
    let id = rig.queue.dispatch(NeedsBroken::with()).await.unwrap().id;
    let row = rig.until(id, JobState::Retryable).await;
    let message = &row.errors[0].message;
    assert!(message.starts_with("the constructor of `Broken` (tests/services.rs:"), "{message}");
    assert!(message.contains(") panicked: no configuration"), "{message}");
    rig.advance(Duration::from_secs(20));
    let row = rig.end(id).await;
    assert_eq!((row.state, row.attempt), (JobState::Completed, 2));
    worker.shutdown(Duration::from_secs(5)).await;
}

struct Tenant(&'static str);

#[derive(Queueable)]
#[queueable(queue = "tenant")]
struct Report {
    #[inject]
    tenant: Arc<Tenant>,
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Report {
    async fn handle(&self) -> JobResult {
        self.probe.saw(self.tenant.0);
        Ok(())
    }
}

#[tokio::test]
async fn workers_with_containers_of_their_own_do_not_meet() {
    let (one, other) = (Rig::new(), Rig::new());
    let mut workers = Vec::new();
    for (rig, name) in [(&one, "one"), (&other, "other")] {
        let container = rig.container().child().instance(Arc::new(Tenant(name))).build();
        workers.push(Worker::builder(&rig.queue, container).only(["tenant"]).start().await.unwrap());
    }
    for (rig, name) in [(&one, "one"), (&other, "other")] {
        let id = rig.queue.dispatch(Report::with()).await.unwrap().id;
        assert_eq!(rig.end(id).await.state, JobState::Completed);
        assert_eq!(rig.probe.seen(), [name]);
    }
    for worker in workers {
        worker.shutdown(Duration::from_secs(5)).await;
    }
}
