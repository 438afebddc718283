//! `queue:work`: which queues it serves, and how.

use std::time::Duration;

use queue::JobState;
use queue::drivers::NewJob;

use crate::place::{Place, stored};
use crate::process::{Running, bare, eventually, jobbed, ran, run};

on_every_store!(
    it_serves_the_queues_that_are_named,
    it_serves_no_queue_that_is_excluded,
    slots_are_those_that_were_said,
    what_a_job_says_nothing_of_is_said_by_the_worker,
    a_time_that_runs_out_ends_an_attempt,
    it_has_a_name_where_workers_are_listed,
    options_stand_in_the_environment_too,
    a_missing_service_is_reported_before_anything_runs,
);

fn in_queue(queue: &str) -> NewJob {
    NewJob::new("Greet", queue, format!(r#"{{"name":"{queue}"}}"#).as_bytes())
}

async fn left(place: &Place) -> Vec<String> {
    let rows = place.rows().await;
    rows.into_iter().filter(|row| row.state == JobState::Available && row.attempt == 0).map(|row| row.queue).collect()
}

async fn it_serves_the_queues_that_are_named(place: Place) {
    place.push(["a", "b", "c", "default"].map(in_queue)).await;
    ran(&place, &["queue:work", "--stop-when-empty", "--queue", "a,b=4,mail"]).ends_with(0);
    assert_eq!(left(&place).await, ["c", "default"]);
}

#[test]
fn a_variable_that_is_empty_says_nothing_and_one_that_is_wrong_is_a_setting() {
    run(bare(&["queue:work"]).env("QUEUE_CONCURRENCY", "").env("QUEUE_QUEUES", "").env("QUEUE_OUTPUT", ""))
        .ends_with(78)
        .complains("no store is named");
    run(bare(&["queue:work"]).env("QUEUE_CONCURRENCY", "many")).ends_with(78).complains("many");
    run(bare(&["queue:work", "--concurrency", "many"]).env("QUEUE_URL", "memory:")).ends_with(2);
    run(bare(&["queue:work", "-c", "many"]).env("QUEUE_URL", "memory:")).ends_with(2);
    run(bare(&["queue:list"]).env("QUEUE_OUTPUT", "paper")).ends_with(78);
}

#[test]
fn a_time_limit_is_none_or_some() {
    run(&mut bare(&["queue:work", "--timeout", "0s"])).ends_with(2).complains("write `none` for no limit");
    // It is read, and then a store is missing.
    run(&mut bare(&["queue:work", "--timeout", "none"])).ends_with(78);
}

async fn it_serves_no_queue_that_is_excluded(place: Place) {
    place.push(["a", "b", "c", "default"].map(in_queue)).await;
    ran(&place, &["queue:work", "--stop-when-empty", "--exclude", "a,c"]).ends_with(0);
    assert_eq!(left(&place).await, ["a", "c"]);
    ran(&place, &["queue:work", "--queue", "a", "--exclude", "c"]).ends_with(2).complains("cannot be used with");
}

async fn slots_are_those_that_were_said(place: Place) {
    place.push((0..3).map(|_| stored("Waits", "{}"))).await;
    let mut worker = Running::work(&place, &["--concurrency", "2", "--queue", "mail=4,default", "--name", "two"]);
    worker.until("waiting");
    worker.until("waiting");
    worker.signal("USR1");
    worker.until("2 jobs running");
    let queue = place.queue().await;
    let row = queue.workers().await.unwrap().into_iter().find(|worker| worker.name == "two").unwrap();
    let slots: Vec<_> = row.queues.iter().map(|(name, slots)| format!("{name}={slots}")).collect();
    assert!(slots.contains(&"default=2".to_owned()) && slots.contains(&"mail=4".to_owned()), "{slots:?}");
    worker.signal("TERM");
    worker.end().ends_with(0);
    queue.shutdown().await.unwrap();
    assert_eq!(place.states().await, "available 1, completed 2");
}

async fn what_a_job_says_nothing_of_is_said_by_the_worker(place: Place) {
    ran(&place, &["queue:push", "Plain", "then=fail"]).ends_with(0);
    ran(&place, &["queue:push", "Fails"]).ends_with(0);
    ran(&place, &["queue:work", "--stop-when-empty", "--backoff", "2h"]).ends_with(0);
    let rows = place.rows().await;
    let pauses = rows.iter().map(|row| row.due_at.duration_since(row.errors[0].at).unwrap());
    let (plain, own) = (pauses.clone().next().unwrap(), pauses.clone().next_back().unwrap());
    let around = |pause: Duration, hours: f64| (0.7..1.3).contains(&(pause.as_secs_f64() / 3600.0 / hours));
    assert!(around(plain, 2.0) && around(own, 1.0), "{plain:?} {own:?}");
    assert_eq!((rows[0].state, rows[1].state), (JobState::Retryable, JobState::Retryable));

    ran(&place, &["queue:push", "Plain", "then=fail"]).ends_with(0);
    ran(&place, &["queue:push", "Fails", "code=2"]).ends_with(0);
    ran(&place, &["queue:work", "--stop-when-empty", "--tries", "1"]).ends_with(0);
    let rows = place.rows().await;
    assert_eq!((rows[2].state, rows[3].state), (JobState::Failed, JobState::Retryable), "the type of the other says 3");
}

async fn a_time_that_runs_out_ends_an_attempt(place: Place) {
    ran(&place, &["queue:push", "Plain", "then=wait"]).ends_with(0);
    ran(&place, &["queue:work", "--stop-when-empty", "--timeout", "50ms", "--tries", "1"]).ends_with(0);
    let rows = place.rows().await;
    assert_eq!(rows[0].state, JobState::Failed);
    assert!(rows[0].errors[0].message.contains("50ms"), "{:?}", rows[0].errors);
}

async fn it_has_a_name_where_workers_are_listed(place: Place) {
    let worker = Running::work(&place, &["--name", "the one of the test"]);
    let queue = place.queue().await;
    eventually("the worker is listed", || async {
        queue.workers().await.unwrap().iter().any(|row| row.name == "the one of the test" && row.pid == worker.id())
    })
    .await;
    worker.signal("TERM");
    worker.end().ends_with(0);
}

async fn options_stand_in_the_environment_too(place: Place) {
    place.push(["a", "b"].map(in_queue)).await;
    let mut command = jobbed(&place, &["queue:work", "--stop-when-empty"]);
    run(command.env("QUEUE_QUEUES", "b,mail").env("QUEUE_SHUTDOWN_TIMEOUT", "3s")).ends_with(0);
    assert_eq!(left(&place).await, ["a"]);
    run(jobbed(&place, &["queue:work", "--once"]).env("QUEUE_SHUTDOWN_TIMEOUT", "soon")).ends_with(78).complains("`soon`");
    // What stands on the command line goes first.
    run(jobbed(&place, &["queue:work", "--once", "--queue", "a,mail"]).env("QUEUE_QUEUES", "b,mail")).ends_with(0);
    assert!(left(&place).await.is_empty());
}

async fn a_missing_service_is_reported_before_anything_runs(place: Place) {
    place.push([stored("Purges", "{}")]).await;
    let said = run(jobbed(&place, &["queue:work", "--once"]).env("TEST_STAGE", "broken")).ends_with(4);
    said.complains("Printer").complains("tests/bin/jobbed/jobs.rs:");
    let said = run(jobbed(&place, &["queue:work", "--once"]).env("TEST_NO_SERVICES", "no DATABASE_URL")).ends_with(78);
    said.complains("cannot make the services: no DATABASE_URL");
    assert_eq!(place.states().await, "available 1");
    assert!(place.rows().await.iter().all(|row| row.attempt == 0));
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_opened() {
    let place = Place::file();
    let refused: [(&[&str], i32, &str); 10] = [
        (&["--queue", "a*2"], 2, "weights are not there yet; `NAME=SLOTS` gives a queue slots of its own"),
        (&["--queue", "a=0"], 2, "a queue has 1 to 10,000 slots, as in `mail=4`"),
        (&["--concurrency", "0"], 2, "1 to 10,000 slots"),
        (&["--concurrency", "10001"], 2, "1 to 10,000 slots"),
        (&["--tries", "0"], 2, "0"),
        (&["--max-jobs", "0"], 2, "0"),
        (&["--timeout", "5"], 2, "`5` is no span of time"),
        (&["--backoff", "5s,x"], 2, "`x` is no span of time"),
        (&["--probe", "7001"], 2, "7001"),
        (&["--poll", "1s"], 78, "it has no --poll"),
    ];
    for (words, code, text) in refused {
        ran(&place, &[&["queue:work", "--once"], words].concat()).ends_with(code).complains(text);
        assert!(!place.path().exists(), "{words:?}");
    }
    run(&mut bare(&["queue:work"])).ends_with(78).complains("no store is named").complains("QUEUE_URL");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_may_be_polled() {
    let Some(place) = Place::schema() else { return };
    place.push([stored("Greet", r#"{"name":"x"}"#)]).await;
    ran(&place, &["queue:work", "--once", "--poll", "200ms"]).ends_with(0).complains("hello x");
    ran(&place, &["queue:work", "--once", "--poll", "0s"]).ends_with(78).complains("poll");
}
