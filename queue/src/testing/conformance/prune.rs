//! What is removed, and when.

use super::Verdict;
use super::subject::{Subject, fail, hours, job, job_after};
use crate::drivers::MaintainLimits;
use crate::job::{JobState, Outcome};

pub(super) async fn completed_and_cancelled_jobs_are_pruned_after_a_day(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let mut ended = Vec::new();
    for outcome in [Outcome::Complete, Outcome::Cancel { reason: None }] {
        let delivery = subject.take_new(job()).await;
        subject.end(delivery.lease, outcome).await;
        ended.push(delivery.lease.id);
    }
    subject.jump_and_maintain(hours(23)).await;
    for &id in &ended {
        assert!(subject.find(id).await.is_some(), "it ended 23 h ago, and is kept for 24");
    }
    subject.jump(hours(2));
    assert_eq!(subject.maintain().await.pruned, 2);
    for &id in &ended {
        assert!(subject.find(id).await.is_none(), "it ended 25 h ago");
    }
    Ok(())
}

pub(super) async fn failed_jobs_are_pruned_after_seven_days(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, fail()).await;
    subject.jump_and_maintain(hours(7 * 24 - 1)).await;
    assert!(subject.find(delivery.lease.id).await.is_some(), "failed jobs are kept for 7 days");
    subject.jump(hours(2));
    assert_eq!(subject.maintain().await.pruned, 1);
    assert!(subject.find(delivery.lease.id).await.is_none());
    Ok(())
}

pub(super) async fn how_long_jobs_are_kept_is_a_setting(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let completed = subject.take_new(job()).await.lease;
    subject.end(completed, Outcome::Complete).await;
    let failed = subject.take_new(job()).await.lease;
    subject.end(failed, fail()).await;
    let limits = MaintainLimits { keep_completed: hours(1), keep_failed: hours(2), ..MaintainLimits::default() };
    subject.jump(hours(1));
    assert_eq!(subject.maintain_by(&limits).await.pruned, 1);
    assert!(subject.find(completed.id).await.is_none() && subject.find(failed.id).await.is_some());
    subject.jump(hours(1));
    assert_eq!(subject.maintain_by(&limits).await.pruned, 1);
    assert!(subject.find(failed.id).await.is_none());
    Ok(())
}

pub(super) async fn a_live_job_is_never_pruned(subject: &Subject) -> Verdict {
    let running = subject.take_new(job()).await;
    let retryable = subject.take_new(job()).await;
    subject.end(retryable.lease, super::subject::retry(hours(24 * 60))).await;
    let scheduled = subject.store(job_after(hours(24 * 60))).await;
    let available = subject.store(job()).await;
    subject.jump(hours(24 * 30));
    assert_eq!(subject.maintain().await.pruned, 0);
    subject.end(running.lease, Outcome::Complete).await;
    assert_eq!(subject.take().await.lease.id, available);
    subject.assert_state(scheduled, JobState::Scheduled).await;
    subject.assert_state(retryable.lease.id, JobState::Retryable).await;
    subject.jump_and_maintain(hours(24 * 31)).await;
    assert_eq!(subject.fetch(super::subject::QUEUE, 10).await.len(), 2, "both are due by now");
    Ok(())
}

pub(super) async fn pruning_is_bounded_by_the_batch(subject: &Subject) -> Verdict {
    subject.inspect()?;
    for _ in 0..25 {
        let delivery = subject.take_new(job()).await;
        subject.end(delivery.lease, Outcome::Complete).await;
    }
    subject.jump(hours(25));
    let limits = MaintainLimits { batch: 10, ..MaintainLimits::default() };
    let mut pruned = Vec::new();
    for _ in 0..3 {
        pruned.push(subject.maintain_by(&limits).await.pruned);
    }
    assert_eq!(pruned, [10, 10, 5]);
    Ok(())
}
