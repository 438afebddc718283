//! Cancelling, retrying and forgetting many jobs by their ids.

use std::sync::Arc;

use super::subject::{QUEUE, Subject, fail, hours, job, job_after, job_with_key, retry, soon};
use super::{Skip, Verdict};
use crate::drivers::{Action, Extra, Inspect, NewJob, Pushed, Settled, Settlement};
use crate::job::{JobState, Outcome};
use crate::{Error, ErrorKind, JobId};

/// What an action came to for one job: its state, or why not.
type Answer = Result<JobState, ErrorKind>;

const CONFLICT: Answer = Err(ErrorKind::Conflict);
const NOT_FOUND: Answer = Err(ErrorKind::NotFound);

fn cancels(subject: &Subject) -> Result<&dyn Inspect, Skip> {
    let inspect = subject.inspect()?;
    subject.needs(subject.capabilities().cancel, "cancelling by id")?;
    Ok(inspect)
}

async fn act(inspect: &dyn Inspect, action: Action, ids: &[JobId]) -> Vec<Result<JobState, Error>> {
    let answers = inspect.act(action, ids).await.expect("`act` works");
    assert_eq!(answers.len(), ids.len(), "`act` answers once an id");
    answers
}

/// Acts on jobs, and asserts each answer.
async fn assert_acts(inspect: &dyn Inspect, action: Action, cases: &[(JobId, Answer)]) {
    let ids: Vec<_> = cases.iter().map(|(id, _)| *id).collect();
    let answers = act(inspect, action, &ids).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.map_err(|error| error.kind())).collect();
    let expected: Vec<_> = cases.iter().map(|(_, answer)| *answer).collect();
    assert_eq!(answers, expected, "{action:?}");
}

/// A job that runs has ended so.
async fn ended(subject: &Subject, new: NewJob, outcome: Outcome) -> JobId {
    subject.end_new(new, outcome).await.lease.id
}

/// How many jobs are in these states.
async fn assert_counts(inspect: &dyn Inspect, expected: &[(JobState, u64)]) {
    let counts = inspect.counts().await.expect("`counts` works");
    for state in JobState::ALL {
        let count = expected.iter().find(|(expected, _)| *expected == state).map_or(0, |(_, count)| *count);
        assert_eq!(counts.total(state), count, "{state} jobs");
    }
}

pub(super) async fn many_are_cancelled_as_one_is(subject: &Subject) -> Verdict {
    let inspect = cancels(subject)?;
    let completed = ended(subject, job(), Outcome::Complete).await;
    let failed = ended(subject, job(), fail()).await;
    let retryable = ended(subject, job(), retry(hours(1))).await;
    let running = subject.take_new(job()).await.lease;
    let scheduled = subject.store(job_after(hours(1))).await;
    let held = subject.store(NewJob { extra: Some(Box::new(Extra { held: true, ..Extra::default() })), ..job() }).await;
    let (first, second, left) = (subject.store(job()).await, subject.store(job()).await, subject.store(job()).await);
    let cancelled = Ok(JobState::Cancelled);
    let cases = [
        (second, cancelled),
        (JobId::new(), NOT_FOUND),
        (running.id, Ok(JobState::Running)),
        (completed, CONFLICT),
        (held, cancelled),
        (first, cancelled),
        (retryable, cancelled),
        (failed, CONFLICT),
        (scheduled, cancelled),
    ];
    assert_acts(inspect, Action::Cancel, &cases).await;
    let expected = [
        (JobState::Cancelled, 5),
        (JobState::Running, 1),
        (JobState::Completed, 1),
        (JobState::Failed, 1),
        (JobState::Available, 1),
    ];
    assert_counts(inspect, &expected).await;
    for id in [first, second, held, retryable, scheduled] {
        let row = subject.row(id).await;
        assert_eq!(row.state, JobState::Cancelled);
        assert!(row.finished_at.is_some());
    }
    let renewed = subject.renew(&[running]).await;
    assert_eq!((renewed.cancelled, renewed.lost), (vec![running.id], Vec::new()), "its worker is told");
    subject.jump_and_maintain(hours(2)).await;
    assert_eq!(subject.take().await.lease.id, left, "the others wait no more");
    Ok(())
}

pub(super) async fn many_are_retried_as_one_is(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let completed = ended(subject, job(), Outcome::Complete).await;
    let failed = ended(subject, NewJob { max_attempts: 1, ..job() }, fail()).await;
    let other = ended(subject, job(), fail()).await;
    let cancelled = ended(subject, job(), Outcome::Cancel { reason: None }).await;
    let left = ended(subject, job(), fail()).await;
    let running = subject.take_new(job()).await.lease.id;
    let scheduled = subject.store(job_after(hours(1))).await;
    let available = Ok(JobState::Available);
    let cases = [
        (cancelled, available),
        (scheduled, CONFLICT),
        (failed, available),
        (JobId::new(), NOT_FOUND),
        (completed, CONFLICT),
        (running, CONFLICT),
        (other, available),
    ];
    assert_acts(inspect, Action::Retry, &cases).await;
    let expected = [
        (JobState::Available, 3),
        (JobState::Failed, 1),
        (JobState::Completed, 1),
        (JobState::Running, 1),
        (JobState::Scheduled, 1),
    ];
    assert_counts(inspect, &expected).await;
    subject.assert_state(left, JobState::Failed).await;
    let row = subject.row(failed).await;
    assert_eq!(
        (row.attempt, row.max_attempts, row.errors.len(), row.finished_at),
        (1, 2, 1, None),
        "one attempt more, and its history"
    );
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 3, "they are available at once");
    Ok(())
}

/// The answer is the state that it had.
pub(super) async fn many_are_forgotten_as_one_is(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let completed = ended(subject, job(), Outcome::Complete).await;
    let failed = ended(subject, job(), fail()).await;
    let cancelled = ended(subject, job(), Outcome::Cancel { reason: None }).await;
    let left = ended(subject, job(), fail()).await;
    let running = subject.take_new(job()).await.lease.id;
    let scheduled = subject.store(job_after(hours(1))).await;
    let available = subject.store(job()).await;
    let cases = [
        (running, CONFLICT),
        (failed, Ok(JobState::Failed)),
        (available, CONFLICT),
        (completed, Ok(JobState::Completed)),
        (JobId::new(), NOT_FOUND),
        (scheduled, CONFLICT),
        (cancelled, Ok(JobState::Cancelled)),
    ];
    assert_acts(inspect, Action::Forget, &cases).await;
    for id in [completed, failed, cancelled] {
        assert!(subject.find(id).await.is_none());
    }
    let expected = [(JobState::Running, 1), (JobState::Scheduled, 1), (JobState::Available, 1), (JobState::Failed, 1)];
    assert_counts(inspect, &expected).await;
    subject.assert_state(left, JobState::Failed).await;
    Ok(())
}

/// The second of two is answered as if it came alone, after the first.
pub(super) async fn an_id_that_is_said_twice_is_answered_twice(subject: &Subject) -> Verdict {
    let inspect = cancels(subject)?;
    let running = subject.take_new(job()).await.lease;
    let (one, two) = (subject.store(job()).await, subject.store(job()).await);
    let (cancelled, runs) = (Ok(JobState::Cancelled), Ok(JobState::Running));
    let cases = [(one, cancelled), (running.id, runs), (two, cancelled), (one, CONFLICT), (running.id, runs)];
    assert_acts(inspect, Action::Cancel, &cases).await;
    assert_counts(inspect, &[(JobState::Running, 1), (JobState::Cancelled, 2)]).await;
    let available = Ok(JobState::Available);
    assert_acts(inspect, Action::Retry, &[(one, available), (one, CONFLICT), (two, available), (two, CONFLICT)]).await;
    assert_counts(inspect, &[(JobState::Running, 1), (JobState::Available, 2)]).await;
    assert_acts(inspect, Action::Cancel, &[(one, cancelled)]).await;
    assert_acts(inspect, Action::Forget, &[(one, cancelled), (two, CONFLICT), (one, NOT_FOUND)]).await;
    assert_counts(inspect, &[(JobState::Running, 1), (JobState::Available, 1)]).await;
    Ok(())
}

/// As it is in a retry of one: the winner lives, or was retried before it.
pub(super) async fn of_many_retried_those_with_a_taken_key_name_the_winner(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.needs(subject.capabilities().unique, "unique keys")?;
    let lost = ended(subject, job_with_key("a"), fail()).await;
    let first = ended(subject, job_with_key("b"), fail()).await;
    let second = ended(subject, job_with_key("b"), fail()).await;
    let free = ended(subject, job_with_key("c"), fail()).await;
    let winner = subject.store(job_with_key("a")).await;
    let answers = act(inspect, Action::Retry, &[second, lost, free, first]).await;
    let states: Vec<_> = answers.iter().map(|answer| answer.as_ref().ok().copied()).collect();
    assert_eq!(states, [Some(JobState::Available), None, Some(JobState::Available), None], "in the order that was asked for");
    for (answer, id, winner) in [(&answers[1], lost, winner), (&answers[3], first, second)] {
        let error = answer.as_ref().expect_err("its key is taken");
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains(&winner.to_string()), "the winner is named: {error}");
        subject.assert_state(id, JobState::Failed).await;
    }
    assert_eq!(subject.push(job_with_key("c")).await, Pushed::duplicate_of(free), "it has its key again");
    Ok(())
}

pub(super) async fn the_keys_of_many_that_are_cancelled_are_free(subject: &Subject) -> Verdict {
    let inspect = cancels(subject)?;
    subject.needs(subject.capabilities().unique, "unique keys")?;
    let keys = ["a", "b", "c"];
    let mut all = Vec::new();
    for key in keys {
        all.push(subject.store(job_with_key(key)).await);
    }
    act(inspect, Action::Cancel, &all[..2]).await;
    for key in &keys[..2] {
        subject.store(job_with_key(key)).await;
    }
    assert_eq!(subject.push(job_with_key("c")).await, Pushed::duplicate_of(all[2]));
    Ok(())
}

pub(super) async fn jobs_cancelled_together_wake_their_worker(subject: &Subject) -> Verdict {
    let inspect = cancels(subject)?;
    let running = subject.take_new(job()).await.lease.id;
    let waiting = subject.store(job()).await;
    let queues = [Arc::from(QUEUE)];
    let wake = subject.driver.wake(&queues);
    act(inspect, Action::Cancel, &[waiting, running]).await;
    let wake = soon("`wake` resolves after the cancel of a running job", wake).await.expect("`wake` works");
    assert_eq!(wake.cancelled, [running]);
    Ok(())
}

pub(super) async fn jobs_retried_by_their_ids_wake(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let all = [ended(subject, job(), fail()).await, ended(subject, job(), fail()).await];
    let queues = [Arc::from(QUEUE)];
    let wake = subject.driver.wake(&queues);
    act(inspect, Action::Retry, &all).await;
    let wake = soon("a retry of many wakes", wake).await.expect("`wake` works");
    assert!(wake.work, "{wake:?}");
    Ok(())
}

/// More than a store may do in one commit, and every state that a job may end in.
pub(super) async fn more_than_a_thousand_are_fine(subject: &Subject) -> Verdict {
    let inspect = cancels(subject)?;
    for action in [Action::Cancel, Action::Retry, Action::Forget] {
        assert!(act(inspect, action, &[]).await.is_empty(), "no id, no answer");
    }
    let mut all = Vec::new();
    for _ in 0..3 {
        all.extend(subject.push_all((0..800).map(|_| job()).collect()).await.iter().map(|pushed| pushed.id));
    }
    // Every other one, so that the ids lie apart; and in no order.
    let mut some: Vec<_> = all.iter().step_by(2).copied().collect();
    some.rotate_left(500);
    let cases = |answer: Answer| some.iter().map(|&id| (id, answer)).collect::<Vec<_>>();
    assert_acts(inspect, Action::Cancel, &cases(Ok(JobState::Cancelled))).await;
    assert_counts(inspect, &[(JobState::Cancelled, 1_200), (JobState::Available, 1_200)]).await;
    assert_acts(inspect, Action::Retry, &cases(Ok(JobState::Available))).await;
    assert_counts(inspect, &[(JobState::Available, 2_400)]).await;

    let deliveries = subject.fetch(QUEUE, 2_400).await;
    let settlements: Vec<_> = deliveries.iter().map(|one| Settlement::new(one.lease, fail())).collect();
    assert!(subject.settle_all(&settlements).await.iter().all(|settled| *settled == Settled::Stored));
    assert_acts(inspect, Action::Forget, &cases(Ok(JobState::Failed))).await;
    assert_counts(inspect, &[(JobState::Failed, 1_200)]).await;
    assert_acts(inspect, Action::Forget, &cases(NOT_FOUND)).await;
    Ok(())
}
