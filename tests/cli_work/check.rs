//! `check`: the program alone.

use crate::place::Place;
use crate::process::{bare, jobbed, run};

#[test]
fn a_program_with_all_it_needs_is_well_without_a_store() {
    let said = run(&mut bare(&["check"])).ends_with(0);
    said.says("10 jobs are registered:")
        .says("  Greet ")
        .says("tests/bin/jobbed/jobs.rs:")
        .says("nothing is wrong with their names");
}

#[test]
fn a_missing_service_is_reported_with_who_needs_it() {
    let place = Place::file();
    let said = run(jobbed(&place, &["check"]).env("TEST_STAGE", "broken")).ends_with(4);
    said.says("Printer").says("Greet").says("tests/bin/jobbed/jobs.rs:");
    assert!(!place.path().exists());
    let said = run(jobbed(&place, &["check", "-o", "json"]).env("TEST_STAGE", "broken")).ends_with(4);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&report["ok"], report.get("store")), (&false.into(), None));
    assert!(report["faults"].as_str().unwrap().contains("Printer"), "{report}");
    let greet = report["jobs"].as_array().unwrap().iter().find(|job| job["kind"] == "Greet").unwrap();
    assert_eq!(
        (&greet["queue"], &greet["version"], &greet["file"]),
        (&"mail".into(), &1.into(), &"tests/bin/jobbed/jobs.rs".into())
    );

    let said = run(jobbed(&place, &["check"]).env("TEST_NO_SERVICES", "no DATABASE_URL")).ends_with(78);
    said.complains("cannot make the services: no DATABASE_URL");
}

#[test]
fn a_store_that_is_not_there_is_told_and_not_made() {
    let place = Place::file();
    run(&mut jobbed(&place, &["check", "--store"])).ends_with(1).complains("there is no store of jobs at this URL yet");
    assert!(!place.path().exists());
    run(&mut jobbed(&place, &["check", "--sample", "10"])).ends_with(2).complains("--store");
    run(&mut jobbed(&place, &["check", "--store", "--sample", "0"])).ends_with(2);
}

#[test]
fn a_server_that_is_away_is_waited_for_as_long_as_was_said() {
    let place = Place::file();
    for words in [&["check", "--store"][..], &["queue:work"], &["queue:replay", "019abf0e-5d1c-7b3e-9c41-3f6e0a9d2b11"]] {
        let mut command = jobbed(&place, &[words, &["--wait", "300ms"]].concat());
        let said = run(command.env("QUEUE_URL", "postgres://postgres:secret@127.0.0.1:1/x?schema=y")).ends_with(69);
        let said = said.complains("cannot be reached").complains("refused");
        assert!(!said.err.contains("secret"), "{}", said.err);
    }
}
