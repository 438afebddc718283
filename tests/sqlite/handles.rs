//! Several handles on one file, in this process and in others.

use std::sync::Arc;

use futures_util::FutureExt as _;
use queue::drivers::{BoxFuture, Driver as _, Group, PushError, Sqlite, Wake};
use queue::job::{Filter, Outcome};
use queue::prelude::*;
use queue::{ErrorKind, JobState};
use queue_tests::errors::chain;
use queue_tests::probe::{PATIENCE, Probe};

use crate::peer::Peer;
use crate::store::{LEASE, Place, Verbs, job_in, jobs, later, renewals, request, settlements, worker};

fn listen<'a>(driver: &'a Sqlite, queues: &'a [Arc<str>]) -> BoxFuture<'a, Result<Wake, queue::Error>> {
    driver.wake(queues)
}

/// What a handle does, another one in the process hears at once: without a look at the file.
#[tokio::test]
async fn a_handle_hears_what_another_one_does() {
    let place = Place::new();
    let (here, there) = (place.open().await, place.open().await);
    let queues: [Arc<str>; 1] = ["mail".into()];
    let pushed = here.store(jobs(2)).await;
    here.take(1).await;
    let now = |wake: BoxFuture<'_, Result<Wake, queue::Error>>| wake.now_or_never().expect("it was told").unwrap();

    let wake = listen(&there, &queues);
    here.store(jobs(1)).await;
    assert!(now(wake).work);
    let wake = listen(&there, &queues);
    here.store(vec![job_in("images")]).await;
    assert!(now(wake).queues);
    let wake = listen(&there, &queues);
    here.inside().pause("mail").await.unwrap();
    assert!(now(wake).paused);
    let wake = listen(&there, &queues);
    here.inside().resume("mail").await.unwrap();
    let heard = now(wake);
    assert!(heard.paused && heard.work);
    let wake = listen(&there, &queues);
    assert_eq!(here.inside().cancel(pushed[0].id).await.unwrap(), JobState::Running);
    assert_eq!(now(wake).cancelled, [pushed[0].id]);
    let wake = listen(&there, &queues);
    here.store(vec![later(LEASE)]).await;
    assert!(now(wake).scheduled);
    let wake = listen(&there, &queues);
    here.store(vec![job_in("images")]).await;
    assert!(wake.now_or_never().is_none(), "that is nobody's who serves `mail`");
}

async fn heard(wake: BoxFuture<'_, Result<Wake, queue::Error>>) -> Wake {
    tokio::time::timeout(PATIENCE, wake).await.expect("it is seen").unwrap()
}

/// What another process does is seen.
#[tokio::test]
async fn a_handle_sees_what_another_process_does() {
    let place = Place::new();
    let here = place.open().await;
    let queues: [Arc<str>; 1] = ["mail".into()];
    let pushed = here.store(jobs(1)).await;
    here.take(1).await;
    let mut peer = Peer::open(&place.file());

    let wake = listen(&here, &queues);
    let id = peer.ask("push mail");
    assert!(heard(wake).await.work);
    assert_eq!(here.take(9).await[0].lease.id.to_string(), id);
    let wake = listen(&here, &queues);
    peer.ask("push images");
    assert!(heard(wake).await.queues);
    let wake = listen(&here, &queues);
    peer.ask("pause mail");
    assert!(heard(wake).await.paused);
    assert!(here.queues().await.unwrap().iter().any(|row| &*row.name == "mail" && row.is_paused));
    peer.ask("push mail");
    assert!(here.take(9).await.is_empty());
    let wake = listen(&here, &queues);
    peer.ask("resume mail");
    assert!(heard(wake).await.paused);
    assert_eq!(here.take(9).await.len(), 1);
    let wake = listen(&here, &queues);
    assert_eq!(peer.ask(&format!("cancel {}", pushed[0].id)), "running");
    assert_eq!(heard(wake).await.cancelled, [pushed[0].id]);
    here.store(jobs(3)).await;
    assert_eq!(peer.ask("fetch mail"), "3");
    assert!(here.take(9).await.is_empty(), "each job once");
    peer.end();
}

#[derive(Queueable)]
#[queueable(name = "Known", queue = "mail")]
struct Known {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Known {
    async fn handle(&self) -> JobResult {
        self.probe.saw("ran");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_runs_what_another_process_pushes() {
    let place = Place::new();
    let driver = Arc::new(Sqlite::open(place.file()).await.unwrap());
    let queue = Queue::from_driver(Arc::<Sqlite>::clone(&driver));
    let probe: Arc<Probe> = Arc::default();
    let container = Container::builder().instance(Arc::clone(&probe)).build();
    let worker = Worker::builder(&queue, container).jobs::<(Known,)>().start().await.unwrap();
    let mut peer = Peer::open(&place.file());
    for count in 1..=5 {
        let id = peer.ask("push mail").parse().unwrap();
        probe.wait_for("ran", count).await;
        assert_eq!(queue.wait(id, PATIENCE).await.unwrap().state, JobState::Completed);
    }
    // Killed with the file open: nobody here is disturbed.
    peer.kill();
    let pushed = queue.dispatch(Known::with()).await.unwrap();
    assert_eq!(queue.wait(pushed.id, PATIENCE).await.unwrap().state, JobState::Completed);
    worker.shutdown(PATIENCE).await;
    queue.shutdown().await.unwrap();
    assert_eq!(place.names(), ["jobs.db"]);
}

#[tokio::test]
async fn the_last_handle_leaves_no_log() {
    let place = Place::new();
    let (one, other) = (place.open().await, place.open().await);
    let mut peer = Peer::open(&place.file());
    one.store(jobs(1)).await;
    one.close().await.unwrap();
    assert_eq!(place.names(), ["jobs.db", "jobs.db-shm", "jobs.db-wal"]);
    assert_eq!(other.take(1).await.len(), 1);
    other.close().await.unwrap();
    assert_eq!(peer.ask("push mail").len(), 36, "it works on");
    peer.ask("close");
    assert_eq!(place.names(), ["jobs.db"]);
    // One that is killed leaves the log, and nothing is lost with it.
    let mut peer = Peer::open(&place.file());
    peer.ask("push mail");
    peer.kill();
    assert_eq!(place.names(), ["jobs.db", "jobs.db-shm", "jobs.db-wal"]);
    let after = place.open().await;
    assert_eq!(after.take(9).await.len(), 2);
    after.close().await.unwrap();
    assert_eq!(place.names(), ["jobs.db"]);
}

/// A file that is removed, moved away or replaced while it is open: every verb says so, and nothing is reported as stored.
#[tokio::test]
async fn a_file_that_is_gone_or_replaced_is_noticed() {
    for (how, said) in [("removed", "is gone"), ("moved", "is gone"), ("replaced", "was replaced by another one")] {
        let place = Place::new();
        let driver = place.open().await;
        let pushed = driver.store(jobs(2)).await;
        let taken = driver.take(1).await;
        let queues: [Arc<str>; 1] = ["mail".into()];
        let wake = listen(&driver, &queues);
        let aside = place.folder().join("aside.db");
        match how {
            "removed" => std::fs::remove_file(place.file()).unwrap(),
            "moved" => std::fs::rename(place.file(), &aside).unwrap(),
            _ => {
                std::fs::write(&aside, "").unwrap();
                std::fs::rename(&aside, place.file()).unwrap();
            }
        }
        let check = |error: &dyn std::error::Error| {
            let text = chain(error);
            assert!(text.contains(said) && text.contains("jobs.db"), "{how}: {text}");
        };
        let pushed_now = driver.push(&[Group { jobs: jobs(1), tick: None }]).await.remove(0).unwrap_err();
        assert!(matches!(pushed_now, PushError::Store(_)), "waiting does not help: {pushed_now:?}");
        check(&pushed_now);
        let exchanged = driver.exchange(&settlements(&taken, &Outcome::Complete), &request(1)).await;
        for error in [
            exchanged.settled.unwrap_err(),
            exchanged.deliveries.unwrap_err(),
            driver.fetch(&request(1)).await.unwrap_err(),
            driver.settle(&settlements(&taken, &Outcome::Complete)).await.unwrap_err(),
            driver.renew(&worker(), &renewals(&taken)).await.unwrap_err(),
            driver.maintain(&queue::drivers::MaintainLimits::default()).await.unwrap_err(),
            tokio::time::timeout(PATIENCE, wake).await.expect("it is seen").unwrap_err(),
            driver.queues().await.unwrap_err(),
            driver.inside().cancel(pushed[1].id).await.unwrap_err(),
            driver.inside().pause("mail").await.unwrap_err(),
            driver.inside().job(pushed[1].id).await.unwrap_err(),
            driver.inside().jobs(&Filter::new()).await.unwrap_err(),
            driver.inside().counts().await.unwrap_err(),
            driver.inside().workers().await.unwrap_err(),
        ] {
            check(&error);
            assert_eq!(error.kind(), ErrorKind::Store, "waiting does not help");
        }
        if how == "moved" {
            // Put back, it goes on.
            std::fs::rename(&aside, place.file()).unwrap();
            assert_eq!(driver.store(jobs(1)).await.len(), 1);
            assert_eq!(driver.take(9).await.len(), 2);
        }
        driver.close().await.unwrap();
    }
}
