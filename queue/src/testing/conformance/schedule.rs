//! Jobs that are due later.

use std::time::Duration;

use super::Verdict;
use super::subject::{QUEUE, Subject, hours, ids, job, job_after, secs};
use crate::drivers::{Due, MaintainLimits, NewJob};
use crate::job::JobState;

pub(super) async fn a_delayed_job_is_not_fetched_before_it_is_due(subject: &Subject) -> Verdict {
    let id = subject.store(job_after(hours(1))).await;
    subject.maintain().await;
    subject.assert_nothing_to_fetch("the job is due in an hour").await;
    subject.assert_state(id, JobState::Scheduled).await;
    subject.jump_and_maintain(secs(1_800)).await;
    subject.assert_nothing_to_fetch("the job is due in half an hour").await;
    subject.jump_and_maintain(secs(1_801)).await;
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), [id]);
    Ok(())
}

pub(super) async fn a_job_for_a_later_time_is_fetched_then(subject: &Subject) -> Verdict {
    let id = subject.store(NewJob { due: Due::At(subject.clock.now() + hours(1)), ..job() }).await;
    subject.jump_and_maintain(secs(1_800)).await;
    subject.assert_nothing_to_fetch("the job is due in half an hour").await;
    subject.jump_and_maintain(secs(1_860)).await;
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), [id]);
    Ok(())
}

pub(super) async fn a_past_time_is_now(subject: &Subject) -> Verdict {
    let past = subject.clock.now() - hours(24);
    let ancient = std::time::SystemTime::UNIX_EPOCH;
    for due in [Due::At(past), Due::At(ancient), Due::In(Duration::ZERO)] {
        let id = subject.store(NewJob { due, ..job() }).await;
        subject.assert_state(id, JobState::Available).await;
        assert_eq!(ids(&subject.fetch(QUEUE, 10).await), [id], "{due:?} is at once");
    }
    Ok(())
}

/// A delay of years must not overflow, nor be cut to something nearer.
pub(super) async fn a_job_far_ahead_waits(subject: &Subject) -> Verdict {
    let id = subject.store(job_after(hours(24 * 365 * 100))).await;
    subject.jump_and_maintain(hours(24 * 365)).await;
    subject.assert_nothing_to_fetch("the job is due in 99 years").await;
    subject.assert_state(id, JobState::Scheduled).await;
    Ok(())
}

pub(super) async fn the_delivery_says_when_the_job_was_due(subject: &Subject) -> Verdict {
    let at = subject.clock.now() + secs(600);
    subject.store(NewJob { due: Due::At(at), ..job() }).await;
    subject.jump_and_maintain(secs(900)).await;
    let due_at = subject.take().await.due_at;
    let apart = due_at.duration_since(at).unwrap_or_else(|earlier| earlier.duration());
    assert!(apart <= Duration::from_millis(1), "it was due {apart:?} beside the time that was asked for");
    Ok(())
}

/// A job that was promoted long ago still goes before one that was due later.
pub(super) async fn a_waiting_job_becomes_available_by_maintain(subject: &Subject) -> Verdict {
    let id = subject.store(job_after(secs(60))).await;
    subject.jump(secs(61));
    let maintained = subject.maintain().await;
    assert_eq!(maintained.promoted, 1);
    subject.assert_state(id, JobState::Available).await;
    assert_eq!(subject.maintain().await.promoted, 0, "it is promoted once");
    Ok(())
}

pub(super) async fn maintain_promotes_in_bounded_batches(subject: &Subject) -> Verdict {
    let jobs: Vec<_> = (0..25).map(|_| job_after(secs(60))).collect();
    subject.push_all(jobs).await;
    subject.jump(secs(61));
    let limits = MaintainLimits { batch: 10, ..MaintainLimits::default() };
    let mut promoted = Vec::new();
    for _ in 0..3 {
        let maintained = subject.maintain_by(&limits).await;
        promoted.push(maintained.promoted);
        if maintained.promoted == limits.batch {
            assert_eq!(maintained.next_due, Some(Duration::ZERO), "the batch was full, so more may be due");
        }
    }
    assert_eq!(promoted, [10, 10, 5]);
    assert_eq!(subject.fetch(QUEUE, 100).await.len(), 25);
    Ok(())
}

/// The engine sleeps until then instead of polling.
pub(super) async fn maintain_says_when_the_next_job_is_due(subject: &Subject) -> Verdict {
    assert_eq!(subject.maintain().await.next_due, None, "nothing is scheduled");
    subject.store(job_after(hours(2))).await;
    subject.store(job_after(hours(1))).await;
    subject.store(job_after(hours(3))).await;
    let next = subject.maintain().await.next_due.expect("jobs are scheduled");
    assert!(next <= hours(1) && next > hours(1) - secs(300), "the next job is due in an hour, not in {next:?}");

    subject.jump_and_maintain(hours(1)).await;
    let next = subject.maintain().await.next_due.expect("jobs are scheduled");
    assert!(next <= hours(1) && next > hours(1) - secs(300), "the next job is due in an hour, not in {next:?}");
    subject.jump_and_maintain(hours(2)).await;
    assert_eq!(subject.maintain().await.next_due, None, "all are available");
    Ok(())
}

pub(super) async fn a_retry_counts_as_the_next_due(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, super::subject::retry(hours(1))).await;
    let next = subject.maintain().await.next_due.expect("a job waits for its next attempt");
    assert!(next <= hours(1) && next > hours(1) - secs(300), "it is due in an hour, not in {next:?}");
    Ok(())
}

pub(super) async fn maintaining_an_empty_store_is_fine(subject: &Subject) -> Verdict {
    for _ in 0..3 {
        let maintained = subject.maintain().await;
        assert_eq!((maintained.promoted, maintained.rescued, maintained.pruned), (0, 0, 0));
        assert!(maintained.failed.is_empty());
    }
    Ok(())
}
