//! Claiming one job by its id.

use std::time::Duration;

use super::Verdict;
use super::subject::{LEASE, QUEUE, Subject, fail, hours, ids, job, job_after, job_in, retry, secs};
use crate::drivers::{Delivery, Extra, Inspect, NewJob, Settled, WorkerId};
use crate::job::{JobState, Outcome};
use crate::{ErrorKind, JobId};

pub(super) async fn claim(subject: &Subject, id: JobId) -> Delivery {
    let inspect = subject.driver.inspect().expect("the rule asked for it");
    inspect.claim(id, subject.worker, LEASE).await.expect("it can be claimed")
}

pub(super) async fn refusal(subject: &Subject, id: JobId) -> ErrorKind {
    let inspect = subject.driver.inspect().expect("the rule asked for it");
    inspect.claim(id, subject.worker, LEASE).await.expect_err("it cannot be claimed").kind()
}

pub(super) async fn total(inspect: &dyn Inspect, state: JobState) -> u64 {
    inspect.counts().await.expect("`counts` works").total(state)
}

pub(super) async fn an_available_job_is_claimed_as_by_a_fetch(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let new = NewJob { payload: (*br#"{"a":1}"#).into(), version: 3, max_attempts: 5, priority: 9, ..job() };
    let id = subject.store(new.clone()).await;
    let other = subject.store(job()).await;
    let due_at = subject.row(id).await.due_at;
    let delivery = claim(subject, id).await;
    assert_eq!((delivery.lease.id, &delivery.kind, &delivery.queue), (id, &new.kind, &new.queue));
    assert_eq!((&delivery.payload, delivery.version), (&new.payload, 3));
    assert_eq!((delivery.attempt, delivery.max_attempts, delivery.rescues), (1, 5, 0), "the attempt is counted");
    assert_eq!(delivery.priority, 9);
    let apart = delivery.due_at.max(due_at).duration_since(delivery.due_at.min(due_at)).unwrap_or_default();
    assert!(apart < Duration::from_millis(1), "it is due when it was: {:?} and {due_at:?}", delivery.due_at);

    let row = subject.row(id).await;
    assert_eq!((row.state, row.attempt), (JobState::Running, 1));
    assert!(row.started_at.is_some() && row.worker.is_some(), "{row:?}");
    assert_eq!((total(inspect, JobState::Running).await, total(inspect, JobState::Available).await), (1, 1));
    let renewed = subject.renew(&[delivery.lease]).await;
    assert!(renewed.lost.is_empty(), "the lease is good");
    subject.end(delivery.lease, Outcome::Complete).await;
    subject.assert_state(id, JobState::Completed).await;
    subject.assert_state(other, JobState::Available).await;
    assert_eq!((total(inspect, JobState::Running).await, total(inspect, JobState::Completed).await), (0, 1));
    assert_eq!(subject.settle(delivery.lease, Outcome::Complete).await, Settled::Lost, "once");
    Ok(())
}

pub(super) async fn a_job_that_is_not_yet_due_is_claimed(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let scheduled = subject.store(job_after(hours(1))).await;
    let delivery = claim(subject, scheduled).await;
    assert_eq!((delivery.lease.id, delivery.attempt), (scheduled, 1));
    assert_eq!((total(inspect, JobState::Scheduled).await, total(inspect, JobState::Running).await), (0, 1));
    assert_eq!(subject.maintain().await.next_due, None, "nothing is scheduled any more");
    subject.end(delivery.lease, retry(hours(1))).await;

    let again = claim(subject, scheduled).await;
    assert_eq!((again.attempt, again.lease.token), (2, delivery.lease.token + 1), "a retryable one as well");
    assert_eq!(subject.row(scheduled).await.errors.len(), 1, "it keeps its history");
    assert_eq!(subject.settle(delivery.lease, Outcome::Complete).await, Settled::Lost, "the old lease is lost");
    // It is due by now, and runs.
    subject.jump(hours(1));
    subject.renew(&[again.lease]).await;
    assert_eq!(subject.maintain().await.promoted, 0);
    subject.assert_nothing_to_fetch("the job was claimed").await;
    subject.end(again.lease, Outcome::Complete).await;
    subject.assert_state(scheduled, JobState::Completed).await;
    Ok(())
}

/// A store that counts how long jobs wait by when they are due must not count less than nothing.
pub(super) async fn a_job_claimed_early_may_be_released_early(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let early = subject.store(job_after(hours(10))).await;
    let lease = claim(subject, early).await.lease;
    subject.end(lease, Outcome::Release { delay: Duration::ZERO }).await;
    let row = subject.row(early).await;
    assert_eq!((row.state, row.attempt), (JobState::Available, 0), "the attempt is given back");
    let counts = inspect.counts().await.expect("`counts` works");
    let age = counts.queues[QUEUE].oldest_available;
    assert!(age.is_some_and(|age| age < hours(1)), "it is available, and has not waited: {age:?}");
    assert_eq!(subject.maintain().await.next_due, None, "it is not scheduled");
    let other = subject.store(job()).await;
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), [other, early], "by when they were due");
    Ok(())
}

pub(super) async fn a_claim_counts_an_attempt_and_a_token_as_a_fetch_does(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let first = subject.take_new(job()).await;
    subject.end(first.lease, retry(Duration::ZERO)).await;
    let second = claim(subject, first.lease.id).await;
    assert_eq!((second.attempt, second.lease.token), (2, first.lease.token + 1));
    subject.end(second.lease, Outcome::Release { delay: Duration::ZERO }).await;
    let third = subject.take().await;
    assert_eq!((third.attempt, third.lease.token), (2, second.lease.token + 1), "the attempt was given back");
    assert_eq!(subject.settle(second.lease, Outcome::Complete).await, Settled::Lost);
    Ok(())
}

pub(super) async fn a_held_a_running_and_a_completed_job_cannot_be_claimed(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let completed = subject.take_new(job()).await.lease;
    subject.end(completed, Outcome::Complete).await;
    let running = subject.take_new(job()).await.lease;
    let mut cases = vec![(completed.id, JobState::Completed), (running.id, JobState::Running)];
    let held = NewJob { extra: Some(Box::new(Extra { held: true, ..Extra::default() })), ..job() };
    cases.push((subject.store(held).await, JobState::Held));
    for (id, state) in cases {
        assert_eq!(refusal(subject, id).await, ErrorKind::Conflict, "it is {state}");
        subject.assert_state(id, state).await;
    }
    assert_eq!(refusal(subject, JobId::new()).await, ErrorKind::NotFound);
    subject.end(running, Outcome::Complete).await;
    Ok(())
}

pub(super) async fn a_paused_queue_is_no_obstacle(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let id = subject.store(job_in("mail")).await;
    let other = subject.store(job_in("mail")).await;
    inspect.pause("mail").await.expect("`pause` works");
    let delivery = claim(subject, id).await;
    assert_eq!(delivery.lease.id, id);
    assert!(subject.fetch("mail", 10).await.is_empty(), "the queue stays paused");
    subject.end(delivery.lease, Outcome::Complete).await;
    subject.assert_state(other, JobState::Available).await;
    Ok(())
}

pub(super) async fn a_claimed_job_is_not_handed_out_again(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let jobs: Vec<_> = (0..5).map(|_| job()).collect();
    let all: Vec<_> = jobs.iter().map(|job| job.id).collect();
    subject.push_all(jobs).await;
    claim(subject, all[2]).await;
    assert_eq!(refusal(&subject.neighbour(), all[2]).await, ErrorKind::Conflict, "it runs");
    assert_eq!(ids(&subject.neighbour().fetch(QUEUE, 10).await), [all[0], all[1], all[3], all[4]]);
    assert_eq!(refusal(subject, all[0]).await, ErrorKind::Conflict, "a fetched one runs as well");
    Ok(())
}

pub(super) async fn of_many_claims_of_one_job_one_is_answered(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let waiting = subject.store(job()).await;
    assert_one_claims(subject, waiting, 1).await;
    let failed = subject.end_new(job(), fail()).await.lease.id;
    assert_one_claims(subject, failed, 2).await;
    Ok(())
}

/// Eight ask for it at once.
async fn assert_one_claims(subject: &Subject, id: JobId, attempt: u32) {
    let claiming: Vec<_> = (0..8)
        .map(|_| {
            let one = subject.neighbour();
            tokio::spawn(async move {
                let inspect = one.driver.inspect().expect("the rule asked for it");
                inspect.claim(id, one.worker, LEASE).await
            })
        })
        .collect();
    let mut won = 0;
    for task in claiming {
        match task.await.expect("the task goes on") {
            Ok(delivery) => {
                assert_eq!((delivery.lease.id, delivery.attempt), (id, attempt));
                won += 1;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(subject.row(id).await.attempt, attempt);
}

/// A worker that dies with it is one like any other.
pub(super) async fn a_claimed_job_comes_back_when_its_lease_runs_out(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let id = subject.store(job_after(hours(10))).await;
    let old = inspect.claim(id, subject.worker, secs(120)).await.expect("it waits");
    let (maintained, _) = subject.pass(secs(110)).await;
    assert_eq!(maintained.rescued, 0, "the lease has the length that was asked for");
    subject.die().await;
    let again = subject.neighbour().take().await;
    assert_eq!((again.lease.id, again.attempt, again.rescues), (id, 1, 1), "the attempt was given back");
    assert_eq!(again.lease.token, old.lease.token + 1);
    assert_eq!(subject.settle(old.lease, Outcome::Complete).await, Settled::Lost);
    Ok(())
}

pub(super) async fn a_claimed_job_is_kept_by_renewals(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let id = subject.store(job()).await;
    let lease = claim(subject, id).await.lease;
    for _ in 0..5 {
        let (maintained, _) = subject.pass(secs(10)).await;
        assert_eq!(maintained.rescued, 0);
        assert!(subject.renew(&[lease]).await.lost.is_empty(), "the lease is good");
    }
    subject.end(lease, Outcome::Complete).await;
    Ok(())
}

pub(super) async fn a_claimed_job_can_be_cancelled_as_any_that_runs(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.needs(subject.capabilities().cancel, "cancelling by id")?;
    let id = subject.store(job()).await;
    let lease = inspect.claim(id, WorkerId::now_v7(), LEASE).await.expect("it waits").lease;
    assert_eq!(inspect.cancel(id).await.expect("it runs"), JobState::Running);
    assert_eq!(subject.renew(&[lease]).await.cancelled, [id]);
    subject.end(lease, Outcome::Cancel { reason: None }).await;
    subject.assert_state(id, JobState::Cancelled).await;
    Ok(())
}
