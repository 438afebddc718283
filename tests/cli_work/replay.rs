//! `queue:replay`: one stored job, here and now, with the store left as it is.

use std::process::Command;

use queue::{JobId, JobState};
use serde_json::{Value, json};

use crate::place::{Place, later, stored};
use crate::process::{Running, jobbed, ran, run};

on_every_store!(
    a_failed_job_tells_its_errors_and_its_spans,
    a_job_of_any_state_can_be_replayed,
    what_it_pushes_is_caught_and_printed,
    a_job_that_ends_for_good_says_so,
    a_time_that_runs_out_is_an_error,
    what_cannot_be_run_is_told,
    ctrl_c_ends_a_run,
);

/// The command that replays a job.
pub(crate) fn replay(place: &Place, id: JobId, words: &[&str]) -> Command {
    jobbed(place, &[&["queue:replay", &id.to_string()], words].concat())
}

/// What it tells a program.
pub(crate) fn told(command: &mut Command, code: i32) -> Value {
    let said = run(command.args(["-o", "json"])).ends_with(code);
    serde_json::from_str(&said.out).unwrap()
}

/// A job that failed for good.
async fn failed(place: &Place) -> JobId {
    let ids = place.push([stored("Fails", r#"{"code":7,"for_good":true}"#)]).await;
    ran(place, &["queue:work", "--once"]).ends_with(0);
    assert_eq!(place.row(ids[0]).await.state, JobState::Failed);
    ids[0]
}

async fn a_failed_job_tells_its_errors_and_its_spans(place: Place) {
    let id = place.push([stored("Fails", r#"{"code":7}"#)]).await[0];
    ran(&place, &["queue:work", "--once"]).ends_with(0);
    let before = place.dump().await;
    let said = run(&mut replay(&place, id, &[])).ends_with(5);
    let lines: Vec<_> = said.out.lines().collect();
    assert!(lines[0].starts_with(&format!("Fails {id} (attempt 1): retryable after ")), "{}", said.out);
    let wanted =
        ["error: the gateway answered 7", "  caused by: connection reset", "the store is as it was: --settle stores the outcome"];
    assert_eq!(lines[1..], wanted);
    // Its span, and what it logs inside of that. The end of a span may come after that of the process.
    let said = said.complains("queue::worker::attempt: new").complains("about to fail");
    assert!(!said.err.contains("it failed for good"), "an ordinary error has more attempts: {}", said.err);

    let told = told(&mut replay(&place, id, &[]), 5);
    let wanted = json!({
        "id": id.to_string(), "kind": "Fails", "attempt": 1, "outcome": "retryable", "seconds": told["seconds"],
        "errors": ["the gateway answered 7", "connection reset"], "settled": false, "completed_in_transaction": false, "pushed": [],
    });
    assert_eq!(told, wanted);
    assert_eq!(place.dump().await, before);
}

async fn a_job_of_any_state_can_be_replayed(place: Place) {
    let failed = failed(&place).await;
    let done = place.push([stored("Greet", r#"{"name":"done"}"#)]).await[0];
    ran(&place, &["queue:work", "--once"]).ends_with(0);
    let ids = place.push([stored("Greet", r#"{"name":"waits"}"#), later("Greet", r#"{"name":"later"}"#)]).await;
    let queue = place.queue().await;
    queue.cancel(ids[1]).await.unwrap();
    queue.pause("default").await.unwrap();
    queue.shutdown().await.unwrap();
    let before = place.dump().await;
    for (id, name) in [(done, "done"), (ids[0], "waits"), (ids[1], "later")] {
        let said = run(&mut replay(&place, id, &[])).ends_with(0).complains(&format!("hello {name}"));
        said.says("completed after ").says("the store is as it was");
    }
    run(replay(&place, failed, &[]).env("TEST_GATEWAY", "up")).ends_with(0).says("completed after ");
    assert_eq!(place.dump().await, before);
}

async fn what_it_pushes_is_caught_and_printed(place: Place) {
    let id = place.push([stored("Spreads", r#"{"to":["a","b"]}"#)]).await[0];
    let before = place.dump().await;
    let said = run(&mut replay(&place, id, &[])).ends_with(0);
    let said = said
        .says(r#"pushed (caught, not stored): Greet into `mail` {"name":"a"}"#)
        .says(r#"pushed (caught, not stored): Greet into `mail` {"name":"b"}"#);
    assert!(!said.err.contains("hello"), "what is caught is not run: {}", said.err);
    let told = told(&mut replay(&place, id, &[]), 0);
    let caught = |name: &str| json!({"kind": "Greet", "queue": "mail", "args": {"name": name}});
    assert_eq!(told["pushed"], json!([caught("a"), caught("b")]));
    assert_eq!(place.dump().await, before);
}

async fn a_job_that_ends_for_good_says_so(place: Place) {
    let id = failed(&place).await;
    let before = place.dump().await;
    run(&mut replay(&place, id, &[])).ends_with(5).says("): failed after ").says("error: the gateway answered 7");
    assert_eq!(place.dump().await, before);
}

async fn a_time_that_runs_out_is_an_error(place: Place) {
    let id = place.push([stored("Hurries", "{}")]).await[0];
    let before = place.dump().await;
    run(&mut replay(&place, id, &[])).ends_with(5).says("retryable after ").says("50ms");
    assert_eq!(place.dump().await, before);
}

async fn what_cannot_be_run_is_told(place: Place) {
    let jobs = [stored("Great", "{}"), stored("Spreads", r#"{"to":["a",2]}"#), stored("Greet", r#"{"name":"x"}"#)];
    let newer = queue::drivers::NewJob { version: 9, ..stored("Greet", r#"{"name":"x"}"#) };
    let ids = place.push(jobs.into_iter().chain([newer])).await;
    let before = place.dump().await;
    run(&mut replay(&place, ids[0], &[])).ends_with(1).complains("no job here has the kind `Great`").complains("`Greet`?");
    run(&mut replay(&place, ids[1], &[])).ends_with(5).says("at `to[1]`\n  caused by: invalid type: integer `2`");
    run(&mut replay(&place, ids[3], &[])).ends_with(1).complains("version 9").complains("knows 1");
    run(&mut replay(&place, JobId::new(), &[])).ends_with(3);
    ran(&place, &["queue:replay", "x"]).ends_with(2);
    run(replay(&place, ids[2], &[]).env("TEST_STAGE", "broken")).ends_with(4).complains("Printer");
    run(replay(&place, ids[2], &[]).env("TEST_NO_SERVICES", "none")).ends_with(78).complains("none");
    assert_eq!(place.dump().await, before);
}

async fn ctrl_c_ends_a_run(place: Place) {
    let id = place.push([stored("Waits", r#"{"deaf":true}"#)]).await[0];
    let before = place.dump().await;
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut replaying = Running::start(&mut replay(&place, id, &[]));
        replaying.until("waiting");
        replaying.signal(signal);
        replaying.end().ends_with(code).says("released after ");
    }
    assert_eq!(place.dump().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_of_the_handler_is_its_own_and_what_it_says_of_jobs_is_caught() {
    let place = Place::file();
    let id = place.push([stored("Books", "{}")]).await[0];
    let rows = place.rows().await.len();
    let said = run(&mut replay(&place, id, &[])).ends_with(0);
    said.says("completed after ")
        .says("the handler completed the job in a transaction of its own")
        .says(r#"pushed (caught, not stored): Greet into `mail` {"name":"booked"}"#);
    assert_eq!((place.rows().await.len(), place.row(id).await.state), (rows, JobState::Available));
    assert_eq!(booked(&place).await, 1, "what the handler does besides is real");
}

/// How often the job `Books` had its effect.
pub(crate) async fn booked(place: &Place) -> usize {
    place.dump().await.iter().filter(|row| row.starts_with("booked ")).count()
}
