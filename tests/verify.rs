//! `Container::verify`: the boot check without a worker. All jobs of this file are sound, so that all of them can be checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use queue::prelude::*;
use queue::{Lazy, StartError};
use queue_tests::rig::Rig;

trait Mailer: Send + Sync {}
struct Smtp;
impl Mailer for Smtp {}

struct Users;
struct Orders;
struct Session;

#[derive(Queueable)]
struct Welcome {
    #[inject]
    _mail: Arc<dyn Mailer>,
    #[inject]
    _session: Arc<Session>,
    #[inject]
    _context: JobContext,
    #[inject]
    _queue: Queue,
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(blocking)]
struct Report {
    #[inject]
    _users: Arc<Users>,
    #[inject(name = "old")]
    _orders: Lazy<Orders>,
}

impl BlockingJob for Report {
    fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn sound() -> Container {
    Container::builder()
        .singleton(|| Smtp)
        .expose::<dyn Mailer>(|smtp| smtp)
        .scoped(|_: JobContext| Session)
        .singleton(|| Users)
        .singleton(|| Orders)
        .named("old")
        .build()
}

/// What a worker of all jobs says of a container.
async fn refused(container: &Container) -> StartError {
    Worker::builder(&Rig::new().queue, container.clone()).start().await.expect_err("it is broken")
}

#[test]
fn a_sound_container_is_fine() {
    sound().verify().unwrap();
}

#[tokio::test]
async fn a_broken_container_has_the_report_of_a_worker() {
    let missing = Container::builder().instance::<dyn Mailer + Send + Sync>(Arc::new(Smtp)).build();
    let circle = sound().child().singleton(|_: Arc<Orders>| Users).singleton(|_: Arc<Users>| Orders).build();
    let captive = sound().child().singleton(|_: Arc<Session>| Users).build();
    let twice = Container::builder().strict().singleton(|| Smtp).singleton(|| Smtp).build();
    let unnamed = sound().child().when::<Report>().needs::<Users>().give_named("nobody").build();
    for (container, count, words) in [
        (missing, 4, "dyn Mailer + Send + Sync"),
        (circle, 1, "cycle: `Users`"),
        (captive, 1, "captures scoped `Session`"),
        (twice, 5, "`Smtp` is bound more than once"),
        (unnamed, 1, "`Users` named \"nobody\""),
    ] {
        let report = container.verify().unwrap_err();
        assert!(report.to_string().contains(words), "`{words}` is missing in:\n{report}");
        assert_eq!(report.faults().len(), count, "{report}");
        assert_eq!(report.to_string(), refused(&container).await.to_string());
        assert_eq!(report.to_string(), format!("{report:?}"), "`unwrap` prints Debug");
    }
}

#[tokio::test]
async fn no_constructor_runs() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let container = sound()
        .child()
        .try_singleton(|| {
            RUNS.fetch_add(1, Ordering::SeqCst);
            Err::<Users, _>("no route to the database")
        })
        .singleton_async(|| {
            RUNS.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Orders)
        })
        .named("old")
        .build();
    container.verify().unwrap();
    assert_eq!(RUNS.load(Ordering::SeqCst), 0);
    let report = refused(&container).await.to_string();
    assert!(report.contains("no route to the database"), "{report}");
    assert_eq!(RUNS.load(Ordering::SeqCst), 2, "a worker runs them");
}

#[test]
fn only_the_jobs_that_are_named_are_checked() {
    let container = Container::builder().singleton(|| Users).singleton(|| Orders).named("old").build();
    container.verify_jobs::<Report>().unwrap();
    container.verify_jobs::<(Report,)>().unwrap();
    for report in [container.verify_jobs::<(Report, Welcome)>().unwrap_err(), container.verify().unwrap_err()] {
        assert_eq!(report.faults().len(), 2, "{report}");
        assert!(report.to_string().contains("`verify::Welcome._mail` (tests/verify.rs:"), "{report}");
    }
}
