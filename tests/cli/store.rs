//! The few verbs that fill a store.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use queue::drivers::{Driver, Extra, Group, NewJob, Settlement, WorkerId, WorkerRow, WorkerState};
use queue::job::{Filter, Outcome};
use queue::{JobId, JobRow};

use crate::place::inside;

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(24 * 3600);

/// The id with this number.
pub(crate) fn id(number: u128) -> JobId {
    JobId::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | number)
}

/// A job of a kind that the program has.
pub(crate) fn job(number: u128) -> NewJob {
    NewJob { id: id(number), max_attempts: 3, ..NewJob::new("Greet", "mail", br#"{"name":"Ada"}"#) }
}

/// Those with these numbers.
pub(crate) fn jobs(numbers: impl IntoIterator<Item = u128>) -> Vec<NewJob> {
    numbers.into_iter().map(job).collect()
}

/// Jobs with one unique key.
pub(crate) fn keyed(number: u128, key: &str) -> NewJob {
    job(number).with_unique_key(key)
}

pub(crate) fn extra(change: impl FnOnce(&mut Extra)) -> Option<Box<Extra>> {
    let mut extra = Extra::default();
    change(&mut extra);
    Some(Box::new(extra))
}

/// Stores them, each by itself.
pub(crate) async fn push(driver: &Arc<dyn Driver>, jobs: Vec<NewJob>) {
    let groups: Vec<_> = jobs.into_iter().map(|job| Group { jobs: vec![job], tick: None }).collect();
    for pushed in driver.push(&groups).await {
        assert!(!pushed.unwrap()[0].is_duplicate);
    }
}

/// The worker with this number, that lives as long as any test and serves these queues.
pub(crate) fn worker(number: u128, queues: &[(&str, usize)]) -> WorkerRow {
    WorkerRow {
        id: format!("00000000-0000-4000-8000-{number:012x}").parse().unwrap(),
        name: format!("web-{number}"),
        host: "here".to_owned(),
        pid: 4_242,
        started_at: SystemTime::now(),
        seen_at: SystemTime::now(),
        queues: queues.iter().map(|(name, slots)| ((*name).into(), *slots)).collect(),
        kinds: vec!["Greet".into(), "Fails".into()],
        running: 0,
        lease: LONG,
        state: WorkerState::Running,
    }
}

/// One that was not heard of within its lease, which is none.
pub(crate) fn dead(number: u128, queues: &[(&str, usize)]) -> WorkerRow {
    WorkerRow { lease: Duration::ZERO, ..worker(number, queues) }
}

pub(crate) async fn beat(driver: &Arc<dyn Driver>, worker: &WorkerRow) {
    driver.renew(worker, &[]).await.unwrap();
}

/// Runs it on that worker, as far as the store knows.
pub(crate) async fn run(driver: &Arc<dyn Driver>, id: JobId, worker: WorkerId) -> queue::drivers::Lease {
    inside(driver).claim(id, worker, LONG).await.unwrap().lease
}

/// Runs it to its end.
pub(crate) async fn end(driver: &Arc<dyn Driver>, id: JobId, outcome: Outcome) {
    let lease = run(driver, id, worker(1, &[]).id).await;
    driver.settle(&[Settlement::new(lease, outcome)]).await.unwrap();
}

pub(crate) fn fail(error: &str) -> Outcome {
    Outcome::Fail { error: error.to_owned() }
}

/// Failed jobs, with what they failed by.
pub(crate) async fn push_failed(driver: &Arc<dyn Driver>, jobs: Vec<NewJob>, error: &str) {
    use queue::drivers::{FetchRequest, QueueRequest};

    let free = jobs.len();
    let queue = Arc::clone(&jobs[0].queue);
    push(driver, jobs).await;
    let queues = vec![QueueRequest { queue, free, ahead: 0 }];
    let request = FetchRequest { worker: worker(1, &[]).id, lease: LONG, queues, except: Vec::new() };
    let mut left = free;
    while left > 0 {
        let taken = driver.fetch(&request).await.unwrap();
        assert!(!taken.is_empty());
        left -= taken.len();
        let ended: Vec<_> = taken.iter().map(|one| Settlement::new(one.lease, fail(error))).collect();
        driver.settle(&ended).await.unwrap();
    }
}

/// All jobs, as they are stored.
pub(crate) async fn rows(driver: &Arc<dyn Driver>) -> Vec<JobRow> {
    let mut rows = Vec::new();
    let mut filter = Filter::new().limit(1_000);
    loop {
        let page = inside(driver).jobs(&filter).await.unwrap();
        rows.extend(page.jobs);
        let Some(next) = page.next else { return rows };
        filter = filter.after(next);
    }
}

/// Their states, in the order of their ids.
pub(crate) async fn states(driver: &Arc<dyn Driver>) -> Vec<&'static str> {
    rows(driver).await.iter().map(|row| row.state.as_str()).collect()
}
