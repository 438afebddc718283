//! Acting on many jobs at once, claiming one, and telling workers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use queue::drivers::{Action, Driver as _, Except, FetchRequest, Sqlite, Told, WorkerId, WorkerRow};
use queue::job::Outcome;
use queue::{Error, ErrorKind, JobId, JobState};
use queue_tests::errors::chain;

use crate::counting::check;
use crate::store::{LEASE, Place, Verbs, fail, ids, job, jobs, keyed, later, number, request, run, worker};

/// What was answered: the state, or the kind of the error.
fn plain(answers: &[Result<JobState, Error>]) -> Vec<Result<JobState, ErrorKind>> {
    answers.iter().map(|answer| answer.as_ref().map(|state| *state).map_err(Error::kind)).collect()
}

async fn act(driver: &Sqlite, action: Action, ids: &[JobId]) -> Vec<Result<JobState, Error>> {
    driver.inside().act(action, ids).await.unwrap()
}

#[tokio::test]
async fn many_jobs_are_cancelled_retried_and_forgotten_in_order() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    let mut all: Vec<_> = driver.store(jobs(1_200)).await.iter().map(|pushed| pushed.id).collect();
    // Some run, some have ended, and some never were.
    let taken = driver.take(200).await;
    driver.end(&taken[..100], Outcome::Complete).await;
    let unknown = [JobId::new(), JobId::new()];
    all.insert(700, unknown[0]);
    all.push(unknown[1]);

    let expected: Vec<_> = all
        .iter()
        .map(|id| match ids(&taken).iter().position(|taken| taken == id) {
            _ if unknown.contains(id) => Err(ErrorKind::NotFound),
            Some(..100) => Err(ErrorKind::Conflict),
            Some(_) => Ok(JobState::Running),
            None => Ok(JobState::Cancelled),
        })
        .collect();
    let wake = driver.wake(&[]);
    assert_eq!(plain(&act(&driver, Action::Cancel, &all).await), expected);
    let told = wake.now_or_never().unwrap().unwrap().cancelled;
    assert_eq!(told, ids(&taken[100..]).into_iter().filter(|id| all[..500].contains(id)).collect::<Vec<_>>());
    check(&driver, &mut stranger, "cancelled").await;
    assert_eq!(driver.keep(&taken[100..]).await.cancelled.len(), 100);

    let queues: [Arc<str>; 1] = ["mail".into()];
    let wake = driver.wake(&queues);
    let expected = expected.iter().map(|answer| match answer {
        Ok(JobState::Cancelled) => Ok(JobState::Available),
        Ok(_) => Err(ErrorKind::Conflict),
        Err(kind) => Err(*kind),
    });
    assert_eq!(plain(&act(&driver, Action::Retry, &all).await), expected.collect::<Vec<_>>());
    assert!(wake.now_or_never().unwrap().unwrap().work);
    check(&driver, &mut stranger, "retried").await;

    let states = plain(&act(&driver, Action::Forget, &all).await);
    assert_eq!(states.iter().filter(|answer| **answer == Ok(JobState::Completed)).count(), 100);
    assert_eq!(states.iter().filter(|answer| **answer == Err(ErrorKind::Conflict)).count(), 1_100);
    check(&driver, &mut stranger, "forgotten").await;
    assert_eq!(number(&mut stranger, "SELECT count(*) FROM queue_jobs").await, 1_100);
}

#[tokio::test]
async fn a_job_that_is_named_twice_is_acted_on_as_if_one_by_one() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    let id = driver.store(jobs(1)).await[0].id;
    let twice = [id, id];
    for (action, first, then) in [
        (Action::Cancel, JobState::Cancelled, "is cancelled, and only a job that has not ended can be cancelled"),
        (Action::Retry, JobState::Available, "is available, and only a failed or cancelled job can be retried"),
        (Action::Cancel, JobState::Cancelled, "is cancelled, and"),
        (Action::Forget, JobState::Cancelled, "there is no job"),
    ] {
        let answers = act(&driver, action, &twice).await;
        assert_eq!(answers[0].as_ref().unwrap(), &first);
        let error = answers[1].as_ref().unwrap_err().to_string();
        assert!(error.contains(then), "{error}");
        check(&driver, &mut stranger, then).await;
    }
    assert!(act(&driver, Action::Cancel, &[]).await.is_empty());
}

#[tokio::test]
async fn of_many_jobs_with_one_unique_key_the_first_named_runs_again() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    let mut failed = Vec::new();
    for _ in 0..3 {
        failed.push(driver.store(vec![keyed("a")]).await[0].id);
        let taken = driver.take(1).await;
        driver.end(&taken, fail()).await;
    }
    failed.reverse();
    let answers = act(&driver, Action::Retry, &failed).await;
    assert_eq!(plain(&answers), [Ok(JobState::Available), Err(ErrorKind::Conflict), Err(ErrorKind::Conflict)]);
    for (answer, loser) in answers[1..].iter().zip(&failed[1..]) {
        let error = answer.as_ref().unwrap_err().to_string();
        assert_eq!(error, format!("job {loser} cannot be retried while job {} has its unique key `a`", failed[0]));
    }
    check(&driver, &mut stranger, "retried").await;
    let again = act(&driver, Action::Retry, &failed[1..]).await;
    assert!(again[0].as_ref().unwrap_err().to_string().contains(&failed[0].to_string()));
}

#[tokio::test]
async fn a_broken_row_is_an_error_of_its_own_among_many() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    let all: Vec<_> = driver.store(jobs(3)).await.iter().map(|pushed| pushed.id).collect();
    run(&mut stranger, "UPDATE queue_jobs SET state = 'pondering' WHERE place = 2").await;
    let answers = act(&driver, Action::Cancel, &all).await;
    let cancelled = Ok(JobState::Cancelled);
    assert_eq!(plain(&answers), [cancelled, Err(ErrorKind::Store), cancelled]);
    assert!(chain(answers[1].as_ref().unwrap_err()).contains("`pondering` is no state of a job"));
}

#[tokio::test]
async fn a_job_is_claimed_by_its_id_due_or_not_and_set_aside_or_not() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    let me = WorkerId::from_u128(7);
    let all: Vec<_> = driver.store(vec![job(), later(LEASE), job(), job()]).await.iter().map(|pushed| pushed.id).collect();
    let retryable = driver.take(1).await;
    driver.end(&retryable, Outcome::Retry { delay: LEASE, error: "not yet".to_owned() }).await;
    // A worker that does not know the kind sets it aside.
    let unknown = FetchRequest { except: vec![Except { kind: "Known".into(), from_version: None }], ..request(5) };
    assert!(driver.fetch(&unknown).await.unwrap().is_empty());
    assert_eq!(number(&mut stranger, "SELECT count(*) FROM queue_jobs WHERE is_parked = 1").await, 2);
    driver.inside().pause("mail").await.unwrap();

    for (&id, attempt) in all.iter().zip([2, 1, 1, 1]) {
        let delivery = driver.inside().claim(id, me, LEASE).await.unwrap();
        assert_eq!((delivery.lease.id, delivery.attempt, &*delivery.queue, &*delivery.kind), (id, attempt, "mail", "Known"));
        assert_eq!(&*delivery.payload, &*job().payload);
        let row = driver.look(id).await.unwrap();
        assert_eq!((row.state, row.attempt, row.worker), (JobState::Running, attempt, Some(me.to_string())));
        assert!(row.started_at.is_some());
        check(&driver, &mut stranger, "claimed").await;
        let error = driver.inside().claim(id, me, LEASE).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("is running, and only a scheduled, available, retryable, failed or cancelled job"));
        // The lease is one like any other.
        let outcome = if id == all[2] { Outcome::Release { delay: Duration::ZERO } } else { Outcome::Complete };
        driver.end(&[delivery], outcome).await;
        check(&driver, &mut stranger, "ended").await;
    }
    assert_eq!(number(&mut stranger, "SELECT count(*) FROM queue_jobs WHERE is_parked = 1").await, 0, "it is one like any other");
    assert_eq!(driver.inside().claim(all[0], me, LEASE).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(driver.inside().claim(JobId::new(), me, LEASE).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_job_that_cannot_be_handed_out_is_not_claimed() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    let id = driver.store(jobs(1)).await[0].id;
    run(&mut stranger, "UPDATE queue_jobs SET payload = 7").await;
    let error = driver.inside().claim(id, WorkerId::from_u128(7), LEASE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(chain(&error).contains("the payload is no text"), "{error:?}");
    assert_eq!(driver.look(id).await.unwrap().state, JobState::Available);
    check(&driver, &mut stranger, "not claimed").await;
}

#[tokio::test]
async fn a_job_that_has_ended_is_retried_with_its_claim_or_neither_is_done() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    let me = WorkerId::from_u128(7);
    driver.store(jobs(2)).await;
    let taken = driver.take(2).await;
    let [failed, cancelled] = [&taken[0], &taken[1]].map(|delivery| delivery.lease.id);
    driver.end(&taken[..1], Outcome::Fail { error: "no".to_owned() }).await;
    driver.end(&taken[1..], Outcome::Cancel { reason: None }).await;
    for id in [failed, cancelled] {
        let before = driver.look(id).await.unwrap();
        run(&mut stranger, "UPDATE queue_jobs SET payload = 7").await;
        assert_eq!(driver.inside().claim(id, me, LEASE).await.unwrap_err().kind(), ErrorKind::Store);
        let row = driver.look(id).await.unwrap();
        assert_eq!((row.state, row.attempt, row.max_attempts), (before.state, 1, before.max_attempts), "neither is done");
        check(&driver, &mut stranger, "not claimed").await;

        run(&mut stranger, "UPDATE queue_jobs SET payload = '{}', is_parked = 1").await;
        let delivery = driver.inside().claim(id, me, LEASE).await.unwrap();
        assert_eq!((delivery.attempt, delivery.max_attempts), (2, 2 * before.max_attempts));
        check(&driver, &mut stranger, "claimed").await;
        driver.end(&[delivery], Outcome::Complete).await;
        check(&driver, &mut stranger, "ended").await;
    }
}

#[tokio::test]
async fn workers_are_told_at_their_next_renewal() {
    let place = Place::new();
    let driver = place.open().await;
    let rows = [1, 2, 3].map(|id| WorkerRow { id: WorkerId::from_u128(id), ..worker() });
    driver.renew(&rows[0], &[]).await.unwrap();
    place.clock.advance(LEASE);
    for row in &rows[1..] {
        driver.renew(row, &[]).await.unwrap();
    }
    let tell = async |told, workers: &[WorkerId]| driver.inside().tell(told, workers).await.unwrap();
    let heard = async || {
        let mut heard = Vec::new();
        for row in &rows {
            heard.push(driver.renew(row, &[]).await.unwrap().told);
        }
        heard
    };
    assert_eq!(tell(Told::Quiet, &[]).await, 2, "the first one is dead");
    assert_eq!(heard().await, [None, Some(Told::Quiet), Some(Told::Quiet)]);
    assert_eq!(tell(Told::Restart, &[rows[2].id, WorkerId::from_u128(9)]).await, 1);
    assert_eq!(heard().await, [None, Some(Told::Quiet), Some(Told::Restart)]);
}

#[tokio::test]
async fn a_worker_says_which_kinds_it_knows() {
    let place = Place::new();
    let driver = place.open().await;
    for kinds in [vec!["Known".into(), "an \"odd\" one".into()], vec![]] {
        let row = WorkerRow { kinds, ..worker() };
        driver.renew(&row, &[]).await.unwrap();
        assert_eq!(driver.inside().workers().await.unwrap()[0].kinds, row.kinds);
    }
}
