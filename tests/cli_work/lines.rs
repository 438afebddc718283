//! `queue:work`: what it says of each job.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::place::{Place, stored};
use crate::process::{Running, jobbed, ran, run};

const DRAIN: [&str; 2] = ["queue:work", "--stop-when-empty"];

on_every_store!(
    each_job_begins_and_ends_on_a_line_of_json,
    people_read_the_time_what_happened_and_the_job,
    it_is_silent_where_that_is_asked,
    a_reader_that_goes_away_does_not_stop_the_work,
);

async fn each_job_begins_and_ends_on_a_line_of_json(place: Place) {
    let jobs = [
        stored("Greet", r#"{"name":"x"}"#),
        stored("Fails", r#"{"code":7}"#),
        stored("Fails", r#"{"code":8,"for_good":true}"#),
        stored("Greet", r#"{"nmae":"x"}"#),
    ];
    let ids: Vec<String> = place.push(jobs).await.iter().map(ToString::to_string).collect();
    let lines = ran(&place, &[&DRAIN[..], &["--json"]].concat()).ends_with(0).json();
    let mut of: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for line in &lines {
        of.entry(line["id"].as_str().unwrap()).or_default().push(line);
    }
    assert_eq!(of.len(), 4);
    let keys = |value: &Value| value.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>().join(" ");
    let pair = |id: &str| {
        let [started, ended] = of[id].as_slice() else { panic!("not two lines: {:?}", of[id]) };
        assert_eq!(keys(started), "at attempt event id kind max_attempts queue");
        assert_eq!((started["event"].as_str(), ended["event"].as_str()), (Some("started"), Some("ended")));
        assert_eq!((&started["kind"], &started["attempt"]), (&ended["kind"], &ended["attempt"]));
        let at = started["at"].as_str().unwrap();
        assert!(at.ends_with('Z') && at.as_bytes()[10] == b'T', "{at}");
        assert!(ended["seconds"].as_f64().unwrap() >= 0.0);
        (keys(ended), (*ended).clone())
    };

    let (keys, greet) = pair(&ids[0]);
    assert_eq!(keys, "at attempt event id kind max_attempts outcome queue seconds");
    assert_eq!((&greet["outcome"], &greet["queue"], &greet["attempt"]), (&"completed".into(), &"default".into(), &1.into()));
    let (keys, retried) = pair(&ids[1]);
    assert_eq!(keys, "again_in_seconds at attempt error event id kind max_attempts outcome queue seconds");
    assert_eq!(
        (&retried["outcome"], &retried["error"]),
        (&"retryable".into(), &"the gateway answered 7: connection reset".into())
    );
    let (keys, failed) = pair(&ids[2]);
    assert_eq!(keys, "at attempt error event id kind max_attempts outcome queue seconds");
    assert_eq!((&failed["outcome"], &failed["error"]), (&"failed".into(), &"the gateway answered 8: connection reset".into()));
    let (_, undecodable) = pair(&ids[3]);
    assert!(undecodable["error"].as_str().unwrap().contains("missing field `name`"), "{undecodable}");

    place.push([stored("Greet", r#"{"name":"x"}"#)]).await;
    assert_eq!(ran(&place, &[&DRAIN[..], &["-o", "jsonl"]].concat()).ends_with(0).json().len(), 2);
}

async fn people_read_the_time_what_happened_and_the_job(place: Place) {
    let jobs =
        [stored("Greet", r#"{"name":"x"}"#), stored("Fails", r#"{"code":7}"#), stored("Fails", r#"{"code":8,"for_good":true}"#)];
    let ids: Vec<String> = place.push(jobs).await.iter().map(ToString::to_string).collect();
    let said = ran(&place, &[&DRAIN[..], &["--concurrency", "1"]].concat()).ends_with(0);
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines.len(), 6, "{}", said.out);
    let wanted = [
        ("Running", "Greet", &ids[0], "1 of 20", ""),
        ("Done", "Greet", &ids[0], "1 of 20", ""),
        ("Running", "Fails", &ids[1], "1 of 20", ""),
        ("Retry in ", "Fails", &ids[1], "1 of 20", "the gateway answered 7: connection reset"),
        ("Running", "Fails", &ids[2], "1 of 20", ""),
        ("Failed", "Fails", &ids[2], "1 of 20", "the gateway answered 8: connection reset"),
    ];
    for (line, (word, kind, id, attempt, error)) in lines.iter().zip(wanted) {
        assert_eq!((&line[2..3], &line[5..6], &line[8..9]), (":", ":", " "), "{line}");
        assert!(line[9..].starts_with(word), "{line}");
        assert_eq!(&line[27..32], kind, "the columns stand: {line}");
        assert_eq!(&line[48..84], *id, "{line}");
        assert!(line[84..].trim_start().starts_with(attempt), "{line}");
        assert!(line.ends_with(error), "{line}");
    }

    // A terminal shows what stands there, and obeys nothing of it.
    place.push([stored("Greet\u{1b}[2J", "{}"), stored("Fails", r#"{"code":9,"for_good":true}"#)]).await;
    let colored = ran(&place, &[&DRAIN[..], &["--color", "always"]].concat()).ends_with(0);
    assert!(colored.out.contains("\u{1b}[31mFailed"), "{}", colored.out);
    assert!(!colored.out.contains("\u{1b}[2J") && !colored.err.contains("\u{1b}[2J"), "{}", colored.err);
}

async fn it_is_silent_where_that_is_asked(place: Place) {
    place.push([stored("Greet", r#"{"name":"x"}"#), stored("Fails", r#"{"for_good":true}"#)]).await;
    let said = ran(&place, &[&DRAIN[..], &["--quiet"]].concat()).ends_with(0).complains("hello x").complains("1 job failed:");
    assert_eq!(said.out, "");
    // It still sees what fails.
    place.push([stored("Fails", r#"{"for_good":true}"#)]).await;
    ran(&place, &["queue:work", "--quiet", "--fail-fast"]).ends_with(5);
    ran(&place, &["queue:work", "--quiet", "--json"]).ends_with(2);
}

async fn a_reader_that_goes_away_does_not_stop_the_work(place: Place) {
    place.push((0..50).map(|number| stored("Greet", &format!(r#"{{"name":"{number}"}}"#)))).await;
    let mut command = jobbed(&place, &DRAIN);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let said = Running::deaf(&mut command, writer).end().ends_with(0);
    assert!(!said.err.contains("roken pipe"), "{}", said.err);
    assert_eq!(place.states().await, "completed 50");

    // Nor does one of standard error.
    place.push((0..50).map(|number| stored("Fails", &format!(r#"{{"code":{number},"for_good":true}}"#)))).await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let shell = format!("exec 2>&{}; exec \"$@\"", 1);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &shell, "sh", env!("CARGO_BIN_EXE_jobbed")]).args(DRAIN).env("QUEUE_URL", place.url());
    Running::deaf(&mut command, writer).end().ends_with(0);
    assert_eq!(place.states().await, "completed 50, failed 50");
    run(&mut jobbed(&place, &DRAIN)).ends_with(0);
}
