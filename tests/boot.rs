//! The boot check: everything that is wrong in one report, before the first fetch.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use queue::prelude::*;
use queue::{JobState, StartError};
use queue_tests::logs;
use queue_tests::probe::Probe;
use queue_tests::rig::Rig;

trait Mailer: Send + Sync {}
struct Smtp;
impl Mailer for Smtp {}

trait Audit: Send + Sync {}

#[derive(Queueable)]
#[queueable(queue = "mail")]
struct Welcome {
    #[inject]
    _mail: Arc<dyn Mailer>,
    #[inject(name = "audit")]
    _audit: Arc<dyn Audit>,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

struct Users;
struct Orders;

#[derive(Queueable)]
#[queueable(queue = "circle")]
struct Circle {
    #[inject]
    _users: Arc<Users>,
}

impl Job for Circle {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

struct Database;

#[derive(Queueable)]
#[queueable(queue = "broken")]
struct NeedsDatabase {
    #[inject]
    _database: Arc<Database>,
}

impl Job for NeedsDatabase {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

mod first {
    use queue::prelude::*;

    #[derive(Queueable)]
    #[queueable(name = "twice", queue = "twins")]
    #[derive(Debug)]
    pub struct One;
    impl Job for One {
        async fn handle(&self) -> JobResult {
            Ok(())
        }
    }
}

#[derive(Queueable)]
#[queueable(queue = "twins", aliases = ["twice"])]
struct Two;

impl Job for Two {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(queue = "sound")]
struct Sound {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Sound {
    async fn handle(&self) -> JobResult {
        self.probe.saw("sound");
        Ok(())
    }
}

async fn refused(rig: &Rig, container: Container, only: &[&str]) -> StartError {
    Worker::builder(&rig.queue, container).only(only.iter().copied()).start().await.expect_err("it is broken")
}

#[tokio::test]
async fn everything_that_is_missing_is_in_one_report_and_nothing_is_fetched() {
    let rig = Rig::new();
    let waiting = rig.queue.dispatch(Sound::with()).await.unwrap().id;
    let container =
        Container::builder().instance(Arc::new(Smtp)).singleton(|_: Arc<Orders>| Users).singleton(|_: Arc<Users>| Orders).build();
    let error = refused(&rig, container, &["mail", "circle", "sound"]).await;
    let report = error.to_string();
    for part in ["4 things are wrong", "Mailer", "Audit", "audit", "Probe", "tests/boot.rs:", "Users", "Orders", "  1. ", "  4. "]
    {
        assert!(report.contains(part), "`{part}` is missing in:\n{report}");
    }
    assert_eq!(error.faults().len(), 4, "{report}");
    assert_eq!(report, format!("{error:?}"), "`main` prints Debug");
    assert_eq!(rig.row(waiting).await.state, JobState::Available);
    assert!(rig.queue.workers().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_constructor_that_fails_is_in_the_report_with_its_cause() {
    let rig = Rig::new();
    let container =
        Container::builder().try_singleton(|| Err::<Database, _>(std::io::Error::other("no route to the database"))).build();
    let report = refused(&rig, container, &["broken"]).await.to_string();
    assert!(report.contains("Database") && report.contains("no route to the database"), "{report}");
}

#[tokio::test]
async fn what_was_built_before_a_fault_is_shut_down() {
    struct Later;
    #[derive(Queueable)]
    #[queueable(queue = "half")]
    struct Half {
        #[inject]
        _database: Arc<Database>,
        #[inject]
        _later: Arc<Later>,
    }
    impl Job for Half {
        async fn handle(&self) -> JobResult {
            Ok(())
        }
    }
    let rig = Rig::new();
    let probe = Arc::clone(&rig.probe);
    let container = Container::builder()
        .singleton(|| Database)
        .on_shutdown::<Database>(move |_| {
            probe.saw("shut down");
            std::future::ready(())
        })
        .try_singleton(|| Err::<Later, _>("not today"))
        .build();
    let report = refused(&rig, container, &["half"]).await.to_string();
    assert!(report.contains("not today"), "{report}");
    assert_eq!(rig.probe.seen(), ["shut down"]);
}

#[tokio::test]
async fn a_constructor_that_panics_is_in_the_report() {
    fn broken() -> Database {
        panic!("no configuration")
    }
    let rig = Rig::new();
    let report = refused(&rig, Container::builder().singleton(broken).build(), &["broken"]).await.to_string();
    assert!(report.contains("no configuration"), "{report}");
}

#[tokio::test]
async fn two_jobs_of_one_name_are_told_with_both_places() {
    let rig = Rig::new();
    let report = refused(&rig, rig.container(), &["twins"]).await.to_string();
    assert!(report.contains("`twice`") && report.matches("tests/boot.rs:").count() == 2, "{report}");
    assert!(report.contains("first::One") && report.contains("as an alias by `boot::Two`"), "{report}");
    assert_eq!(rig.container().verify_jobs::<(first::One, Two)>().unwrap_err().to_string(), report);
}

#[tokio::test]
async fn a_worker_that_would_serve_nothing_does_not_start() {
    let rig = Rig::new();
    let report = refused(&rig, rig.container(), &["suond"]).await.to_string();
    assert!(report.contains("none of the registered jobs is served") && report.contains("`Sound` (queue `sound`)"), "{report}");
    let report = rig.worker().only(["sound"]).queue("sound", 0).start().await.unwrap_err().to_string();
    assert!(report.contains("0 slots"), "{report}");
}

/// Whoever pushes says where.
#[tokio::test]
async fn a_queue_that_no_job_declares_runs_what_is_pushed_there_and_all_jobs_are_checked() {
    let rig = Rig::new();
    let report = refused(&rig, Container::builder().build(), &["a lane of its own"]).await.to_string();
    assert!(report.contains("Welcome") && report.contains("NeedsDatabase"), "{report}");
    let worker = rig.worker().jobs::<(Sound,)>().only(["a lane of its own"]).start().await.unwrap();
    let id = rig.queue.dispatch(Sound::with().queue("a lane of its own")).await.unwrap().id;
    rig.until(id, JobState::Completed).await;
    // So does a job that was pushed where another is declared.
    let other = rig.worker().jobs::<(Sound, first::One)>().only(["sound"]).start().await.unwrap();
    let moved = rig.queue.dispatch(first::One::with().queue("sound")).await.unwrap().id;
    rig.until(moved, JobState::Completed).await;
    worker.shutdown(std::time::Duration::from_secs(5)).await;
    other.shutdown(std::time::Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_queue_that_nobody_else_names_is_warned_of_and_what_is_served_is_said() {
    logs::keep();
    let rig = Rig::new();
    rig.queue.pause("known to the store").await.unwrap();
    let names = ["sound", "suond", "known to the store"];
    let worker =
        rig.worker().jobs::<(Sound,)>().only(names).queue("suond", 4).queue("known to the store", 1).start().await.unwrap();
    let warned = logs::lines("this worker names the queue");
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].starts_with("WARN") && warned[0].contains("`suond`"), "{warned:?}");
    assert!(warned[0].ends_with("did you mean `sound`?"), "{warned:?}");
    let said = "INFO serves the queues `known to the store` with 1 slot, `sound` with 10 slots, `suond` with 4 slots";
    assert_eq!(logs::lines(said).len(), 1, "{:?}", logs::lines("serves the queues"));
    assert!(!logs::lines("INFO 1 job registered: Sound").is_empty());
    worker.shutdown(std::time::Duration::from_secs(5)).await;
}

#[tokio::test]
async fn only_the_jobs_that_are_served_are_checked_and_the_others_are_left_alone() {
    let rig = Rig::new();
    let worker = rig.worker().jobs::<(Sound,)>().start().await.unwrap();
    let foreign = rig.queue.dispatch(first::One::with()).await.unwrap().id;
    let row = rig.until(foreign, JobState::Scheduled).await;
    assert_eq!(row.attempt, 0);
    let mine = rig.queue.dispatch(Sound::with()).await.unwrap().id;
    assert_eq!(rig.end(mine).await.state, JobState::Completed);
    worker.shutdown(std::time::Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_singleton_is_built_once_at_the_start_and_shut_down_at_the_end() {
    static BUILT: AtomicUsize = AtomicUsize::new(0);
    let rig = Rig::new();
    let probe = Arc::clone(&rig.probe);
    let container = Container::builder()
        .singleton(move || {
            BUILT.fetch_add(1, Ordering::SeqCst);
            Database
        })
        .on_shutdown::<Database>(move |_| {
            probe.saw("shut down");
            std::future::ready(())
        })
        .build();
    let worker = Worker::builder(&rig.queue, container).only(["broken"]).start().await.unwrap();
    assert_eq!(BUILT.load(Ordering::SeqCst), 1);
    for _ in 0..3 {
        let id = rig.queue.dispatch(NeedsDatabase::with()).await.unwrap().id;
        assert_eq!(rig.end(id).await.state, JobState::Completed);
    }
    assert_eq!(BUILT.load(Ordering::SeqCst), 1);
    assert!(rig.probe.seen().is_empty());
    worker.shutdown(std::time::Duration::from_secs(5)).await;
    assert_eq!(rig.probe.seen(), ["shut down"]);
}

#[tokio::test]
async fn settings_that_no_process_bears_are_refused() {
    let rig = Rig::new();
    let report = rig.worker().only(["sound"]).concurrency(usize::MAX).threads(1_025).queue("sound", 10_001).start().await;
    let report = report.unwrap_err().to_string();
    for words in
        ["`concurrency(18446744073709551615)` is more", "`threads(1025)` is more", "the queue `sound` with 10001 slots is more"]
    {
        assert!(report.contains(words), "{report}");
    }
}
