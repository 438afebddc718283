//! Trying a terminal job again, and forgetting it.

use super::Verdict;
use super::subject::{Subject, fail, hours, job, job_after};
use crate::drivers::NewJob;
use crate::job::{JobState, Outcome};
use crate::{ErrorKind, JobId};

pub(super) async fn a_failed_job_can_be_retried(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let first = subject.take_new(NewJob { max_attempts: 1, payload: (*b"{\"a\":1}").into(), ..job() }).await;
    subject.end(first.lease, Outcome::Fail { error: "the first time".to_owned() }).await;
    inspect.retry(first.lease.id).await.expect("it has failed");

    let row = subject.row(first.lease.id).await;
    assert_eq!((row.state, row.finished_at), (JobState::Available, None));
    let again = subject.take().await;
    assert_eq!(again.lease.id, first.lease.id);
    assert_eq!((again.attempt, again.max_attempts), (2, 2), "it has its one attempt, and one more");
    assert_eq!(again.payload, first.payload);
    assert_eq!(again.lease.token, first.lease.token + 1, "the old lease stays lost");
    Ok(())
}

pub(super) async fn a_cancelled_job_can_be_retried(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.needs(subject.capabilities().cancel, "cancelling by id")?;
    let id = subject.store(job_after(hours(1))).await;
    inspect.cancel(id).await.expect("it waits");
    inspect.retry(id).await.expect("it is cancelled");
    assert_eq!(subject.take().await.lease.id, id, "it is available at once");
    Ok(())
}

/// The old request must not cancel the new run.
pub(super) async fn a_retried_job_is_no_longer_to_be_cancelled(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.needs(subject.capabilities().cancel, "cancelling by id")?;
    let first = subject.take_new(job()).await;
    inspect.cancel(first.lease.id).await.expect("it runs");
    subject.end(first.lease, Outcome::Cancel { reason: None }).await;
    inspect.retry(first.lease.id).await.expect("it is cancelled");
    let again = subject.take().await;
    assert!(subject.renew(&[again.lease]).await.cancelled.is_empty(), "nobody cancelled this run");
    subject.end(again.lease, super::subject::retry(hours(1))).await;
    subject.assert_state(first.lease.id, JobState::Retryable).await;
    Ok(())
}

pub(super) async fn a_retry_keeps_the_history(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let first = subject.take_new(job()).await;
    subject.end(first.lease, Outcome::Fail { error: "the first time".to_owned() }).await;
    inspect.retry(first.lease.id).await.expect("it has failed");
    let again = subject.take().await;
    subject.end(again.lease, Outcome::Fail { error: "the second time".to_owned() }).await;
    let row = subject.row(first.lease.id).await;
    let errors: Vec<_> = row.errors.iter().map(|error| (error.attempt, error.message.as_str())).collect();
    assert_eq!(errors, [(1, "the first time"), (2, "the second time")]);
    Ok(())
}

pub(super) async fn a_retried_job_may_be_rescued_as_often_as_a_new_one(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let id = subject.store(job()).await;
    for _ in 0..5 {
        subject.take().await;
        subject.pass(super::subject::secs(45)).await;
    }
    subject.assert_state(id, JobState::Failed).await;
    inspect.retry(id).await.expect("it has failed");
    subject.take().await;
    subject.die().await;
    assert_eq!(subject.take().await.lease.id, id, "one rescue after the retry is not the fifth");
    Ok(())
}

pub(super) async fn only_failed_and_cancelled_jobs_can_be_retried(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let completed = subject.take_new(job()).await.lease;
    subject.end(completed, Outcome::Complete).await;
    let running = subject.take_new(job()).await.lease.id;
    let scheduled = subject.store(job_after(hours(1))).await;
    let available = subject.store(job()).await;
    let expected = [
        (completed.id, JobState::Completed),
        (running, JobState::Running),
        (scheduled, JobState::Scheduled),
        (available, JobState::Available),
    ];
    for (id, state) in expected {
        let error = inspect.retry(id).await.expect_err("it is in another state");
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        subject.assert_state(id, state).await;
    }
    let error = inspect.retry(JobId::new()).await.expect_err("there is no such job");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    Ok(())
}

pub(super) async fn a_terminal_job_can_be_forgotten(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    for outcome in [Outcome::Complete, fail(), Outcome::Cancel { reason: None }] {
        let delivery = subject.take_new(job()).await;
        subject.end(delivery.lease, outcome).await;
        inspect.forget(delivery.lease.id).await.expect("it is terminal");
        assert!(subject.find(delivery.lease.id).await.is_none());
    }
    Ok(())
}

pub(super) async fn a_live_job_cannot_be_forgotten(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let running = subject.take_new(job()).await.lease.id;
    let scheduled = subject.store(job_after(hours(1))).await;
    let available = subject.store(job()).await;
    for id in [running, scheduled, available] {
        let error = inspect.forget(id).await.expect_err("it lives");
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(subject.find(id).await.is_some());
    }
    let error = inspect.forget(JobId::new()).await.expect_err("there is no such job");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    Ok(())
}
