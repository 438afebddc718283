//! Verbs whose futures are dropped half-way: nothing is held by them, and nothing is half done.

use std::pin::pin;
use std::task::Poll;

use queue::JobId;
use queue::drivers::{Delivery, Driver as _, Except, FetchRequest, Group, MaintainLimits, Sqlite, Tick};
use queue::job::{Filter, Outcome};
use queue_tests::probe::PATIENCE;
use sqlx::SqliteConnection;

use crate::counting;
use crate::store::{LEASE, Place, Verbs, fail, job_in, jobs, keyed, later, renewals, request, settlements, worker};

/// Polls a future so many times, as often as it is woken; then it is dropped, and answers if it was done.
pub(crate) async fn poll<T>(future: impl Future<Output = T>, times: u32) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            // The last poll was in vain: it is dropped where it waits.
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A file with jobs in several states, and what a verb needs of it.
struct Stage {
    _place: Place,
    driver: Sqlite,
    other: Sqlite,
    stranger: SqliteConnection,
    taken: Vec<Delivery>,
    waiting: JobId,
    failed: JobId,
}

impl Stage {
    async fn new() -> Self {
        let place = Place::new();
        let (driver, other, stranger) = (place.open().await, place.open().await, place.stranger().await);
        let all = jobs(8);
        driver.store(all.clone()).await;
        driver.store(vec![later(LEASE), keyed("Known:1")]).await;
        let mut taken = driver.take(4).await;
        driver.end(&taken.split_off(3), fail()).await;
        place.clock.advance(LEASE + LEASE);
        Self { driver, other, stranger, taken, waiting: all[7].id, failed: all[3].id, _place: place }
    }

    /// Whatever was dropped: others write, this handle goes on, and the counts are right.
    async fn check(&mut self, what: &str) {
        let groups = [Group { jobs: jobs(1), tick: None }];
        let pushed =
            tokio::time::timeout(PATIENCE, self.other.push(&groups)).await.unwrap_or_else(|_| panic!("{what}: others wait"));
        assert!(pushed[0].is_ok(), "{what}: {pushed:?}");
        let groups = [Group { jobs: vec![keyed("Known:2")], tick: None }];
        let pushed = tokio::time::timeout(PATIENCE, self.driver.push(&groups))
            .await
            .unwrap_or_else(|_| panic!("{what}: it waits for itself"));
        assert!(pushed[0].is_ok(), "{what}: {pushed:?}");
        counting::check(&self.driver, &mut self.stranger, what).await;
        self.driver.tend().await;
        self.driver.end(&self.driver.take(100).await, Outcome::Complete).await;
        counting::check(&self.driver, &mut self.stranger, what).await;
        drop(tokio::time::timeout(PATIENCE, self.driver.close()).await.unwrap_or_else(|_| panic!("{what}: it does not close")));
    }
}

/// Polls a verb so many times and drops it; whether it was done.
async fn attempt(stage: &Stage, verb: &str, polls: u32) -> bool {
    let driver = &stage.driver;
    let group = |jobs| Group { jobs, tick: None };
    let (ended, request) = (settlements(&stage.taken, &Outcome::Complete), request(3));
    let look = driver.inside();
    match verb {
        "push" => poll(driver.push(&[group(jobs(3))]), polls).await.is_some(),
        "push of several queues" => {
            let tick = Some(Tick { entry: "nightly".into(), at: std::time::UNIX_EPOCH });
            let groups = [group(vec![job_in("new"), keyed("Known:1"), later(LEASE)]), Group { jobs: jobs(1), tick }];
            poll(driver.push(&groups), polls).await.is_some()
        }
        "fetch" => poll(driver.fetch(&request), polls).await.is_some(),
        "fetch of some kinds" => {
            let except = vec![Except { kind: "Known".into(), from_version: Some(2) }];
            poll(driver.fetch(&FetchRequest { except, ..request }), polls).await.is_some()
        }
        "settle" => {
            let mut ended = ended;
            ended[0].follow_ups = vec![job_in("new")];
            ended[1].outcome = fail();
            poll(driver.settle(&ended), polls).await.is_some()
        }
        "exchange" => poll(driver.exchange(&ended, &request), polls).await.is_some(),
        "renew" => poll(driver.renew(&worker(), &renewals(&stage.taken)), polls).await.is_some(),
        "maintain" => poll(driver.maintain(&MaintainLimits::default()), polls).await.is_some(),
        "cancel" => poll(look.cancel(stage.waiting), polls).await.is_some(),
        "retry" => poll(look.retry(stage.failed), polls).await.is_some(),
        "forget" => poll(look.forget(stage.failed), polls).await.is_some(),
        "pause" => poll(look.pause("images"), polls).await.is_some(),
        "counts" => poll(look.counts(), polls).await.is_some(),
        "jobs" => poll(look.jobs(&Filter::new()), polls).await.is_some(),
        "migrate" => poll(queue::drivers::Migrate::migrate(driver), polls).await.is_some(),
        other => panic!("`{other}` is no verb"),
    }
}

const VERBS: [&str; 15] = [
    "push",
    "push of several queues",
    "fetch",
    "fetch of some kinds",
    "settle",
    "exchange",
    "renew",
    "maintain",
    "cancel",
    "retry",
    "forget",
    "pause",
    "counts",
    "jobs",
    "migrate",
];

#[tokio::test]
async fn a_verb_that_is_dropped_at_any_point_holds_up_nobody() {
    for verb in VERBS {
        let mut polls = 0;
        loop {
            let mut stage = Stage::new().await;
            let is_done = attempt(&stage, verb, polls).await;
            stage.check(&format!("{verb}, dropped after {polls} polls")).await;
            if is_done {
                break;
            }
            polls += 1;
        }
        assert!(polls >= 1, "{verb} is dropped before it is done");
    }
}

/// An open that is dropped leaves a file that the next one opens.
#[tokio::test]
async fn an_open_that_is_dropped_leaves_a_good_file() {
    let mut polls = 0;
    loop {
        let place = Place::new();
        let opened = poll(Sqlite::open(place.file()), polls).await;
        let driver = place.open().await;
        driver.store(jobs(1)).await;
        assert_eq!(driver.take(1).await.len(), 1, "after {polls} polls");
        if opened.is_some() {
            break;
        }
        polls += 1;
    }
    assert!(polls > 1, "it was dropped before it was done");
}

/// A driver that is dropped without being closed gives the file back.
#[tokio::test]
async fn a_close_that_is_dropped_or_called_again_closes() {
    let mut polls = 0;
    loop {
        let place = Place::new();
        let driver = place.open().await;
        driver.store(jobs(1)).await;
        let is_done = poll(driver.close(), polls).await.is_some();
        driver.close().await.unwrap();
        let error = driver.fetch(&request(1)).await.unwrap_err();
        assert_eq!(error.kind(), queue::ErrorKind::Closed, "after {polls} polls");
        if is_done {
            assert_eq!(place.names(), ["jobs.db"], "no log is left");
            break;
        }
        polls += 1;
    }
}
