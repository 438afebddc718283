//! Many at once.

use std::collections::HashMap;
use std::sync::Arc;

use super::Verdict;
use super::subject::{QUEUE, Subject, group, ids, job, job_after, job_with_key, secs};
use crate::JobId;
use crate::drivers::{MaintainLimits, Pushed, Settled, Settlement};
use crate::job::Outcome;

/// How many act at once.
const MANY: usize = 8;

pub(super) async fn two_fetches_never_hand_out_one_job(subject: &Subject) -> Verdict {
    subject.push_all((0..400).map(|_| job()).collect()).await;
    let fetching: Vec<_> = (0..MANY)
        .map(|_| {
            let one = subject.neighbour();
            tokio::spawn(async move {
                let mut got = Vec::new();
                loop {
                    let some = one.fetch(QUEUE, 3).await;
                    if some.is_empty() {
                        return got;
                    }
                    got.extend(ids(&some));
                    assert!(got.len() <= 400, "a job was handed out more than once");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let mut times: HashMap<JobId, usize> = HashMap::new();
    for task in fetching {
        for id in task.await.expect("the task goes on") {
            *times.entry(id).or_default() += 1;
        }
    }
    // A store that skips rows that others hold may say "none" to one while another rolls back; the rest is there afterwards.
    for id in ids(&subject.fetch(QUEUE, 1_000).await) {
        *times.entry(id).or_default() += 1;
    }
    assert!(times.values().all(|&count| count == 1), "a job was handed out more than once");
    assert_eq!(times.len(), 400);
    Ok(())
}

pub(super) async fn of_fifty_pushes_of_one_key_one_is_stored(subject: &Subject) -> Verdict {
    subject.needs(subject.capabilities().unique, "unique keys")?;
    let pushing: Vec<_> = (0..50)
        .map(|_| {
            let one = subject.neighbour();
            tokio::spawn(async move { one.push(job_with_key("Plain:50")).await })
        })
        .collect();
    let mut answers: Vec<Pushed> = Vec::new();
    for task in pushing {
        answers.push(task.await.expect("the task goes on"));
    }
    let winner = answers[0].id;
    assert!(answers.iter().all(|pushed| pushed.id == winner), "all are told of one winner");
    assert_eq!(answers.iter().filter(|pushed| !pushed.is_duplicate).count(), 1);
    assert_eq!(ids(&subject.fetch(QUEUE, 100).await), [winner]);
    Ok(())
}

pub(super) async fn of_many_settlements_of_one_lease_one_is_stored(subject: &Subject) -> Verdict {
    for _ in 0..10 {
        let lease = subject.take_new(job()).await.lease;
        let settling: Vec<_> = (0..MANY)
            .map(|_| {
                let one = subject.neighbour();
                tokio::spawn(async move {
                    let settlement = Settlement { lease, outcome: Outcome::Complete, follow_ups: vec![job()] };
                    one.settle_all(&[settlement]).await
                })
            })
            .collect();
        let mut stored = 0;
        for task in settling {
            stored += usize::from(task.await.expect("the task goes on") == [Settled::Stored]);
        }
        assert_eq!(stored, 1);
        let follow_up = subject.take().await;
        subject.end(follow_up.lease, Outcome::Complete).await;
    }
    Ok(())
}

/// Every worker maintains.
pub(super) async fn many_maintains_do_each_thing_once(subject: &Subject) -> Verdict {
    subject.push_all((0..30).map(|_| job()).collect()).await;
    assert_eq!(subject.fetch(QUEUE, 30).await.len(), 30);
    subject.push_all((0..30).map(|_| job_after(secs(30))).collect()).await;
    // Workers live, so the silence of the 15 s rule does not begin.
    for _ in 0..4 {
        subject.jump(secs(7));
        subject.maintain().await;
    }
    subject.jump(secs(7));
    let maintaining: Vec<_> = (0..MANY)
        .map(|_| {
            let driver = Arc::clone(&subject.driver);
            tokio::spawn(async move { driver.maintain(&MaintainLimits::default()).await.expect("`maintain` works") })
        })
        .collect();
    let (mut promoted, mut rescued) = (0, 0);
    for task in maintaining {
        let maintained = task.await.expect("the task goes on");
        promoted += maintained.promoted;
        rescued += maintained.rescued;
    }
    assert_eq!((promoted, rescued), (30, 30));
    let deliveries = subject.fetch(QUEUE, 100).await;
    assert_eq!(deliveries.len(), 60);
    assert!(deliveries.iter().all(|delivery| delivery.rescues <= 1 && delivery.attempt == 1));
    Ok(())
}

/// The ledger: every job that was pushed completes once, whatever goes on beside it.
pub(super) async fn every_job_completes_once_under_load(subject: &Subject) -> Verdict {
    const EACH: usize = 50;
    let pushing: Vec<_> = (0..4)
        .map(|_| {
            let one = subject.neighbour();
            tokio::spawn(async move {
                for _ in 0..EACH {
                    assert!(one.push_groups(&[group(vec![job()])]).await.iter().all(Result::is_ok));
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let working: Vec<_> = (0..4)
        .map(|_| {
            let one = subject.neighbour();
            tokio::spawn(async move {
                let mut completed: Vec<JobId> = Vec::new();
                let mut settlements = Vec::new();
                let mut idle = 0;
                while idle < 3 {
                    let exchanged = one.driver.exchange(&settlements, &one.request(QUEUE, 5)).await;
                    for settled in exchanged.settled.expect("`settle` works") {
                        assert_eq!(settled, Settled::Stored);
                    }
                    let deliveries = exchanged.deliveries.expect("`fetch` works");
                    idle = if deliveries.is_empty() { idle + 1 } else { 0 };
                    completed.extend(ids(&deliveries));
                    settlements = deliveries.iter().map(|delivery| Settlement::new(delivery.lease, Outcome::Complete)).collect();
                    one.driver.maintain(&MaintainLimits::default()).await.expect("`maintain` works");
                }
                completed
            })
        })
        .collect();
    for task in pushing {
        task.await.expect("the task goes on");
    }
    let mut completed = Vec::new();
    for task in working {
        completed.extend(task.await.expect("the task goes on"));
    }
    // What was pushed after the workers had found nothing three times.
    completed.extend(ids(&subject.fetch(QUEUE, 1_000).await));
    let count = completed.len();
    completed.sort();
    completed.dedup();
    assert_eq!((count, completed.len()), (4 * EACH, 4 * EACH), "handed out, and how many of them were different");
    Ok(())
}
