//! The boot check without a start: what a worker finds and would serve, as data; and the queues that it leaves out.

use std::sync::Arc;

use queue::drivers::{Driver as _, Group, NewJob, Sqlite};
use queue::prelude::*;
use queue::worker::{BootWarning, WorkerBuilder};
use queue::{JobState, Worker};
use queue_tests::logs;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::rig::Rig;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

/// Built at a start, and not at a check.
struct Database;

#[derive(Queueable)]
#[queueable(queue = "mail")]
struct Sends {
    #[inject]
    _database: Arc<Database>,
}

impl Job for Sends {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

#[derive(Queueable)]
struct Says {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Says {
    async fn handle(&self) -> JobResult {
        self.probe.saw("said");
        Ok(())
    }
}

fn worker(rig: &Rig) -> WorkerBuilder {
    let (said, built) = (Arc::clone(&rig.probe), Arc::clone(&rig.probe));
    let database = move || {
        built.saw("built");
        Database
    };
    Worker::builder(&rig.queue, Container::builder().instance(said).singleton(database).build())
}

#[tokio::test]
async fn a_check_answers_what_a_start_would_log_and_touches_nothing() {
    logs::keep();
    let rig = Rig::new();
    let id = rig.queue.dispatch(Says::with().queue("odd")).await.unwrap().id;
    let stranger = NewJob::new("FromElsewhere", "default", b"{}");
    assert!(rig.driver.push(&[Group { jobs: vec![stranger], tick: None }]).await[0].is_ok());
    let described = || worker(&rig).queue("mial", 1).concurrency(3);

    let report = described().check().await.unwrap();
    let jobs: Vec<_> = report.jobs.iter().map(|job| (job.kind, job.type_name, job.queue)).collect();
    assert_eq!(jobs, [("Says", "boot_report::Says", "default"), ("Sends", "boot_report::Sends", "mail")]);
    assert!(report.jobs.iter().all(|job| job.file.ends_with("tests/boot_report.rs") && job.line > 10), "{:?}", report.jobs);
    let queues: Vec<_> = report.queues.iter().map(|queue| (&*queue.name, queue.slots)).collect();
    assert_eq!(queues, [("default", Some(3)), ("mail", Some(3)), ("mial", Some(1)), ("odd", Some(3))]);
    assert_eq!(
        report.warnings,
        [
            BootWarning::UnknownKind { kind: "FromElsewhere".into() },
            BootWarning::UnknownQueue { queue: "mial".into(), near: Some("mail".into()) }
        ]
    );
    assert!(rig.probe.seen().is_empty(), "no constructor has run");
    assert!(rig.queue.workers().await.unwrap().is_empty());
    assert_eq!((rig.row(id).await.state, rig.row(id).await.attempt), (JobState::Available, 0));

    // What a start logs and serves is that very report.
    let worker = described().start().await.unwrap();
    for warning in &report.warnings {
        assert_eq!(logs::lines(&format!("WARN {warning}")).len(), 1, "{warning}");
    }
    rig.end(id).await;
    let served = rig.queue.workers().await.unwrap().remove(0).queues;
    let mut served: Vec<_> = served.iter().map(|(name, slots)| (&**name, Some(*slots))).collect();
    served.sort_unstable();
    assert_eq!(served, queues);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_check_finds_what_a_start_would_refuse() {
    let rig = Rig::new();
    let broken = || Worker::builder(&rig.queue, rig.container()).concurrency(0);
    let (checked, started) = (broken().check().await.unwrap_err(), broken().start().await.unwrap_err());
    assert_eq!(checked.to_string(), started.to_string());
    assert!(checked.faults().len() == 2 && checked.to_string().contains("Database"), "{checked}");
}

#[tokio::test]
async fn a_check_looks_at_the_schema_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let queue = Queue::from_driver(Arc::new(Sqlite::open(&path).await.unwrap()));
    let described = || Worker::builder(&queue, Container::builder().instance(Arc::<Probe>::default()).build()).jobs::<Says>();
    let report = described().check().await.unwrap();
    assert_eq!(report.jobs.len(), 1);
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap();
    sqlx::query("DELETE FROM queue_schema").execute(&mut connection).await.unwrap();
    let error = described().check().await.unwrap_err().to_string();
    assert!(error.contains("the schema of the store has version"), "{error}");
}

#[tokio::test]
async fn a_queue_without_a_limit_is_reported_without_slots() {
    let queue = Queue::connect("sync:").await.unwrap();
    let report = Worker::builder(&queue, Container::builder().instance(Arc::<Probe>::default()).build());
    let report = report.jobs::<Says>().check().await.unwrap();
    assert_eq!((&*report.queues[0].name, report.queues[0].slots), ("default", None));
}

#[tokio::test]
async fn a_worker_leaves_the_queues_alone_that_it_excludes_and_serves_all_others() {
    let rig = Rig::new();
    let left = rig.queue.dispatch(Says::with().queue("reports")).await.unwrap().id;
    let worker = worker(&rig).exclude(["reports"]).exclude(["mail"]).start().await.unwrap();
    assert!(rig.probe.seen().is_empty(), "the job that needs it is not served");
    let new = rig.queue.dispatch(Says::with().queue("came into being")).await.unwrap().id;
    assert_eq!(rig.end(new).await.state, JobState::Completed);
    let later = rig.queue.dispatch(Says::with().queue("mail")).await.unwrap().id;
    worker.handle().idle().await;
    for id in [left, later] {
        assert_eq!((rig.row(id).await.state, rig.row(id).await.attempt), (JobState::Available, 0));
    }
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_queue_that_is_named_and_excluded_is_a_contradiction() {
    let rig = Rig::new();
    let error = worker(&rig).queue("mail", 2).only(["mail", "default"]).exclude(["mail"]).check().await.unwrap_err();
    assert_eq!(
        error.faults(),
        [
            "the queue `mail` has slots, and `exclude` leaves it out",
            "the queue `mail` is named by `only`, and `exclude` leaves it out"
        ]
    );
}
