//! What a fetch claims, and what it leaves alone.

use std::collections::HashSet;

use super::Verdict;
use super::subject::{QUEUE, Subject, ids, job, job_in, retry};
use crate::drivers::{Except, FetchRequest, NewJob};
use crate::job::{JobState, Outcome};

pub(super) async fn a_fetched_job_is_not_fetched_again(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.assert_nothing_to_fetch("the only job is running").await;
    subject.assert_state(delivery.lease.id, JobState::Running).await;
    Ok(())
}

pub(super) async fn a_fetch_claims_as_many_as_are_free(subject: &Subject) -> Verdict {
    subject.push_all((0..10).map(|_| job()).collect()).await;
    assert_eq!(subject.fetch(QUEUE, 3).await.len(), 3);
    assert_eq!(subject.fetch(QUEUE, 100).await.len(), 7);
    Ok(())
}

pub(super) async fn prefetch_goes_on_top_of_the_free_slots(subject: &Subject) -> Verdict {
    subject.push_all((0..10).map(|_| job()).collect()).await;
    assert_eq!(subject.fetch_by(&subject.request_of(&[(QUEUE, 2, 3)])).await.len(), 5);
    assert_eq!(subject.fetch_by(&subject.request_of(&[(QUEUE, 0, 4)])).await.len(), 4);
    assert_eq!(subject.fetch_by(&subject.request_of(&[(QUEUE, 0, 0)])).await.len(), 0);
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 1);
    Ok(())
}

pub(super) async fn each_queue_is_claimed_on_its_own(subject: &Subject) -> Verdict {
    for queue in ["left", "right", "other"] {
        subject.push_all((0..5).map(|_| job_in(queue)).collect()).await;
    }
    let deliveries = subject.fetch_by(&subject.request_of(&[("left", 2, 0), ("right", 3, 1), ("missing", 9, 9)])).await;
    let count = |queue: &str| deliveries.iter().filter(|delivery| &*delivery.queue == queue).count();
    assert_eq!((count("left"), count("right"), deliveries.len()), (2, 4, 6));
    Ok(())
}

pub(super) async fn a_queue_that_was_not_named_is_left_alone(subject: &Subject) -> Verdict {
    subject.store(job_in("other")).await;
    subject.assert_nothing_to_fetch("the job is in another queue").await;
    let nothing = FetchRequest { queues: Vec::new(), ..subject.request(QUEUE, 1) };
    assert!(subject.fetch_by(&nothing).await.is_empty());
    assert_eq!(subject.fetch("other", 1).await.len(), 1);
    Ok(())
}

pub(super) async fn an_excepted_kind_is_left_alone(subject: &Subject) -> Verdict {
    let unknown = subject.store(NewJob { kind: "Unknown".into(), ..job() }).await;
    let known = subject.store(job()).await;
    let request =
        FetchRequest { except: vec![Except { kind: "Unknown".into(), from_version: None }], ..subject.request(QUEUE, 10) };
    assert_eq!(ids(&subject.fetch_by(&request).await), [known]);
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), [unknown], "a worker that knows it gets it");
    Ok(())
}

pub(super) async fn an_excepted_version_is_left_alone_with_all_above(subject: &Subject) -> Verdict {
    let jobs: Vec<_> = (1..=4).map(|version| NewJob { version, ..job() }).collect();
    subject.push_all(jobs).await;
    let request =
        FetchRequest { except: vec![Except { kind: "Plain".into(), from_version: Some(3) }], ..subject.request(QUEUE, 10) };
    let versions: Vec<_> = subject.fetch_by(&request).await.iter().map(|delivery| delivery.version).collect();
    assert_eq!(versions, [1, 2]);
    Ok(())
}

/// During a deploy the head of a queue may be full of what an old worker does not know.
pub(super) async fn excepted_jobs_do_not_block_those_behind(subject: &Subject) -> Verdict {
    subject.push_all((0..300).map(|_| NewJob { kind: "Unknown".into(), ..job() }).collect()).await;
    let known = subject.store(job()).await;
    let request =
        FetchRequest { except: vec![Except { kind: "Unknown".into(), from_version: None }], ..subject.request(QUEUE, 1) };
    assert_eq!(ids(&subject.fetch_by(&request).await), [known]);
    Ok(())
}

pub(super) async fn an_attempt_is_counted_at_the_fetch(subject: &Subject) -> Verdict {
    let first = subject.take_new(job()).await;
    assert_eq!(first.attempt, 1);
    subject.end(first.lease, retry(std::time::Duration::ZERO)).await;
    subject.maintain().await;
    assert_eq!(subject.take().await.attempt, 2);
    Ok(())
}

pub(super) async fn the_token_grows_by_one_at_each_fetch(subject: &Subject) -> Verdict {
    let mut delivery = subject.take_new(job()).await;
    let outcomes = [
        retry(std::time::Duration::ZERO),
        Outcome::Release { delay: std::time::Duration::ZERO },
        Outcome::Snooze { delay: std::time::Duration::ZERO },
    ];
    for outcome in outcomes {
        subject.end(delivery.lease, outcome).await;
        subject.maintain().await;
        let next = subject.take().await;
        assert_eq!(next.lease.token, delivery.lease.token + 1, "also where the attempt is given back");
        delivery = next;
    }
    Ok(())
}

pub(super) async fn a_running_job_has_a_start_and_a_worker(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let delivery = subject.take_new(job()).await;
    let row = subject.row(delivery.lease.id).await;
    assert_eq!((row.state, row.attempt), (JobState::Running, 1));
    assert!(row.started_at.is_some(), "`started_at` is the time of the fetch");
    assert!(row.worker.is_some(), "`worker` says who runs it");
    assert_eq!(row.finished_at, None);
    Ok(())
}

/// A full batch is followed by the next fetch at once, so nothing may be skipped between two.
pub(super) async fn many_fetches_drain_a_queue(subject: &Subject) -> Verdict {
    let jobs: Vec<_> = (0..500).map(|_| job()).collect();
    let expected: HashSet<_> = jobs.iter().map(|job| job.id).collect();
    subject.push_all(jobs).await;
    let mut got = HashSet::new();
    loop {
        let deliveries = subject.fetch(QUEUE, 64).await;
        if deliveries.is_empty() {
            break;
        }
        for id in ids(&deliveries) {
            assert!(got.insert(id), "{id} was handed out twice");
        }
    }
    assert_eq!(got, expected);
    Ok(())
}
