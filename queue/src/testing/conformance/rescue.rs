//! What becomes of the jobs of a dead worker.

use std::time::Duration;

use super::Verdict;
use super::subject::{LEASE, QUEUE, Subject, ids, job, retry, secs};
use crate::drivers::{MaintainLimits, Settled};
use crate::job::{JobState, Outcome};

pub(super) async fn the_job_of_a_dead_worker_comes_back_within_45_s(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    let (maintained, after) = subject.pass(secs(45)).await;
    assert_eq!(maintained.rescued, 1);
    assert!(after >= Some(LEASE), "it was taken back after {after:?}, and its lease lasted {LEASE:?}");
    assert_eq!(subject.take().await.lease.id, delivery.lease.id);
    Ok(())
}

/// Its process died; that says nothing about the job, so the attempt is given back.
pub(super) async fn a_rescue_counts_a_rescue_and_no_attempt(subject: &Subject) -> Verdict {
    let mut delivery = subject.take_new(job()).await;
    for rescues in 1..=3 {
        subject.die().await;
        let next = subject.take().await;
        assert_eq!((next.attempt, next.rescues), (1, rescues));
        assert_eq!(next.lease.token, delivery.lease.token + 1);
        assert_eq!(subject.settle(delivery.lease, Outcome::Complete).await, Settled::Lost, "the token is older");
        delivery = next;
    }
    subject.end(delivery.lease, retry(secs(1))).await;
    subject.jump_and_maintain(secs(2)).await;
    let next = subject.take().await;
    assert_eq!((next.attempt, next.rescues), (2, 3), "rescues stay with the row");
    Ok(())
}

/// One that kills its process would otherwise run for ever.
pub(super) async fn the_fifth_rescue_fails_the_job(subject: &Subject) -> Verdict {
    let id = subject.store(job()).await;
    for _ in 0..4 {
        subject.take().await;
        subject.die().await;
    }
    subject.take().await;
    let (maintained, _) = subject.pass(secs(45)).await;
    assert_eq!(ids_of(&maintained.failed), [id], "`Maintained::failed` has the row");
    let row = &maintained.failed[0];
    assert_eq!((row.state, row.rescues, row.attempt), (JobState::Failed, 5, 0), "a rescue counts, and no attempt");
    let error = row.errors.last().map(|error| error.message.as_str());
    assert_eq!(error, Some("its process died while running it"), "the errors of the row end with this text");
    subject.assert_nothing_to_fetch("the job has failed").await;
    subject.assert_state(id, JobState::Failed).await;
    Ok(())
}

fn ids_of(rows: &[crate::job::JobRow]) -> Vec<crate::JobId> {
    rows.iter().map(|row| row.id).collect()
}

pub(super) async fn how_many_rescues_a_job_has_is_a_setting(subject: &Subject) -> Verdict {
    let id = subject.take_new(job()).await.lease.id;
    let limits = MaintainLimits { max_rescues: 1, ..MaintainLimits::default() };
    let mut failed = Vec::new();
    for _ in 0..9 {
        subject.jump(secs(5));
        failed.extend(subject.maintain_by(&limits).await.failed);
    }
    assert_eq!(ids_of(&failed), [id]);
    Ok(())
}

/// A job that may have killed a process must not take waiting neighbours with it.
pub(super) async fn a_rescued_job_is_not_prefetched(subject: &Subject) -> Verdict {
    let rescued: Vec<_> = [subject.take_new(job()).await, subject.take_new(job()).await].map(|job| job.lease.id).into();
    subject.die().await;
    let request = |free, ahead| subject.request_of(&[(QUEUE, free, ahead)]);
    assert!(subject.fetch_by(&request(0, 10)).await.is_empty(), "no slot is free");

    let plain = [subject.store(job()).await, subject.store(job()).await];
    let deliveries = subject.fetch_by(&request(1, 10)).await;
    let (again, others): (Vec<_>, Vec<_>) = ids(&deliveries).into_iter().partition(|id| rescued.contains(id));
    assert_eq!(again.len(), 1, "one slot is free, so one rescued job goes into it");
    assert_eq!(others, plain, "and those behind it are prefetched");
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 1, "the other rescued job waits for a slot");
    Ok(())
}

/// The free slots go to those that are first; behind them a rescued job would wait in a buffer, beside jobs that it may take with it.
pub(super) async fn a_rescued_job_behind_the_free_slots_is_not_prefetched(subject: &Subject) -> Verdict {
    let (first, second) = (subject.take_new(job()).await.lease, subject.take_new(job()).await.lease);
    // It keeps its turn, which is before that of the second one.
    subject.end(first, Outcome::Release { delay: Duration::ZERO }).await;
    subject.die().await;
    let third = subject.store(job()).await;
    let deliveries = subject.fetch_by(&subject.request_of(&[(QUEUE, 1, 10)])).await;
    assert_eq!(
        ids(&deliveries),
        [first.id, third],
        "the slot is for the first, and of those behind it only the rescued one waits"
    );
    assert_eq!(ids(&subject.fetch(QUEUE, 1).await), [second.id]);
    Ok(())
}

/// After a suspended machine or a blocked store every lease has run out, and every worker may still live.
pub(super) async fn after_15_s_of_silence_nobody_rescues_for_15_s(subject: &Subject) -> Verdict {
    let dead = subject.take_new(job()).await;
    let live = subject.take_new(job()).await;
    subject.pass(secs(20)).await;
    subject.jump(secs(300));

    assert_eq!(subject.maintain().await.rescued, 0, "the first `maintain` after the silence only marks it");
    for _ in 0..2 {
        subject.jump(secs(5));
        assert_eq!(subject.maintain().await.rescued, 0, "nobody rescues for 15 s after the mark");
    }
    assert!(subject.renew(&[live.lease]).await.lost.is_empty(), "meanwhile every live worker renews");
    let (maintained, _) = subject.pass(secs(20)).await;
    assert_eq!(maintained.rescued, 1, "then the dead are taken back");
    assert_eq!(subject.take().await.lease.id, dead.lease.id);
    subject.end(live.lease, Outcome::Complete).await;
    Ok(())
}

/// Whoever wakes first must not take the jobs of those who wake a moment later.
pub(super) async fn a_renewal_after_the_silence_does_not_hide_it(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.pass(secs(20)).await;
    subject.jump(secs(300));
    subject.neighbour().renew(&[]).await;
    assert_eq!(subject.maintain().await.rescued, 0, "the store was silent, and only one worker has renewed since");
    assert!(subject.renew(&[delivery.lease]).await.lost.is_empty());
    Ok(())
}

/// Where workers renew, somebody writes: that is no silence, even if nobody maintains.
pub(super) async fn a_renewal_ends_the_silence(subject: &Subject) -> Verdict {
    subject.take_new(job()).await;
    subject.pass(secs(20)).await;
    let neighbour = subject.neighbour();
    for _ in 0..3 {
        subject.jump(secs(10));
        neighbour.renew(&[]).await;
    }
    assert_eq!(subject.maintain().await.rescued, 1, "nobody was silent for 15 s, so nobody waits");
    Ok(())
}

pub(super) async fn rescues_are_bounded_by_the_batch(subject: &Subject) -> Verdict {
    subject.push_all((0..25).map(|_| job()).collect()).await;
    assert_eq!(subject.fetch(QUEUE, 25).await.len(), 25);
    let limits = MaintainLimits { batch: 10, ..MaintainLimits::default() };
    let mut rescued = Vec::new();
    for _ in 0..12 {
        subject.jump(secs(5));
        let maintained = subject.maintain_by(&limits).await;
        if maintained.rescued > 0 {
            rescued.push(maintained.rescued);
        }
    }
    assert_eq!(rescued, [10, 10, 5]);
    assert_eq!(subject.fetch(QUEUE, 100).await.len(), 25);
    Ok(())
}
