//! At most one live job a unique key.

use std::time::Duration;

use super::subject::{QUEUE, Subject, fail, group, job_in, job_with_key, retry, secs};
use super::{Skip, Verdict};
use crate::ErrorKind;
use crate::drivers::{Delivery, NewJob, Pushed, Settlement};
use crate::job::Outcome;

const KEY: &str = "Plain:42";

fn applies(subject: &Subject) -> Result<(), Skip> {
    subject.needs(subject.capabilities().unique, "unique keys")
}

async fn assert_taken(subject: &Subject, winner: crate::JobId, when: &str) {
    assert_eq!(subject.push(job_with_key(KEY)).await, Pushed::duplicate_of(winner), "the key is taken {when}");
}

/// The key goes with the state of its job: free at once when that is terminal, and never before.
async fn assert_free(subject: &Subject, when: &str) {
    let new = job_with_key(KEY);
    let id = new.id;
    assert_eq!(subject.push(new).await, Pushed::stored(id), "the key is free {when}");
}

async fn running(subject: &Subject) -> Delivery {
    subject.take_new(job_with_key(KEY)).await
}

pub(super) async fn a_duplicate_is_not_stored_and_answers_the_winner(subject: &Subject) -> Verdict {
    applies(subject)?;
    let winner = subject.store(job_with_key(KEY)).await;
    for _ in 0..3 {
        assert_taken(subject, winner, "by a waiting job").await;
    }
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 1, "duplicates are not stored");
    Ok(())
}

pub(super) async fn another_key_is_no_duplicate(subject: &Subject) -> Verdict {
    applies(subject)?;
    for key in ["Plain:1", "Plain:2", "plain:1", "Plain:1 ", "Plain:"] {
        subject.store(job_with_key(key)).await;
    }
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 5);
    Ok(())
}

/// A key is one of the store: neither queue nor kind makes another of it.
pub(super) async fn a_key_is_taken_in_every_queue(subject: &Subject) -> Verdict {
    applies(subject)?;
    let winner = subject.store(job_with_key(KEY)).await;
    let other = NewJob { queue: "other".into(), kind: "Other".into(), ..job_with_key(KEY) };
    assert_eq!(subject.push(other).await, Pushed::duplicate_of(winner));
    Ok(())
}

pub(super) async fn equal_keys_in_one_group_are_resolved_in_order(subject: &Subject) -> Verdict {
    applies(subject)?;
    let (first, second, other) = (job_with_key(KEY), job_with_key(KEY), job_in(QUEUE));
    let expected = [Pushed::stored(first.id), Pushed::duplicate_of(first.id), Pushed::stored(other.id)];
    assert_eq!(subject.push_all(vec![first, second, other]).await, expected);
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 2);
    Ok(())
}

/// Group commit puts strangers into one batch.
/// A push that is repeated is what it was, and no other job is a duplicate of one that has ended.
pub(super) async fn a_repeated_push_of_an_ended_job_takes_no_key_in_its_batch(subject: &Subject) -> Verdict {
    subject.needs(subject.capabilities().unique, "unique keys")?;
    for is_first in [true, false] {
        let old = job_with_key("monthly");
        let done = subject.take_new(old.clone()).await.lease;
        subject.end(done, Outcome::Complete).await;
        let new = job_with_key("monthly");
        let mut batch = vec![old.clone(), new.clone()];
        if !is_first {
            batch.reverse();
        }
        let expected: Vec<_> = batch.iter().map(|job| Pushed::stored(job.id)).collect();
        assert_eq!(subject.push_all(batch).await, expected, "the ended one first: {is_first}");
        let lease = subject.take().await.lease;
        assert_eq!(lease.id, new.id);
        subject.end(lease, Outcome::Complete).await;
    }
    Ok(())
}

pub(super) async fn equal_keys_in_one_batch_are_resolved_in_order(subject: &Subject) -> Verdict {
    applies(subject)?;
    let groups: Vec<_> = (0..5).map(|_| group(vec![job_with_key(KEY)])).collect();
    let winner = groups[0].jobs[0].id;
    let pushed: Vec<_> =
        subject.push_groups(&groups).await.into_iter().map(|result| result.expect("it is answered")[0]).collect();
    assert_eq!(pushed[0], Pushed::stored(winner));
    assert!(pushed[1..].iter().all(|&pushed| pushed == Pushed::duplicate_of(winner)), "{pushed:?}");
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 1);
    Ok(())
}

/// It is its own winner, not a duplicate of itself.
pub(super) async fn a_repeated_push_of_a_unique_job_is_no_duplicate(subject: &Subject) -> Verdict {
    applies(subject)?;
    let new = job_with_key(KEY);
    subject.store(new.clone()).await;
    assert_eq!(subject.push(new.clone()).await, Pushed::stored(new.id));
    Ok(())
}

pub(super) async fn the_key_is_kept_while_the_job_lives(subject: &Subject) -> Verdict {
    applies(subject)?;
    let delivery = running(subject).await;
    let id = delivery.lease.id;
    assert_taken(subject, id, "by a running job").await;
    subject.end(delivery.lease, retry(secs(60))).await;
    assert_taken(subject, id, "by a retryable job").await;
    subject.jump_and_maintain(secs(61)).await;
    assert_taken(subject, id, "by an available job").await;
    let delivery = subject.take().await;
    subject.end(delivery.lease, Outcome::Snooze { delay: secs(60) }).await;
    assert_taken(subject, id, "by a scheduled job").await;
    subject.jump_and_maintain(secs(61)).await;
    let delivery = subject.take().await;
    subject.end(delivery.lease, Outcome::Release { delay: Duration::ZERO }).await;
    assert_taken(subject, id, "by a released job").await;
    subject.take().await;
    subject.die().await;
    assert_taken(subject, id, "by a rescued job").await;
    Ok(())
}

pub(super) async fn the_key_is_free_after_the_job_completed(subject: &Subject) -> Verdict {
    applies(subject)?;
    let delivery = running(subject).await;
    subject.end(delivery.lease, Outcome::Complete).await;
    assert_free(subject, "after its job completed").await;
    Ok(())
}

pub(super) async fn the_key_is_free_after_the_job_failed(subject: &Subject) -> Verdict {
    applies(subject)?;
    let delivery = running(subject).await;
    subject.end(delivery.lease, fail()).await;
    assert_free(subject, "after its job failed").await;
    Ok(())
}

pub(super) async fn the_key_is_free_after_the_job_cancelled_itself(subject: &Subject) -> Verdict {
    applies(subject)?;
    let delivery = running(subject).await;
    subject.end(delivery.lease, Outcome::Cancel { reason: None }).await;
    assert_free(subject, "after its job was cancelled").await;
    Ok(())
}

pub(super) async fn the_key_is_free_after_a_cancel(subject: &Subject) -> Verdict {
    applies(subject)?;
    let inspect = subject.inspect()?;
    subject.needs(subject.capabilities().cancel, "cancelling by id")?;
    let id = subject.store(job_with_key(KEY)).await;
    inspect.cancel(id).await.expect("a waiting job can be cancelled");
    assert_free(subject, "after a cancel").await;
    Ok(())
}

pub(super) async fn the_key_is_free_after_the_last_rescue(subject: &Subject) -> Verdict {
    applies(subject)?;
    subject.store(job_with_key(KEY)).await;
    for _ in 0..5 {
        subject.take().await;
        subject.pass(secs(45)).await;
    }
    assert_free(subject, "after its job failed by rescues").await;
    Ok(())
}

/// An old winner that ends must not free the key of the new one.
pub(super) async fn a_freed_key_belongs_to_the_next_winner(subject: &Subject) -> Verdict {
    applies(subject)?;
    let delivery = running(subject).await;
    subject.end(delivery.lease, Outcome::Complete).await;
    let next = subject.store(job_with_key(KEY)).await;
    subject.settle(delivery.lease, Outcome::Complete).await;
    subject.pass(secs(20)).await;
    assert_taken(subject, next, "by the next job").await;
    Ok(())
}

/// The follow-up of a unique job may have its key: the job ends in the same commit.
pub(super) async fn a_follow_up_may_have_the_key_of_the_job_that_ends(subject: &Subject) -> Verdict {
    applies(subject)?;
    let delivery = running(subject).await;
    let next = job_with_key(KEY);
    let settlement = Settlement { lease: delivery.lease, outcome: Outcome::Complete, follow_ups: vec![next.clone()] };
    subject.settle_all(&[settlement]).await;
    assert_eq!(subject.take().await.lease.id, next.id);
    Ok(())
}

pub(super) async fn the_row_shows_the_key_while_the_job_lives(subject: &Subject) -> Verdict {
    applies(subject)?;
    subject.inspect()?;
    let delivery = running(subject).await;
    assert_eq!(subject.row(delivery.lease.id).await.unique_key.as_deref(), Some(KEY));
    Ok(())
}

pub(super) async fn retrying_a_failed_job_takes_its_key_again(subject: &Subject) -> Verdict {
    applies(subject)?;
    let inspect = subject.inspect()?;
    let delivery = running(subject).await;
    subject.end(delivery.lease, fail()).await;
    inspect.retry(delivery.lease.id).await.expect("the key is free");
    assert_taken(subject, delivery.lease.id, "by the job that was retried").await;
    Ok(())
}

pub(super) async fn retrying_a_failed_job_whose_key_is_taken_names_the_winner(subject: &Subject) -> Verdict {
    applies(subject)?;
    let inspect = subject.inspect()?;
    let delivery = running(subject).await;
    subject.end(delivery.lease, fail()).await;
    let winner = subject.store(job_with_key(KEY)).await;
    let error = inspect.retry(delivery.lease.id).await.expect_err("its key is taken");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&winner.to_string()), "`{error}` must name the winner {winner}");
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 1, "the failed job stays failed");
    Ok(())
}
