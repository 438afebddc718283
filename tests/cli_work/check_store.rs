//! `check --store`: what this program could not run of what waits.

use queue::drivers::NewJob;
use serde_json::{Value, json};

use crate::place::{Place, later, stored};
use crate::process::{Running, ran};

on_every_store!(
    a_store_whose_jobs_can_all_be_run_is_well,
    an_unknown_kind_is_told_with_what_it_may_be_called_now,
    a_payload_that_does_not_decode_is_told_with_the_path,
    a_newer_version_is_stranded_and_an_older_one_is_upgraded,
    what_runs_is_looked_at_and_what_has_ended_is_not,
    every_page_is_read,
    a_sample_is_of_the_oldest_and_the_newest,
    the_store_is_left_as_it_was,
);

/// The part of the report on the store.
fn report(place: &Place, words: &[&str], code: i32) -> Value {
    let said = ran(place, &[&["check", "--store", "-o", "json"], words].concat()).ends_with(code);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["ok"], code == 0);
    report["store"].clone()
}

fn greets(count: usize) -> impl Iterator<Item = NewJob> {
    (0..count).map(|number| stored("Greet", &format!(r#"{{"name":"{number}"}}"#)))
}

async fn a_store_whose_jobs_can_all_be_run_is_well(place: Place) {
    place.push(greets(3).chain([later("Purges", "{}")])).await;
    let said = ran(&place, &["check", "--store"]).ends_with(0);
    said.says("decoded 4 jobs of the store that wait or run\n").says("this program can run each of them");
    assert_eq!(report(&place, &[], 0), json!({"looked_at": 4, "is_all": true, "stranded": []}));
}

async fn an_unknown_kind_is_told_with_what_it_may_be_called_now(place: Place) {
    let ids = place.push([stored("Great", "{}"), later("Great", "{}"), stored("Vanished", "{}")]).await;
    let said = ran(&place, &["check", "--store"]).ends_with(4);
    said.says("2 of kind `Great` in `default` cannot be run: no job of this program has that kind")
        .says(&format!("as job {}", ids[0]))
        .says(r#"was it renamed to `Greet`? `#[queueable(aliases = ["Great"])]` keeps its jobs alive"#)
        .says("1 of kind `Vanished`");
    let store = report(&place, &[], 4);
    let wanted = json!({
        "count": 2, "kind": "Great", "queue": "default", "code": "unknown_kind", "problem": "no job of this program has that kind",
        "example": ids[0].to_string(),
        "hint": r#"was it renamed to `Greet`? `#[queueable(aliases = ["Great"])]` keeps its jobs alive"#,
    });
    assert_eq!((store["looked_at"].as_u64(), &store["stranded"][0]), (Some(3), &wanted));
    assert_eq!(store["stranded"].as_array().unwrap().len(), 2);

    // What stands in a store is shown, and not obeyed.
    place.push([stored("Gree\u{1b}[2Jt", "{}")]).await;
    let said = ran(&place, &["check", "--store"]).ends_with(4);
    assert!(!said.out.contains('\u{1b}'), "{}", said.out);
}

async fn a_payload_that_does_not_decode_is_told_with_the_path(place: Place) {
    let jobs = [stored("Spreads", r#"{"to":["a",2]}"#), stored("Spreads", r#"{"to":["b",2]}"#), stored("Greet", "{}")];
    place.push(jobs).await;
    let said = ran(&place, &["check", "--store"]).ends_with(4);
    said.says("2 of kind `Spreads` in `default` cannot be run: ")
        .says("at `to[1]`: invalid type: integer `2`, expected a string")
        .says("missing field `name`")
        .says("a renamed field keeps what is stored by `#[serde(alias = \"..\")]`, a new one takes `#[serde(default)]`; else `version` and `upgrade` (tests/bin/jobbed/jobs.rs:");
    let store = report(&place, &[], 4);
    let codes: Vec<_> = store["stranded"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["undecodable", "undecodable"]);
}

async fn a_newer_version_is_stranded_and_an_older_one_is_upgraded(place: Place) {
    let version = |kind, payload, version| NewJob { version, ..stored(kind, payload) };
    place.push([version("Named", r#"{"name":"old"}"#, 1), version("Named", r#"{"full_name":"now"}"#, 2)]).await;
    assert_eq!(report(&place, &[], 0)["looked_at"], 2);
    ran(&place, &["queue:work", "--stop-when-empty"]).ends_with(0).complains("named old").complains("named now");

    place.push([version("Named", r#"{"name":42}"#, 1), version("Greet", r#"{"name":"x"}"#, 7)]).await;
    let said = ran(&place, &["check", "--store"]).ends_with(4);
    said.says("1 of kind `Greet` in `default` cannot be run: its payload has version 7, and this program knows 1")
        .says("a later release pushed it")
        .says("at `full_name`: invalid type: integer `42`");
    let store = report(&place, &[], 4);
    let codes: Vec<_> = store["stranded"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["newer_version", "undecodable"]);
}

async fn what_runs_is_looked_at_and_what_has_ended_is_not(place: Place) {
    place.push([stored("Waits", "{}"), stored("Greet", r#"{"name":"x"}"#), stored("Greet", "{}")]).await;
    let mut worker = Running::work(&place, &[]);
    worker.until("waiting");
    crate::process::eventually("one runs, and the others have ended", async || {
        place.states().await == "completed 1, failed 1, running 1"
    })
    .await;
    assert_eq!(report(&place, &[], 0)["looked_at"], 1);
    worker.signal("TERM");
    worker.end().ends_with(0);
}

async fn every_page_is_read(place: Place) {
    place.push(greets(510).chain([stored("Great", "{}")]).chain(greets(500)).chain([stored("Great", "{}")])).await;
    let store = report(&place, &[], 4);
    assert_eq!((&store["looked_at"], &store["is_all"]), (&1_012.into(), &true.into()));
    assert_eq!(store["stranded"][0]["count"], 2);
    ran(&place, &["check", "--store"]).ends_with(4).says("decoded 1,012 jobs of the store that wait or run\n");
}

async fn a_sample_is_of_the_oldest_and_the_newest(place: Place) {
    // Made in this order, so that their ids are in it too.
    let kinds = (0..27).map(|number| if number % 13 == 0 { "Great" } else { "Greet" });
    place.push(kinds.map(|kind| stored(kind, r#"{"name":"x"}"#))).await;
    let store = report(&place, &["--sample", "10"], 4);
    assert_eq!((&store["looked_at"], &store["is_all"]), (&20.into(), &false.into()));
    assert_eq!(store["stranded"][0]["count"], 2, "the one in the middle is not looked at");
    ran(&place, &["check", "--store", "--sample", "10"]).ends_with(4).says("that wait or run (a sample)");
    // Where both overlap, none counts twice.
    let store = report(&place, &["--sample", "20"], 4);
    assert_eq!((&store["looked_at"], &store["stranded"][0]["count"], &store["is_all"]), (&27.into(), &3.into(), &true.into()));
    let store = report(&place, &["--sample", "27"], 4);
    assert_eq!((&store["looked_at"], &store["is_all"]), (&27.into(), &true.into()));
    let store = report(&place, &["--sample", "1000"], 4);
    assert_eq!((&store["looked_at"], &store["is_all"]), (&27.into(), &true.into()));
}

async fn the_store_is_left_as_it_was(place: Place) {
    place.push(greets(3).chain([stored("Great", "{}"), later("Greet", "{}")])).await;
    let before = place.dump().await;
    ran(&place, &["check", "--store"]).ends_with(4);
    ran(&place, &["doctor"]).ends_with(4);
    assert_eq!(place.dump().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_the_same_byte_for_byte() {
    let place = Place::file();
    place.push(greets(3).chain([stored("Great", "{}")])).await;
    let read = || std::fs::read(place.path()).unwrap();
    let before = read();
    ran(&place, &["check", "--store"]).ends_with(4);
    ran(&place, &["doctor"]).ends_with(4);
    assert!(read() == before);
}

/// The driver takes a file that it may not write as one that it cannot use, and leaves it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_only_be_read_is_read_or_refused_with_the_reason() {
    let place = Place::file();
    place.push(greets(1)).await;
    let before = std::fs::read(place.path()).unwrap();
    let mut rights = std::fs::metadata(place.path()).unwrap().permissions();
    rights.set_readonly(true);
    std::fs::set_permissions(place.path(), rights).unwrap();
    let said = ran(&place, &["check", "--store"]);
    match said.code {
        // Root writes everywhere.
        Some(0) => drop(said.says("decoded 1 job of the store")),
        _ => drop(said.ends_with(1).complains("read")),
    }
    assert!(std::fs::read(place.path()).unwrap() == before);
}
