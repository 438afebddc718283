//! `queue:work`: when it stops by itself.

use queue::JobState;

use crate::place::{Place, later, stored};
use crate::process::{Running, ran};

on_every_store!(
    once_runs_one_job_and_leaves_the_others,
    once_ends_at_once_where_nothing_is_available,
    it_stops_when_nothing_is_available_any_more,
    it_runs_no_more_jobs_than_it_may,
    it_stops_after_its_time,
    it_stops_when_nothing_has_run_for_a_time,
    the_first_failure_ends_it_where_that_is_asked,
    failures_are_told_whole_at_the_end,
);

fn greets(count: usize) -> Vec<queue::drivers::NewJob> {
    (0..count).map(|number| stored("Greet", &format!(r#"{{"name":"{number}"}}"#))).collect()
}

async fn once_runs_one_job_and_leaves_the_others(place: Place) {
    place.push(greets(3)).await;
    ran(&place, &["queue:work", "--once"]).ends_with(0).complains("hello 0");
    let rows: Vec<_> = place.rows().await.into_iter().map(|row| (row.state, row.attempt, row.worker)).collect();
    assert_eq!(rows[1..], [(JobState::Available, 0, None), (JobState::Available, 0, None)]);
    assert_eq!((rows[0].0, rows[0].1), (JobState::Completed, 1));
}

async fn once_ends_at_once_where_nothing_is_available(place: Place) {
    let quiet = ran(&place, &["queue:work", "--once"]).ends_with(0);
    assert_eq!(quiet.out, "");
    place.push([later("Greet", r#"{"name":"x"}"#)]).await;
    let quiet = ran(&place, &["queue:work", "--once"]).ends_with(0);
    assert_eq!(quiet.out, "");
    assert_eq!(place.states().await, "scheduled 1");
}

async fn it_stops_when_nothing_is_available_any_more(place: Place) {
    let spreads = |number: usize| stored("Spreads", &format!(r#"{{"to":["a{number}","b{number}","c{number}"]}}"#));
    place.push((0..5).map(spreads).chain([later("Greet", r#"{"name":"x"}"#)])).await;
    ran(&place, &["queue:work", "--stop-when-empty"]).ends_with(0).complains("hello c4");
    assert_eq!(place.states().await, "completed 20, scheduled 1");
}

async fn it_runs_no_more_jobs_than_it_may(place: Place) {
    place.push(greets(100)).await;
    let said = ran(&place, &["queue:work", "--max-jobs", "7"]).ends_with(0);
    assert_eq!(said.err.matches("hello ").count(), 7, "{}", said.err);
    assert_eq!(place.states().await, "available 93, completed 7");
    assert!(place.rows().await.iter().all(|row| row.state == JobState::Completed || row.attempt == 0));
}

async fn it_stops_after_its_time(place: Place) {
    place.push([stored("Waits", "{}")]).await;
    ran(&place, &["queue:work", "--max-time", "300ms"]).ends_with(0).complains("told to stop");
    assert_eq!(place.states().await, "completed 1");
}

async fn it_stops_when_nothing_has_run_for_a_time(place: Place) {
    let mut worker = Running::work(&place, &["--idle-timeout", "300ms"]);
    place.push(greets(1)).await;
    worker.until("hello 0");
    worker.end().ends_with(0);
    assert_eq!(place.states().await, "completed 1");

    // What runs for long is not idle: only the signal ends it.
    place.push([stored("Waits", "{}")]).await;
    let mut worker = Running::work(&place, &["--idle-timeout", "1s"]);
    worker.until("waiting");
    // Only for a worker that is wrong this is too short.
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    worker.signal("TERM");
    worker.until("stopping: what runs may end");
    worker.end().ends_with(0).complains("told to stop");
}

async fn the_first_failure_ends_it_where_that_is_asked(place: Place) {
    let fails = stored("Fails", r#"{"for_good":true,"code":7}"#);
    let retries = stored("Fails", r#"{"code":7}"#);
    place.push([retries]).await;
    // Another attempt is no failure.
    ran(&place, &["queue:work", "--stop-when-empty", "--fail-fast"]).ends_with(0);
    place.push([fails].into_iter().chain(greets(5))).await;
    ran(&place, &["queue:work", "--fail-fast", "--concurrency", "1"]).ends_with(5).complains("it failed for good");
    let rows = place.rows().await;
    assert_eq!(rows.iter().filter(|row| row.state == JobState::Failed).count(), 1);
    assert!(rows.iter().all(|row| row.state != JobState::Running), "{rows:?}");

    // Without it a failure is none of the worker's.
    place.push([stored("Fails", r#"{"for_good":true,"code":8}"#)]).await;
    ran(&place, &["queue:work", "--stop-when-empty"]).ends_with(0);
}

async fn failures_are_told_whole_at_the_end(place: Place) {
    let ids = place.push([7, 8].map(|code| stored("Fails", &format!(r#"{{"for_good":true,"code":{code}}}"#)))).await;
    let said = ran(&place, &["queue:work", "--stop-when-empty"]).ends_with(0).complains("2 jobs failed:");
    let (_, told) = said.err.split_once("2 jobs failed:").unwrap();
    for (id, code) in ids.iter().zip([7, 8]) {
        assert!(told.contains(&format!("Fails {id}\n  the gateway answered {code}: connection reset")), "{told}");
    }
    // A program reads it from the lines.
    place.push([stored("Fails", r#"{"for_good":true}"#)]).await;
    let said = ran(&place, &["queue:work", "--once", "--json"]).ends_with(0);
    assert!(!said.err.contains("failed:"), "{}", said.err);
}
