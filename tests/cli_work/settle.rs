//! `queue:replay --settle`: the outcome is stored.

use queue::drivers::NewJob;
use queue::{JobId, JobState};

use crate::place::{Place, later, stored};
use crate::process::{Running, jobbed, ran, run};
use crate::replay::{booked, replay, told};

on_every_store!(
    a_failed_job_that_now_succeeds_is_completed_with_its_history,
    one_that_fails_again_is_what_its_policy_says,
    a_job_that_waits_or_was_cancelled_is_claimed,
    what_it_pushes_is_stored,
    one_that_another_worker_runs_is_refused,
    what_has_ended_well_is_refused,
    ctrl_c_gives_the_job_back,
    what_the_store_did_not_take_is_said,
    a_job_is_revived_only_when_its_run_can_begin,
    no_worker_beside_it_takes_the_job_first,
);

const SETTLE: [&str; 1] = ["--settle"];

async fn failed(place: &Place, job: NewJob) -> JobId {
    let id = place.push([job]).await[0];
    ran(place, &["queue:work", "--once"]).ends_with(0);
    assert_eq!(place.row(id).await.state, JobState::Failed);
    id
}

async fn a_failed_job_that_now_succeeds_is_completed_with_its_history(place: Place) {
    let id = failed(&place, stored("Fails", r#"{"code":7,"for_good":true}"#)).await;
    let said = run(replay(&place, id, &SETTLE).env("TEST_GATEWAY", "up")).ends_with(0);
    said.says(&format!("Fails {id} (attempt 2): completed after ")).says("the outcome is stored");
    let row = place.row(id).await;
    assert_eq!((row.state, row.attempt), (JobState::Completed, 2));
    assert_eq!(row.errors.iter().map(|error| error.attempt).collect::<Vec<_>>(), [1]);
    assert_eq!(row.errors[0].message, "the gateway answered 7: connection reset");
}

async fn one_that_fails_again_is_what_its_policy_says(place: Place) {
    // It has attempts left.
    let id = place.push([NewJob { max_attempts: 3, ..stored("Fails", r#"{"code":7}"#) }]).await[0];
    ran(&place, &["queue:work", "--once"]).ends_with(0);
    let told_of = told(&mut replay(&place, id, &SETTLE), 5);
    assert_eq!((&told_of["outcome"], &told_of["settled"], &told_of["attempt"]), (&"retryable".into(), &true.into(), &2.into()));
    let row = place.row(id).await;
    assert_eq!((row.state, row.attempt, row.errors.len()), (JobState::Retryable, 2, 2));
    // The last one.
    let said = run(&mut replay(&place, id, &SETTLE)).ends_with(5);
    said.says("(attempt 3): failed after ").complains("it failed for good");
    let row = place.row(id).await;
    assert_eq!((row.state, row.attempt, row.errors.len()), (JobState::Failed, 3, 3));
    // For good is for good.
    let id = failed(&place, stored("Fails", r#"{"code":7,"for_good":true}"#)).await;
    assert_eq!(told(&mut replay(&place, id, &SETTLE), 5)["outcome"], "failed");
    let row = place.row(id).await;
    assert_eq!((row.state, row.attempt, row.errors.len()), (JobState::Failed, 2, 2));
}

async fn a_job_that_waits_or_was_cancelled_is_claimed(place: Place) {
    let ids = place
        .push([stored("Greet", r#"{"name":"a"}"#), later("Greet", r#"{"name":"b"}"#), later("Greet", r#"{"name":"c"}"#)])
        .await;
    let queue = place.queue().await;
    queue.cancel(ids[2]).await.unwrap();
    queue.pause("default").await.unwrap();
    queue.shutdown().await.unwrap();
    for id in ids {
        run(&mut replay(&place, id, &SETTLE)).ends_with(0).says("(attempt 1): completed after ").says("the outcome is stored");
    }
    assert_eq!(place.states().await, "completed 3");
}

async fn what_it_pushes_is_stored(place: Place) {
    let id = place.push([stored("Spreads", r#"{"to":["a","b"]}"#)]).await[0];
    run(&mut replay(&place, id, &SETTLE)).ends_with(0).says(r#"pushed: Greet into `mail` {"name":"a"}"#);
    assert_eq!(place.states().await, "available 2, completed 1");
}

async fn one_that_another_worker_runs_is_refused(place: Place) {
    let id = place.push([stored("Waits", "{}")]).await[0];
    let mut worker = Running::work(&place, &[]);
    worker.until("waiting");
    let said = run(&mut replay(&place, id, &SETTLE)).ends_with(1);
    said.complains(&format!("job {id} is running, and its outcome cannot be stored by a replay")).complains("without --settle");
    worker.signal("TERM");
    worker.end().ends_with(0);
    assert_eq!(place.row(id).await.attempt, 1);
}

async fn what_has_ended_well_is_refused(place: Place) {
    let id = place.push([stored("Greet", r#"{"name":"x"}"#)]).await[0];
    ran(&place, &["queue:work", "--once"]).ends_with(0);
    let before = place.dump().await;
    run(&mut replay(&place, id, &SETTLE)).ends_with(1).complains("is completed");
    assert_eq!(place.dump().await, before);
}

async fn ctrl_c_gives_the_job_back(place: Place) {
    let id = place.push([stored("Waits", r#"{"deaf":true}"#)]).await[0];
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut replaying = Running::start(&mut replay(&place, id, &SETTLE));
        replaying.until("waiting");
        replaying.signal(signal);
        replaying.end().ends_with(code).says("released after ");
        let row = place.row(id).await;
        assert_eq!((row.state, row.attempt, row.errors.len()), (JobState::Available, 0, 0));
    }
}

/// As after a lease that ran out: another has the job by then.
async fn what_the_store_did_not_take_is_said(place: Place) {
    let id = place.push([stored("Waits", "{}")]).await[0];
    let mut replaying = Running::start(&mut replay(&place, id, &SETTLE));
    replaying.until("waiting");
    let table = place.as_schema().map_or_else(|| "queue_jobs".to_owned(), |schema| format!("{}.queue_jobs", schema.name()));
    place.sql(&format!("UPDATE {table} SET token = token + 1")).await;
    replaying.signal("INT");
    replaying.end().ends_with(1).says("the outcome is NOT stored");
    assert_eq!(place.row(id).await.state, JobState::Running);
}

async fn a_job_is_revived_only_when_its_run_can_begin(place: Place) {
    let id = failed(&place, stored("Fails", r#"{"code":7,"for_good":true}"#)).await;
    run(replay(&place, id, &SETTLE).env("TEST_STAGE", "broken")).ends_with(4).complains("the worker does not start");
    assert_eq!(place.row(id).await.state, JobState::Failed);
}

/// It is never theirs to take.
async fn no_worker_beside_it_takes_the_job_first(place: Place) {
    let id = failed(&place, stored("Fails", r#"{"code":7,"for_good":true}"#)).await;
    let mut worker = Running::start(&mut jobbed(&place, &["queue:work"]));
    worker.until("serves the queues");
    for attempt in 2..7 {
        let said = run(&mut replay(&place, id, &SETTLE)).ends_with(5);
        said.says(&format!("(attempt {attempt}): failed after ")).says("the outcome is stored");
    }
    worker.signal("TERM");
    worker.end().ends_with(0);
    let row = place.row(id).await;
    assert_eq!((row.state, row.attempt, row.errors.len()), (JobState::Failed, 6, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_of_the_handler_settles_the_job() {
    let place = Place::file();
    let id = place.push([stored("Books", "{}")]).await[0];
    let said = run(&mut replay(&place, id, &SETTLE)).ends_with(0);
    said.says("completed after ").says("in a transaction of its own").says("the outcome is stored");
    assert_eq!(place.row(id).await.state, JobState::Completed);
    assert_eq!((place.states().await.as_str(), booked(&place).await), ("available 1, completed 1", 1));
}
