//! Cancelling by id.

use std::time::Duration;

use super::subject::{Subject, fail, hours, job, job_after, retry, secs, soon};
use super::{Skip, Verdict};
use crate::drivers::{Extra, Inspect, NewJob, Settled};
use crate::job::{JobState, Outcome};
use crate::{ErrorKind, JobId};

fn applies(subject: &Subject) -> Result<&dyn Inspect, Skip> {
    let inspect = subject.inspect()?;
    subject.needs(subject.capabilities().cancel, "cancelling by id")?;
    Ok(inspect)
}

pub(super) async fn a_waiting_job_is_cancelled_at_once(subject: &Subject) -> Verdict {
    let inspect = applies(subject)?;
    let available = subject.store(job()).await;
    let scheduled = subject.store(job_after(hours(1))).await;
    let held = subject.store(NewJob { extra: Some(Box::new(Extra { held: true, ..Extra::default() })), ..job() }).await;
    for id in [available, scheduled, held] {
        assert_eq!(inspect.cancel(id).await.expect("it waits"), JobState::Cancelled);
        let row = subject.row(id).await;
        assert_eq!(row.state, JobState::Cancelled);
        assert!(row.finished_at.is_some());
    }
    subject.jump_and_maintain(hours(2)).await;
    subject.assert_nothing_to_fetch("all jobs are cancelled").await;
    Ok(())
}

pub(super) async fn a_retryable_job_is_cancelled_at_once(subject: &Subject) -> Verdict {
    let inspect = applies(subject)?;
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, retry(secs(60))).await;
    assert_eq!(inspect.cancel(delivery.lease.id).await.expect("it waits"), JobState::Cancelled);
    subject.jump_and_maintain(secs(61)).await;
    subject.assert_nothing_to_fetch("the job is cancelled").await;
    Ok(())
}

pub(super) async fn a_running_job_goes_on_and_its_worker_is_told_by_the_renewal(subject: &Subject) -> Verdict {
    let inspect = applies(subject)?;
    let delivery = subject.take_new(job()).await;
    let id = delivery.lease.id;
    assert_eq!(inspect.cancel(id).await.expect("it runs"), JobState::Running);
    subject.assert_state(id, JobState::Running).await;
    for _ in 0..2 {
        let renewed = subject.renew(&[delivery.lease]).await;
        assert_eq!(renewed.cancelled, [id], "each renewal says so, in case an answer was lost");
        assert!(renewed.lost.is_empty(), "the lease is good");
    }
    Ok(())
}

pub(super) async fn a_cancelled_running_job_wakes_its_worker(subject: &Subject) -> Verdict {
    let inspect = applies(subject)?;
    let delivery = subject.take_new(job()).await;
    let queues = [delivery.queue.clone()];
    let wake = subject.driver.wake(&queues);
    inspect.cancel(delivery.lease.id).await.expect("it runs");
    let wake = soon("`wake` resolves after the cancel of a running job", wake).await.expect("`wake` works");
    assert_eq!(wake.cancelled, [delivery.lease.id]);
    Ok(())
}

/// A second cancel, by somebody who did not see the first, is no error.
pub(super) async fn a_running_job_can_be_cancelled_twice(subject: &Subject) -> Verdict {
    let inspect = applies(subject)?;
    let delivery = subject.take_new(job()).await;
    for _ in 0..2 {
        assert_eq!(inspect.cancel(delivery.lease.id).await.expect("it runs"), JobState::Running);
    }
    subject.end(delivery.lease, Outcome::Cancel { reason: None }).await;
    subject.assert_state(delivery.lease.id, JobState::Cancelled).await;
    Ok(())
}

/// What was cancelled must not run again, whatever the worker says.
pub(super) async fn an_outcome_that_would_run_again_is_stored_as_cancelled(subject: &Subject) -> Verdict {
    let inspect = applies(subject)?;
    let outcomes = [
        retry(Duration::ZERO),
        Outcome::Snooze { delay: Duration::ZERO },
        Outcome::Release { delay: Duration::ZERO },
        Outcome::Release { delay: secs(60) },
    ];
    for outcome in outcomes {
        let text = format!("{outcome:?}");
        let delivery = subject.take_new(job()).await;
        inspect.cancel(delivery.lease.id).await.expect("it runs");
        subject.end(delivery.lease, outcome).await;
        let row = subject.row(delivery.lease.id).await;
        assert_eq!(row.state, JobState::Cancelled, "after {text}");
        assert!(row.finished_at.is_some());
        subject.jump_and_maintain(secs(61)).await;
        subject.assert_nothing_to_fetch("the job is cancelled").await;
    }
    Ok(())
}

/// A cancel that came too late changes nothing.
pub(super) async fn an_outcome_that_ends_the_job_stays_what_it_is(subject: &Subject) -> Verdict {
    let inspect = applies(subject)?;
    for (outcome, state) in [(Outcome::Complete, JobState::Completed), (fail(), JobState::Failed)] {
        let delivery = subject.take_new(job()).await;
        inspect.cancel(delivery.lease.id).await.expect("it runs");
        subject.end(delivery.lease, outcome).await;
        subject.assert_state(delivery.lease.id, state).await;
    }
    Ok(())
}

/// Its worker died before it could say how it ended.
pub(super) async fn a_cancel_survives_the_death_of_the_worker(subject: &Subject) -> Verdict {
    let inspect = applies(subject)?;
    let delivery = subject.take_new(job()).await;
    let id = delivery.lease.id;
    inspect.cancel(id).await.expect("it runs");
    subject.pass(secs(45)).await;
    match subject.row(id).await.state {
        JobState::Cancelled => subject.assert_nothing_to_fetch("the job is cancelled").await,
        JobState::Available => {
            let again = subject.take().await;
            assert_eq!(subject.renew(&[again.lease]).await.cancelled, [id], "the next worker must be told");
        }
        state => panic!("the job is {state}, and it was cancelled and then taken back"),
    }
    assert_eq!(subject.settle(delivery.lease, Outcome::Complete).await, Settled::Lost);
    Ok(())
}

pub(super) async fn a_terminal_job_cannot_be_cancelled(subject: &Subject) -> Verdict {
    let inspect = applies(subject)?;
    let states = [JobState::Completed, JobState::Failed, JobState::Cancelled];
    for (outcome, state) in [Outcome::Complete, fail(), Outcome::Cancel { reason: None }].into_iter().zip(states) {
        let delivery = subject.take_new(job()).await;
        subject.end(delivery.lease, outcome).await;
        let error = inspect.cancel(delivery.lease.id).await.expect_err("terminal is final");
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        subject.assert_state(delivery.lease.id, state).await;
    }
    Ok(())
}

pub(super) async fn an_unknown_job_cannot_be_cancelled(subject: &Subject) -> Verdict {
    let inspect = applies(subject)?;
    let error = inspect.cancel(JobId::new()).await.expect_err("there is no such job");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    Ok(())
}
