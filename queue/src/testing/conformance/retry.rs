//! Trying a terminal job again, and forgetting it.

use std::sync::Arc;

use super::Verdict;
use super::subject::{QUEUE, Subject, fail, hours, job, job_after, job_in, job_with_key, soon};
use crate::drivers::{Delivery, Inspect, NewJob, Settled, Settlement};
use crate::job::{Filter, JobState, Outcome};
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

/// Pushes jobs of one queue, runs them together, and ends them.
async fn ended(subject: &Subject, jobs: Vec<NewJob>, outcome: &Outcome) -> Vec<Delivery> {
    let (count, queue) = (jobs.len(), Arc::clone(&jobs[0].queue));
    subject.push_all(jobs).await;
    let deliveries = subject.fetch(&queue, count).await;
    assert_eq!(deliveries.len(), count, "what was pushed is there to be fetched");
    let settlements: Vec<_> = deliveries.iter().map(|one| Settlement::new(one.lease, outcome.clone())).collect();
    assert!(subject.settle_all(&settlements).await.iter().all(|settled| *settled == Settled::Stored));
    deliveries
}

/// Retries many; answers how many, and which were refused.
async fn retry_all(inspect: &dyn Inspect, filter: Filter) -> (u64, Vec<JobId>) {
    let done = inspect.retry_all(&filter).await.expect("`retry_all` works");
    (done.retried, done.refused)
}

pub(super) async fn many_jobs_are_retried_as_one_is(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let jobs = (0..3).map(|_| NewJob { max_attempts: 1, ..job() }).collect();
    let first = ended(subject, jobs, &fail()).await;
    assert_eq!(retry_all(inspect, Filter::new()).await, (3, Vec::new()));
    assert_eq!(inspect.counts().await.expect("`counts` works").total(JobState::Available), 3);
    let again = subject.fetch(QUEUE, 10).await;
    assert_eq!(again.len(), 3, "they are available at once");
    for again in again {
        let first = first.iter().find(|first| first.lease.id == again.lease.id).expect("it is one of them");
        assert_eq!((again.attempt, again.max_attempts), (2, 2), "it has its one attempt, and one more");
        assert_eq!(again.lease.token, first.lease.token + 1, "the old lease stays lost");
        let row = subject.row(again.lease.id).await;
        assert_eq!((row.errors.len(), row.finished_at), (1, None), "it keeps its history, and has not ended");
    }
    Ok(())
}

/// Only failed ones, where no state is named.
pub(super) async fn of_many_jobs_those_are_retried_that_the_filter_fits(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let failed = ended(subject, vec![job(), NewJob { kind: "Other".into(), ..job() }], &fail()).await;
    let mail = ended(subject, vec![job_in("mail")], &fail()).await[0].lease.id;
    let cancelled = ended(subject, vec![job()], &Outcome::Cancel { reason: None }).await[0].lease.id;
    let completed = ended(subject, vec![job()], &Outcome::Complete).await[0].lease.id;
    let running = subject.take_new(job()).await.lease.id;
    let (plain, other) = (failed[0].lease.id, failed[1].lease.id);

    for state in [JobState::Completed, JobState::Running, JobState::Available] {
        assert_eq!(retry_all(inspect, Filter::new().state(state)).await, (0, Vec::new()), "{state} jobs cannot be retried");
    }
    assert_eq!(retry_all(inspect, Filter::new().kind("Unheard")).await, (0, Vec::new()));
    assert_eq!(retry_all(inspect, Filter::new().queue("mail").kind("Plain")).await, (1, Vec::new()));
    subject.assert_state(mail, JobState::Available).await;
    subject.assert_state(plain, JobState::Failed).await;
    assert_eq!(retry_all(inspect, Filter::new().state(JobState::Cancelled).state(JobState::Completed)).await, (1, Vec::new()));
    subject.assert_state(cancelled, JobState::Available).await;
    subject.assert_state(plain, JobState::Failed).await;
    let again = subject.take().await;
    subject.end(again.lease, Outcome::Cancel { reason: None }).await;
    assert_eq!(retry_all(inspect, Filter::new().kind("Plain").kind("Other")).await, (2, Vec::new()));
    for (id, state) in [
        (plain, JobState::Available),
        (other, JobState::Available),
        (cancelled, JobState::Cancelled),
        (completed, JobState::Completed),
        (running, JobState::Running),
    ] {
        subject.assert_state(id, state).await;
    }
    Ok(())
}

/// More than a page, and more than a store may do in one commit.
pub(super) async fn of_many_jobs_all_are_retried_whatever_the_page(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let all = ended(subject, (0..1_200).map(|_| job()).collect(), &fail()).await;
    let last = all.iter().map(|delivery| delivery.lease.id).max().expect("there are some");
    assert_eq!(retry_all(inspect, Filter::new().limit(7).after(last)).await, (1_200, Vec::new()));
    assert_eq!(subject.fetch(QUEUE, 2_000).await.len(), 1_200);
    Ok(())
}

/// One that lives, and one that was just retried.
pub(super) async fn of_many_jobs_those_with_a_taken_key_are_refused(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.needs(subject.capabilities().unique, "unique keys")?;
    let lost = ended(subject, vec![job_with_key("a")], &fail()).await[0].lease.id;
    let first = ended(subject, vec![job_with_key("b")], &fail()).await[0].lease.id;
    let second = ended(subject, vec![job_with_key("b")], &fail()).await[0].lease.id;
    let free = ended(subject, vec![job_with_key("c"), job()], &fail()).await;
    let winner = subject.store(job_with_key("a")).await;

    assert_eq!(retry_all(inspect, Filter::new()).await, (3, vec![lost, second]), "by id");
    for (id, state) in [
        (lost, JobState::Failed),
        (first, JobState::Available),
        (second, JobState::Failed),
        (free[0].lease.id, JobState::Available),
        (free[1].lease.id, JobState::Available),
        (winner, JobState::Available),
    ] {
        subject.assert_state(id, state).await;
    }
    let counts = inspect.counts().await.expect("`counts` works");
    assert_eq!((counts.total(JobState::Failed), counts.total(JobState::Available)), (2, 4));
    Ok(())
}

pub(super) async fn jobs_retried_together_wake(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    ended(subject, vec![job(), job()], &fail()).await;
    let queues = [Arc::from(QUEUE)];
    let wake = subject.driver.wake(&queues);
    retry_all(inspect, Filter::new()).await;
    let wake = soon("a retry of many wakes", wake).await.expect("`wake` works");
    assert!(wake.work, "{wake:?}");
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
