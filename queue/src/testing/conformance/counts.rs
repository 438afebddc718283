//! How many jobs are where.

use std::time::Duration;

use super::Verdict;
use super::subject::{QUEUE, Subject, fail, hours, job, job_after, job_in, retry, secs};
use crate::drivers::{Counts, QueueCounts, WorkerRow, WorkerState};
use crate::job::{JobState, Outcome};

async fn counts(subject: &Subject) -> Counts {
    let inspect = subject.driver.inspect().expect("the rule asked for it");
    inspect.counts().await.expect("`counts` works")
}

async fn counts_of(subject: &Subject, queue: &str) -> QueueCounts {
    counts(subject).await.queues.remove(queue).unwrap_or_default()
}

pub(super) async fn jobs_are_counted_by_queue_and_state(subject: &Subject) -> Verdict {
    subject.inspect()?;
    for (queue, outcome) in
        [("a", Outcome::Complete), ("a", fail()), ("a", retry(hours(1))), ("b", Outcome::Cancel { reason: None })]
    {
        let delivery = subject.take_new(job_in(queue)).await;
        subject.end(delivery.lease, outcome).await;
    }
    subject.take_new(job_in("a")).await;
    subject.push_all(vec![job_in("a"), job_in("a"), job_in("b")]).await;
    subject.store(crate::drivers::NewJob { queue: "b".into(), ..job_after(hours(1)) }).await;

    let all = counts(subject).await;
    let states = |queue: &str| JobState::ALL.map(|state| all.queues[queue].state(state));
    // held, scheduled, available, running, retryable, completed, failed, cancelled
    assert_eq!(states("a"), [0, 0, 2, 1, 1, 1, 1, 0]);
    assert_eq!(states("b"), [0, 1, 1, 0, 0, 0, 0, 1]);
    assert_eq!(all.total(JobState::Available), 3);
    assert_eq!(all.queues.len(), 2, "no queue that does not exist: {:?}", all.queues.keys());
    Ok(())
}

pub(super) async fn counts_follow_the_jobs(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let at = async |state| counts(subject).await.total(state);
    assert_eq!(at(JobState::Available).await, 0);
    subject.store(job_after(secs(60))).await;
    assert_eq!(at(JobState::Scheduled).await, 1);
    subject.jump_and_maintain(secs(61)).await;
    assert_eq!((at(JobState::Scheduled).await, at(JobState::Available).await), (0, 1));
    let delivery = subject.take().await;
    assert_eq!((at(JobState::Available).await, at(JobState::Running).await), (0, 1));
    subject.die().await;
    assert_eq!((at(JobState::Available).await, at(JobState::Running).await), (1, 0));
    let again = subject.take().await;
    subject.end(again.lease, fail()).await;
    assert_eq!((at(JobState::Running).await, at(JobState::Failed).await), (0, 1));
    inspect.retry(delivery.lease.id).await.expect("it has failed");
    assert_eq!((at(JobState::Failed).await, at(JobState::Available).await), (0, 1));
    let again = subject.take().await;
    subject.end(again.lease, Outcome::Complete).await;
    inspect.forget(delivery.lease.id).await.expect("it is terminal");
    for state in JobState::ALL {
        assert_eq!(at(state).await, 0, "{state}");
    }
    Ok(())
}

pub(super) async fn the_age_of_the_oldest_available_job_is_told(subject: &Subject) -> Verdict {
    subject.inspect()?;
    assert_eq!(counts_of(subject, QUEUE).await.oldest_available, None);
    subject.store(job_after(hours(1))).await;
    assert_eq!(counts_of(subject, QUEUE).await.oldest_available, None, "the job is not due");
    subject.store(job()).await;
    subject.jump(secs(600));
    subject.store(job()).await;
    let age = counts_of(subject, QUEUE).await.oldest_available.expect("two jobs are available");
    assert!(age >= secs(600) && age < secs(900), "the oldest has been due for ten minutes, not for {age:?}");
    subject.fetch(QUEUE, 10).await;
    assert_eq!(counts_of(subject, QUEUE).await.oldest_available, None, "all are running");
    Ok(())
}

pub(super) async fn a_paused_queue_is_counted_as_such(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.store(job()).await;
    assert!(!counts_of(subject, QUEUE).await.is_paused);
    inspect.pause(QUEUE).await.expect("`pause` works");
    assert!(counts_of(subject, QUEUE).await.is_paused);
    Ok(())
}

/// The most silent failure of all: a queue that nobody serves.
pub(super) async fn jobs_that_no_live_worker_serves_are_unserved(subject: &Subject) -> Verdict {
    subject.inspect()?;
    subject.push_all(vec![job(), job()]).await;
    subject.store(job_after(hours(1))).await;
    assert_eq!(counts_of(subject, QUEUE).await.unserved, 3, "there is no worker at all");

    subject.renew_as(&subject.worker_row(&["other"]), &[]).await;
    assert_eq!(counts_of(subject, QUEUE).await.unserved, 3, "the worker serves another queue");
    let neighbour = subject.neighbour();
    neighbour.renew(&[]).await;
    assert_eq!(counts_of(subject, QUEUE).await.unserved, 0, "a worker serves it");
    assert_eq!(counts(subject).await.unserved(), 0);
    subject.jump(secs(20));
    assert_eq!(counts_of(subject, QUEUE).await.unserved, 0, "it was heard of 20 s ago, and its leases last 30");
    subject.jump(secs(11));
    assert_eq!(counts_of(subject, QUEUE).await.unserved, 3, "the worker is dead");
    Ok(())
}

pub(super) async fn jobs_are_unserved_when_their_worker_has_stopped(subject: &Subject) -> Verdict {
    subject.inspect()?;
    subject.store(job()).await;
    let row = subject.worker_row(&[QUEUE]);
    subject.renew_as(&row, &[]).await;
    assert_eq!(counts_of(subject, QUEUE).await.unserved, 0);
    subject.renew_as(&WorkerRow { state: WorkerState::Stopped, ..row }, &[]).await;
    assert_eq!(counts_of(subject, QUEUE).await.unserved, 1);
    Ok(())
}

pub(super) async fn only_waiting_jobs_are_unserved(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let delivery = subject.take_new(job()).await;
    assert_eq!(counts_of(subject, QUEUE).await.unserved, 0, "a running job is served");
    subject.end(delivery.lease, retry(Duration::from_secs(60))).await;
    assert_eq!(counts_of(subject, QUEUE).await.unserved, 1, "a retryable job waits");
    Ok(())
}
