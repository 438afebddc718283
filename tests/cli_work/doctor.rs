//! `doctor`.

use queue::drivers::NewJob;
use serde_json::Value;

use crate::place::{Place, later, stored};
use crate::process::{Ran, Running, eventually, jobbed, ran, run};

on_every_store!(
    all_is_well_where_a_worker_lives_and_all_can_be_run,
    what_waits_without_a_worker_is_a_warning,
    a_worker_that_died_is_told,
    what_cannot_be_run_is_a_failure,
    services_that_cannot_be_made_are_a_failure,
    a_store_that_is_not_there_is_a_failure,
);

/// The findings: what, status and detail.
fn findings(said: &Ran) -> Vec<(String, String, String)> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
    said.json().iter().map(|one| (text(one, "what"), text(one, "status"), text(one, "detail"))).collect()
}

fn doctor(place: &Place, code: i32) -> Vec<(String, String, String)> {
    findings(&ran(place, &["doctor", "-o", "jsonl"]).ends_with(code))
}

#[track_caller]
fn assert_found(findings: &[(String, String, String)], what: &str, status: &str, detail: &str) {
    let is_it = |found: &&(String, String, String)| found.0 == what && found.1 == status && found.2.contains(detail);
    assert!(findings.iter().any(|found| is_it(&found)), "no {what} {status} `{detail}` in {findings:#?}");
}

async fn all_is_well_where_a_worker_lives_and_all_can_be_run(place: Place) {
    let worker = Running::work(&place, &[]);
    place.push([later("Greet", r#"{"name":"x"}"#)]).await;
    eventually("the worker is listed", async || {
        doctor(&place, 0).iter().any(|(what, status, _)| what == "workers" && status == "ok")
    })
    .await;
    let found = doctor(&place, 0);
    assert!(found.iter().all(|(_, status, _)| status == "ok"), "{found:#?}");
    assert_found(&found, "setting", "ok", "--url is from the variable QUEUE_URL");
    assert_found(&found, "setting", "ok", "--output is from the command line");
    assert_found(&found, "jobs", "ok", "10 registered, and their services are bound");
    assert_found(&found, "schema", "ok", "which is current");
    assert_found(&found, "store", "ok", " answered in ");
    assert_found(&found, "clock", "ok", "");
    assert_found(&found, "workers", "ok", "1 live");
    assert_found(&found, "payloads", "ok", "decoded 1 job that waits or runs");
    let said = ran(&place, &["doctor"]).ends_with(0);
    said.says(" CHECK ").says(" payloads ");
    worker.signal("TERM");
    worker.end().ends_with(0);
}

async fn what_waits_without_a_worker_is_a_warning(place: Place) {
    place.push([stored("Greet", r#"{"name":"x"}"#), NewJob::new("Greet", "slow", br#"{"name":"y"}"#)]).await;
    let queue = place.queue().await;
    queue.pause("slow").await.unwrap();
    queue.shutdown().await.unwrap();
    let found = doctor(&place, 0);
    assert_found(&found, "workers", "warning", "none lives: nothing runs");
    assert_found(&found, "queue", "warning", "1 job waits in `default`, and no live worker serves it");
    assert_found(&found, "queue", "warning", "`slow` is paused");

    let worker = Running::work(&place, &["--exclude", "slow"]);
    eventually("only one queue is left", async || {
        let found = doctor(&place, 0);
        let unserved = found.iter().filter(|(what, _, detail)| what == "queue" && detail.contains("serves it")).count();
        unserved <= 1 && found.iter().any(|(what, status, _)| what == "workers" && status == "ok")
    })
    .await;
    worker.signal("TERM");
    worker.end().ends_with(0);
}

async fn a_worker_that_died_is_told(place: Place) {
    let worker = Running::work(&place, &[]);
    eventually("the worker is listed", async || {
        doctor(&place, 0).iter().any(|(what, status, _)| what == "workers" && status == "ok")
    })
    .await;
    worker.signal("KILL");
    assert_eq!(worker.end().code, None);
    // Its lease is over.
    place.sql("UPDATE queue_workers SET seen_at = seen_at - 3600000000").await;
    let living = Running::work(&place, &[]);
    eventually("one lives and one died", async || {
        doctor(&place, 0).iter().any(|(what, status, detail)| {
            what == "workers" && status == "warning" && detail == "1 live, and 1 died without a word"
        })
    })
    .await;
    living.signal("TERM");
    living.end().ends_with(0);
}

async fn what_cannot_be_run_is_a_failure(place: Place) {
    place.push([stored("Great", "{}"), stored("Spreads", r#"{"to":[1]}"#)]).await;
    let found = doctor(&place, 4);
    assert_found(&found, "payloads", "failed", "1 of kind `Great` cannot be run: no job of this program has that kind");
    assert_found(&found, "payloads", "failed", "at `to[0]`: invalid type");
}

async fn services_that_cannot_be_made_are_a_failure(place: Place) {
    place.push([stored("Purges", "{}")]).await;
    let with = |name: &str, value: &str| findings(&run(jobbed(&place, &["doctor", "-o", "jsonl"]).env(name, value)).ends_with(4));
    assert_found(&with("TEST_NO_SERVICES", "no DATABASE_URL"), "jobs", "failed", "cannot make the services: no DATABASE_URL");
    assert_found(&with("TEST_STAGE", "broken"), "jobs", "failed", "Printer");
    assert_found(&with("TEST_STAGE", "broken"), "payloads", "ok", "decoded 1 job that waits or runs");
}

async fn a_store_that_is_not_there_is_a_failure(place: Place) {
    let found = doctor(&place, 4);
    assert_found(&found, "schema", "failed", "run `craft migrate`");
    assert_found(&found, "store", "failed", "");
    // An old schema is told as that.
    ran(&place, &["queue:push", "Purges"]).ends_with(0);
    place.sql("DELETE FROM queue_schema WHERE version > 1").await;
    assert_found(&doctor(&place, 4), "schema", "failed", "version 1, and this program wants 2: run `craft migrate`");
}

#[test]
fn a_server_that_is_away_and_settings_that_cannot_be_meant_are_failures() {
    let place = Place::file();
    let with = |url: &str| {
        let mut command = jobbed(&place, &["doctor", "--wait", "300ms", "-o", "jsonl"]);
        findings(&run(command.env("QUEUE_URL", url)).ends_with(4))
    };
    let away = with("postgres://postgres:secret@127.0.0.1:1/x?schema=y");
    assert_found(&away, "store", "failed", "");
    assert_found(&away, "schema", "failed", "");
    assert!(away.iter().all(|(_, _, detail)| !detail.contains("secret") && !detail.contains('\n')), "{away:#?}");
    assert_found(&with("redis://x"), "store", "failed", "redis");
    assert_found(&with(""), "store", "failed", "no store is named");
    assert_found(&with("memory:"), "store", "failed", "lives in the memory of a process");
}
