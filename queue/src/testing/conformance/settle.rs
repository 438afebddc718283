//! What settling stores.

use std::time::Duration;

use super::Verdict;
use super::subject::{QUEUE, Subject, fail, ids, job, job_in, retry, secs};
use crate::drivers::{Settled, Settlement};
use crate::job::{JobState, Outcome};

pub(super) async fn a_completed_job_is_not_fetched_again(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, Outcome::Complete).await;
    subject.pass(secs(60)).await;
    subject.assert_nothing_to_fetch("the job has completed").await;
    Ok(())
}

pub(super) async fn completing_records_the_state_and_the_time(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, Outcome::Complete).await;
    let row = subject.row(delivery.lease.id).await;
    assert_eq!((row.state, row.attempt, row.worker), (JobState::Completed, 1, None));
    assert!(row.errors.is_empty());
    assert!(row.finished_at.is_some() && row.finished_at >= row.started_at);
    Ok(())
}

pub(super) async fn a_retried_job_comes_back_after_its_delay(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, retry(secs(600))).await;
    subject.assert_state(delivery.lease.id, JobState::Retryable).await;
    subject.jump_and_maintain(secs(300)).await;
    subject.assert_nothing_to_fetch("half of the delay is over").await;
    subject.jump_and_maintain(secs(301)).await;
    let again = subject.take().await;
    assert_eq!((again.lease.id, again.attempt), (delivery.lease.id, 2));
    Ok(())
}

pub(super) async fn each_failed_attempt_is_kept_with_its_error(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let first = subject.take_new(job()).await;
    subject.end(first.lease, Outcome::Retry { delay: Duration::ZERO, error: "first: cause".to_owned() }).await;
    subject.maintain().await;
    let second = subject.take().await;
    subject.end(second.lease, Outcome::Fail { error: "second".to_owned() }).await;

    let row = subject.row(first.lease.id).await;
    let errors: Vec<_> = row.errors.iter().map(|error| (error.attempt, error.message.as_str())).collect();
    assert_eq!(errors, [(1, "first: cause"), (2, "second")]);
    assert!(row.errors[0].at <= row.errors[1].at);
    Ok(())
}

pub(super) async fn a_failed_job_is_kept_whole_and_not_fetched_again(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, fail()).await;
    subject.pass(secs(60)).await;
    subject.assert_nothing_to_fetch("the job has failed").await;
    if subject.driver.inspect().is_some() {
        let row = subject.row(delivery.lease.id).await;
        assert_eq!((row.state, row.attempt, row.worker), (JobState::Failed, 1, None));
        assert!(row.finished_at.is_some());
        assert!(row.payload.is_some(), "a failed job may be retried, so its payload is kept");
    }
    Ok(())
}

pub(super) async fn a_snoozed_job_comes_back_with_its_attempt_given_back(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, Outcome::Snooze { delay: secs(600) }).await;
    subject.assert_state(delivery.lease.id, JobState::Scheduled).await;
    subject.maintain().await;
    subject.assert_nothing_to_fetch("the job sleeps").await;
    subject.jump_and_maintain(secs(601)).await;
    let again = subject.take().await;
    assert_eq!((again.lease.id, again.attempt), (delivery.lease.id, 1));
    Ok(())
}

pub(super) async fn a_released_job_is_there_at_once_with_its_attempt_given_back(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, Outcome::Release { delay: Duration::ZERO }).await;
    subject.assert_state(delivery.lease.id, JobState::Available).await;
    let again = subject.take().await;
    assert_eq!((again.lease.id, again.attempt, again.rescues), (delivery.lease.id, 1, 0));
    Ok(())
}

/// It did not run to its end, so it is as if it had not been fetched.
pub(super) async fn a_released_job_keeps_its_turn(subject: &Subject) -> Verdict {
    let first = subject.take_new(job()).await.lease;
    let second = subject.store(job()).await;
    subject.end(first, Outcome::Release { delay: Duration::ZERO }).await;
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), [first.id, second], "it is before those that were pushed after it");
    Ok(())
}

/// It had its turn, and is tried again behind those that wait; no `maintain` is needed for that.
pub(super) async fn a_job_retried_without_a_delay_is_there_at_once_behind_those_that_wait(subject: &Subject) -> Verdict {
    let first = subject.take_new(job()).await.lease;
    let second = subject.store(job()).await;
    subject.end(first, retry(Duration::ZERO)).await;
    subject.assert_state(first.id, JobState::Available).await;
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), [second, first.id], "it is behind those that were pushed after it");
    Ok(())
}

pub(super) async fn a_job_released_with_a_delay_comes_back_after_it(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, Outcome::Release { delay: secs(600) }).await;
    subject.assert_state(delivery.lease.id, JobState::Scheduled).await;
    subject.maintain().await;
    subject.assert_nothing_to_fetch("the job was released for later").await;
    subject.jump_and_maintain(secs(601)).await;
    assert_eq!(subject.take().await.attempt, 1);
    Ok(())
}

pub(super) async fn a_job_can_cancel_itself(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, Outcome::Cancel { reason: Some("taken back".to_owned()) }).await;
    subject.pass(secs(60)).await;
    subject.assert_nothing_to_fetch("the job is cancelled").await;
    if subject.driver.inspect().is_some() {
        let row = subject.row(delivery.lease.id).await;
        assert_eq!(row.state, JobState::Cancelled);
        assert!(row.finished_at.is_some());
        assert_eq!(row.errors.last().map(|error| error.message.as_str()), Some("taken back"));
    }
    Ok(())
}

/// Nobody has fetched it since; it is the token that went.
pub(super) async fn settling_twice_is_lost(subject: &Subject) -> Verdict {
    for outcome in [Outcome::Complete, fail(), retry(secs(600)), Outcome::Snooze { delay: secs(600) }] {
        let delivery = subject.take_new(job()).await;
        subject.end(delivery.lease, outcome.clone()).await;
        for second in [Outcome::Complete, fail(), retry(Duration::ZERO)] {
            assert_eq!(subject.settle(delivery.lease, second).await, Settled::Lost, "after {outcome:?} the lease is gone");
        }
    }
    Ok(())
}

pub(super) async fn settling_one_lease_twice_in_a_batch_stores_the_first(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    let both = [Settlement::new(delivery.lease, Outcome::Complete), Settlement::new(delivery.lease, fail())];
    assert_eq!(subject.settle_all(&both).await, [Settled::Stored, Settled::Lost]);
    subject.assert_state(delivery.lease.id, JobState::Completed).await;
    Ok(())
}

/// The heart of fencing: whoever had the job before cannot end the run of whoever has it now.
pub(super) async fn an_old_token_settles_nothing(subject: &Subject) -> Verdict {
    let old = subject.take_new(job()).await;
    subject.end(old.lease, Outcome::Release { delay: Duration::ZERO }).await;
    let new = subject.neighbour().take().await;
    let outcomes = [
        Outcome::Complete,
        retry(Duration::ZERO),
        fail(),
        Outcome::Snooze { delay: Duration::ZERO },
        Outcome::Release { delay: Duration::ZERO },
        Outcome::Cancel { reason: None },
    ];
    for outcome in outcomes {
        let text = format!("{outcome:?}");
        assert_eq!(subject.settle(old.lease, outcome).await, Settled::Lost, "{text} under an old token");
        subject.maintain().await;
        subject.assert_nothing_to_fetch("the job runs under a newer token").await;
        subject.assert_state(old.lease.id, JobState::Running).await;
    }
    subject.end(new.lease, Outcome::Complete).await;
    Ok(())
}

/// Every outcome at once, from several queues, good and lost leases mixed.
pub(super) async fn a_mixed_batch_is_answered_in_order(subject: &Subject) -> Verdict {
    let mut leases = Vec::new();
    for queue in ["a", "b", "c", "d", "e", "f", "g"] {
        leases.push(subject.take_new(job_in(queue)).await.lease);
    }
    subject.end(leases[2], Outcome::Complete).await;
    let outcomes = [
        Outcome::Complete,
        retry(secs(60)),
        Outcome::Complete,
        fail(),
        Outcome::Snooze { delay: secs(60) },
        Outcome::Release { delay: Duration::ZERO },
        Outcome::Cancel { reason: None },
    ];
    let settlements: Vec<_> = leases.iter().zip(outcomes).map(|(&lease, outcome)| Settlement::new(lease, outcome)).collect();
    let settled = subject.settle_all(&settlements).await;
    let expected: Vec<_> = (0..7).map(|index| if index == 2 { Settled::Lost } else { Settled::Stored }).collect();
    assert_eq!(settled, expected);
    let states = [
        JobState::Completed,
        JobState::Retryable,
        JobState::Completed,
        JobState::Failed,
        JobState::Scheduled,
        JobState::Available,
        JobState::Cancelled,
    ];
    for (lease, state) in leases.iter().zip(states) {
        subject.assert_state(lease.id, state).await;
    }
    Ok(())
}

pub(super) async fn a_follow_up_is_stored_with_the_settlement(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    let next = [job(), job()];
    let settlement = Settlement { lease: delivery.lease, outcome: Outcome::Complete, follow_ups: next.to_vec() };
    assert_eq!(subject.settle_all(&[settlement]).await, [Settled::Stored]);
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), next.each_ref().map(|job| job.id));
    Ok(())
}

pub(super) async fn a_follow_up_of_a_lost_lease_is_not_stored(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, Outcome::Complete).await;
    let settlement = Settlement { lease: delivery.lease, outcome: Outcome::Complete, follow_ups: vec![job()] };
    assert_eq!(subject.settle_all(&[settlement]).await, [Settled::Lost]);
    subject.assert_nothing_to_fetch("the lease of the follow-up was lost").await;
    Ok(())
}

pub(super) async fn settling_nothing_is_fine(subject: &Subject) -> Verdict {
    assert!(subject.settle_all(&[]).await.is_empty());
    Ok(())
}
