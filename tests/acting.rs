//! Looking and acting on the handle, and waiting for the end of a job.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use queue::drivers::Memory;
use queue::job::Filter;
use queue::prelude::*;
use queue::{ErrorKind, JobId, JobState};
use queue_tests::gate::Gate;
use queue_tests::park;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::rig::Rig;

#[derive(Queueable)]
struct Waits {
    #[inject]
    probe: Arc<Probe>,
}

impl Job for Waits {
    async fn handle(&self) -> JobResult {
        self.probe.saw("waits");
        self.probe.pass().await;
        Ok(())
    }
}

#[derive(Queueable)]
struct Plain {
    n: u32,
}

impl Job for Plain {
    async fn handle(&self) -> JobResult {
        let _ = self.n;
        Ok(())
    }
}

/// Long enough for the store to be asked once, and no more.
const A_MOMENT: Duration = Duration::from_millis(1);

/// Those who wait get the row at the end of the job, whatever the store keeps of it afterwards.
#[tokio::test]
async fn a_wait_misses_no_job_however_few_rows_are_kept() {
    for kept in [0, 1] {
        let queue = Queue::from_driver(Arc::new(Memory::new().keep_completed_rows(kept)));
        queue.pause("default").await.unwrap();
        let pushed = queue.dispatch_all((0..2_000).map(Plain::with)).await.unwrap();
        let mut waits: Vec<_> = pushed.iter().map(|one| Box::pin(queue.wait(one.id, PATIENCE))).collect();
        assert!(waits.iter_mut().all(|wait| wait.now_or_never().is_none()), "each waits from its first poll on");
        let probe = Arc::<Probe>::default();
        let worker = Worker::builder(&queue, Container::builder().instance(probe).build()).start().await.unwrap();
        queue.resume("default").await.unwrap();
        for (wait, one) in waits.into_iter().zip(pushed) {
            let row = wait.await.unwrap();
            assert_eq!((row.id, row.state, row.attempt), (one.id, JobState::Completed, 1));
        }
        worker.shutdown(PATIENCE).await;
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_job_on_any_executor() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    let id = rig.queue.dispatch(Waits::with()).await.unwrap().id;
    rig.probe.wait_for("waits", 1).await;
    let waits: Vec<_> = (0..3)
        .map(|_| {
            let queue = rig.queue.clone();
            std::thread::spawn(move || park::block_on(queue.wait(id, PATIENCE)).unwrap().state)
        })
        .collect();
    let given_up = rig.queue.wait(id, PATIENCE).now_or_never();
    assert!(given_up.is_none());
    rig.probe.open();
    for wait in waits {
        assert_eq!(wait.join().unwrap(), JobState::Completed);
    }
    assert_eq!(rig.queue.wait(id, Duration::ZERO).await.unwrap().state, JobState::Completed, "one that has ended before");
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_wait_that_is_too_short_names_the_state_and_the_queue_that_nobody_serves() {
    let rig = Rig::new();
    let late = async |id| {
        let error = rig.queue.wait(id, A_MOMENT).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        error.to_string()
    };
    let id = rig.queue.dispatch(Waits::with()).await.unwrap().id;
    let nobody = "and no live worker serves its queue";
    assert_eq!(late(id).await, format!("job {id} did not end within 1ms; it is available, {nobody} `default`"));
    let vip = Plain::with(1).queue("vip").delay(Duration::from_secs(60));
    let delayed = rig.queue.dispatch(vip).await.unwrap().id;
    assert_eq!(late(delayed).await, format!("job {delayed} did not end within 1ms; it is scheduled, {nobody} `vip`"));
    let worker = rig.worker().start().await.unwrap();
    rig.probe.wait_for("waits", 1).await;
    assert_eq!(late(delayed).await, format!("job {delayed} did not end within 1ms; it is scheduled"));
    assert_eq!(late(id).await, format!("job {id} did not end within 1ms; it is running"));
    rig.probe.open();
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn a_wait_ends_with_a_cancel() {
    let rig = Rig::new();
    let id = rig.queue.dispatch(Plain::with(1)).await.unwrap().id;
    let mut wait = Box::pin(rig.queue.wait(id, PATIENCE));
    assert!((&mut wait).now_or_never().is_none());
    rig.queue.cancel(id).await.unwrap();
    assert_eq!(wait.await.unwrap().state, JobState::Cancelled);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let queue = Rig::new().queue;
    let id = JobId::new();
    assert!(queue.job(id).await.unwrap().is_none());
    let errors = [
        queue.wait(id, PATIENCE).await.unwrap_err(),
        queue.cancel(id).await.unwrap_err(),
        queue.retry(id).await.unwrap_err(),
        queue.forget(id).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains(&id.to_string()), "{error}");
    }
}

#[tokio::test]
async fn what_does_not_fit_the_state_is_a_conflict() {
    let queue = Rig::new().queue;
    let id = queue.dispatch(Plain::with(1).unique_key("k")).await.unwrap().id;
    let conflict = |result: Result<(), queue::Error>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
        error.to_string()
    };
    assert!(conflict(queue.retry(id).await).starts_with(&format!("job {id} is available")));
    assert!(conflict(queue.forget(id).await).contains("cancel it first"));
    queue.cancel(id).await.unwrap();
    assert!(conflict(queue.cancel(id).await).starts_with(&format!("job {id} is cancelled")));
    let winner = queue.dispatch(Plain::with(1).unique_key("k")).await.unwrap().id;
    assert!(conflict(queue.retry(id).await).contains(&winner.to_string()), "the winner's id");
    queue.cancel(winner).await.unwrap();
    queue.retry(id).await.unwrap();
    assert_eq!(queue.job(id).await.unwrap().unwrap().state, JobState::Available);
    queue.forget(winner).await.unwrap();
    assert!(queue.job(winner).await.unwrap().is_none());
}

#[tokio::test]
async fn a_paused_queue_starts_nothing_until_it_is_resumed() {
    let rig = Rig::new();
    let worker = rig.worker().start().await.unwrap();
    rig.queue.pause("default").await.unwrap();
    let paused = rig.queue.dispatch(Waits::with()).await.unwrap().id;
    // Another queue goes on: when its job has run, the paused one had its chance.
    let other = rig.queue.dispatch(Plain::with(1).queue("other")).await.unwrap().id;
    rig.end(other).await;
    assert!(rig.queue.counts().await.unwrap().queues["default"].is_paused);
    assert_eq!((rig.row(paused).await.state, rig.probe.count("waits")), (JobState::Available, 0));
    rig.queue.resume("default").await.unwrap();
    rig.probe.open();
    assert_eq!(rig.end(paused).await.state, JobState::Completed);
    worker.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn jobs_are_listed_in_pages() {
    let queue = Rig::new().queue;
    let pushed = queue.dispatch_all((0..25).map(Plain::with)).await.unwrap();
    let mut filter = Filter::new().kind("Plain").limit(10);
    let mut seen = Vec::new();
    loop {
        let page = queue.jobs(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        filter = filter.after(last.id);
        seen.extend(page.into_iter().map(|row| row.id));
    }
    assert_eq!(seen, pushed.iter().map(|pushed| pushed.id).collect::<Vec<_>>());
    assert!(queue.workers().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_store_that_cannot_be_looked_into_says_so() {
    let queue = Queue::from_driver(Gate::with(|can| can.inspect = false));
    let id = queue.dispatch(Plain::with(1)).await.unwrap().id;
    let errors = [
        queue.job(id).await.unwrap_err(),
        queue.jobs(&Filter::new()).await.unwrap_err(),
        queue.counts().await.unwrap_err(),
        queue.workers().await.unwrap_err(),
        queue.wait(id, PATIENCE).await.unwrap_err(),
        queue.cancel(id).await.unwrap_err(),
        queue.retry(id).await.unwrap_err(),
        queue.retry_all(&Filter::new()).await.unwrap_err(),
        queue.forget(id).await.unwrap_err(),
        queue.pause("default").await.unwrap_err(),
        queue.resume("default").await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.to_string(), "the driver `gate` cannot be looked into");
    }
}
