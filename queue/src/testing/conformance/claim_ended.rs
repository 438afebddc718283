//! Claiming a job that has ended: it is retried for that run, and nobody else ever sees it available.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;

use super::Verdict;
use super::claim::{claim, refusal, total};
use super::subject::{LEASE, QUEUE, Subject, fail, ids, job, job_with_key, retry, secs};
use crate::ErrorKind;
use crate::drivers::{NewJob, Pushed, Settled};
use crate::job::{JobState, Outcome};

pub(super) async fn a_failed_or_a_cancelled_job_is_retried_for_its_claim(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    for (outcome, state) in
        [(fail(), JobState::Failed), (Outcome::Cancel { reason: Some("no need".to_owned()) }, JobState::Cancelled)]
    {
        let old = subject.end_new(NewJob { max_attempts: 2, ..job() }, outcome).await;
        let id = old.lease.id;
        let ended = total(inspect, state).await;
        let delivery = claim(subject, id).await;
        assert_eq!((delivery.attempt, delivery.max_attempts), (2, 4), "a {state} one: one attempt more, of two more");
        assert_eq!(delivery.lease.token, old.lease.token + 1);
        assert!(delivery.due_at >= old.due_at, "it is due when it is retried");
        let row = subject.row(id).await;
        assert_eq!((row.state, row.attempt, row.max_attempts), (JobState::Running, 2, 4));
        assert!(row.finished_at.is_none() && row.started_at.is_some() && row.worker.is_some(), "{row:?}");
        assert_eq!(row.errors.iter().map(|error| error.attempt).collect::<Vec<_>>(), [1], "it keeps its history");
        assert_eq!((total(inspect, state).await, total(inspect, JobState::Running).await), (ended - 1, 1));
        assert_eq!(refusal(&subject.neighbour(), id).await, ErrorKind::Conflict, "it runs");
        assert_eq!(subject.settle(old.lease, Outcome::Complete).await, Settled::Lost, "the old lease is lost");
        assert!(subject.renew(&[delivery.lease]).await.lost.is_empty(), "the lease is good");
        subject.end(delivery.lease, retry(Duration::ZERO)).await;
        let next = subject.take().await;
        assert_eq!((next.lease.id, next.attempt, next.max_attempts), (id, 3, 4), "from there on it is one like any other");
        subject.end(next.lease, Outcome::Complete).await;
    }
    assert_eq!(total(inspect, JobState::Completed).await, 2);
    Ok(())
}

/// It would else end at the first rescue, or as soon as its worker renews.
pub(super) async fn what_ended_a_job_is_forgotten_by_its_claim(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.needs(subject.capabilities().cancel, "cancelling by id")?;
    let id = subject.store(job()).await;
    for _ in 0..5 {
        assert_eq!(subject.fetch(QUEUE, 1).await.len(), 1, "it is there to be fetched");
        subject.pass(secs(45)).await;
    }
    subject.assert_state(id, JobState::Failed).await;
    let claimed = claim(subject, id).await;
    assert_eq!(claimed.rescues, 0);
    assert_eq!(inspect.cancel(id).await.expect("it runs"), JobState::Running);
    subject.end(claimed.lease, Outcome::Cancel { reason: None }).await;
    let claimed = claim(subject, id).await;
    let renewed = subject.renew(&[claimed.lease]).await;
    assert!(renewed.lost.is_empty() && renewed.cancelled.is_empty(), "nobody asked to cancel this run: {renewed:?}");
    subject.end(claimed.lease, Outcome::Release { delay: Duration::ZERO }).await;
    subject.assert_state(id, JobState::Available).await;
    Ok(())
}

pub(super) async fn a_claim_of_an_ended_job_takes_its_unique_key(subject: &Subject) -> Verdict {
    subject.inspect()?;
    subject.needs(subject.capabilities().unique, "unique keys")?;
    let id = subject.end_new(job_with_key("monthly"), fail()).await.lease.id;
    let lease = claim(subject, id).await.lease;
    assert_eq!(subject.push(job_with_key("monthly")).await, Pushed::duplicate_of(id), "it lives again");
    subject.end(lease, Outcome::Complete).await;
    subject.store(job_with_key("monthly")).await;
    Ok(())
}

pub(super) async fn a_claim_of_an_ended_job_whose_key_is_taken_names_the_winner(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.needs(subject.capabilities().unique, "unique keys")?;
    for outcome in [fail(), Outcome::Cancel { reason: None }] {
        let id = subject.end_new(job_with_key("monthly"), outcome).await.lease.id;
        let before = subject.row(id).await;
        let winner = subject.store(job_with_key("monthly")).await;
        let error = inspect.claim(id, subject.worker, LEASE).await.expect_err("the key is taken");
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains(&winner.to_string()), "the error names {winner}: {error}");
        let row = subject.row(id).await;
        assert_eq!((row.state, row.attempt, row.max_attempts), (before.state, before.attempt, before.max_attempts));
        let other = subject.take().await.lease;
        assert_eq!(other.id, winner, "the other is not touched");
        subject.end(other, Outcome::Complete).await;
    }
    Ok(())
}

/// Between a retry and a claim, any worker could have it.
pub(super) async fn an_ended_job_that_is_claimed_is_available_to_nobody(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let id = subject.end_new(job(), fail()).await.lease.id;
    let (other, is_over) = (subject.neighbour(), Arc::new(AtomicBool::new(false)));
    let fetching = tokio::spawn({
        let is_over = Arc::clone(&is_over);
        async move {
            let mut fetched = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                fetched.extend(ids(&other.fetch(QUEUE, 10).await));
                tokio::task::yield_now().await;
            }
            fetched
        }
    });
    for _ in 0..20 {
        let claimed = inspect.claim(id, subject.worker, LEASE).await;
        let lease = claimed.expect("it has failed, and nobody else can have it").lease;
        subject.end(lease, fail()).await;
        tokio::task::yield_now().await;
    }
    is_over.store(true, Ordering::Relaxed);
    let fetched = fetching.await.expect("the task goes on");
    assert!(fetched.is_empty(), "another worker fetched {fetched:?}");
    Ok(())
}

pub(super) async fn an_ended_job_that_is_claimed_wakes_nobody(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let id = subject.end_new(job(), fail()).await.lease.id;
    let queues = [QUEUE.into()];
    let wake = subject.driver.wake(&queues);
    claim(subject, id).await;
    let woken = wake.now_or_never().map(|wake| wake.expect("`wake` works"));
    assert!(!woken.as_ref().is_some_and(|wake| wake.work), "there is no work, and `wake` says that there is: {woken:?}");
    Ok(())
}
