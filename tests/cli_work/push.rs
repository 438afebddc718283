//! `queue:push`.

use std::time::{Duration, SystemTime};

use queue::{JobRow, JobState};

use crate::place::Place;
use crate::process::{Ran, jobbed, ran, run, run_on};

fn push(place: &Place, words: &[&str]) -> Ran {
    ran(place, &[&["queue:push"], words].concat())
}

fn args(row: &JobRow) -> &str {
    row.payload.as_ref().unwrap().get()
}

on_every_store!(
    arguments_come_as_json_from_standard_input_or_as_fields,
    a_job_without_arguments_needs_none,
    the_options_of_a_push_go_before_those_of_the_type,
    a_duplicate_is_told_and_not_stored,
    what_is_pushed_is_told_as_json,
    what_cannot_be_meant_is_refused_and_nothing_is_stored,
);

async fn arguments_come_as_json_from_standard_input_or_as_fields(place: Place) {
    push(&place, &["Greet", r#"{"name": "Ada"}"#]).ends_with(0).says("pushed Greet ").says(" into `mail`");
    run_on(&mut jobbed(&place, &["queue:push", "Greet", "-"]), br#"{"name": "Bob"}"#).ends_with(0);
    push(&place, &["Greet", "name=Cleo = C"]).ends_with(0);
    push(&place, &["Greet", r#"name="42""#]).ends_with(0);
    push(&place, &["Fails", "code=42", "for_good=true"]).ends_with(0);

    let rows = place.rows().await;
    let stored: Vec<_> = rows.iter().map(|row| (row.kind.as_str(), row.queue.as_str(), row.state, args(row))).collect();
    let greet = |args| ("Greet", "mail", JobState::Available, args);
    let wanted = [
        greet(r#"{"name":"Ada"}"#),
        greet(r#"{"name":"Bob"}"#),
        greet(r#"{"name":"Cleo = C"}"#),
        greet(r#"{"name":"42"}"#),
        ("Fails", "default", JobState::Available, r#"{"for_good":true,"code":42}"#),
    ];
    assert_eq!(stored, wanted);
}

/// A terminal would obey some characters that JSON need not escape.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_pushed_is_printed_as_it_is_and_controls_nothing() {
    let place = Place::file();
    push(&place, &["Greet", "{\"name\":\"a\u{7f}b\u{9b}2Jc\"}"]).ends_with(0);
    for color in ["never", "always"] {
        let said = ran(&place, &["queue:jobs", "-o", "jsonl", "--color", color]).ends_with(0);
        assert!(!said.out.contains(['\u{7f}', '\u{9b}']), "{:?}", said.out);
        assert_eq!(said.json()[0]["args"]["name"], "a\u{7f}b\u{9b}2Jc");
    }
}

async fn a_job_without_arguments_needs_none(place: Place) {
    push(&place, &["Purges"]).ends_with(0);
    push(&place, &["Purges", "{}"]).ends_with(0);
    assert_eq!(place.states().await, "available 2");
}

async fn the_options_of_a_push_go_before_those_of_the_type(place: Place) {
    let words = ["--queue", "slow", "--priority", "7", "--max-attempts", "9", "--tag", "blue", "--tag", "green", "--unique", "k"];
    push(&place, &[&["Fails", "--delay", "1h"], &words[..]].concat()).ends_with(0).says("into `slow`");
    push(&place, &["Greet", "name=x", "--at", "2100-01-02T03:04:05Z"]).ends_with(0);

    let rows = place.rows().await;
    let row = &rows[0];
    assert_eq!((row.state, row.queue.as_str(), row.priority, row.max_attempts), (JobState::Scheduled, "slow", 7, 9));
    assert_eq!(row.tags, ["trouble", "blue", "green"]);
    assert!(row.unique_key.is_some());
    assert_eq!(row.due_at.duration_since(row.created_at).unwrap(), Duration::from_secs(3_600));
    // The clock of the store may differ from that of the machine.
    let early = SystemTime::UNIX_EPOCH + Duration::from_secs(4_102_542_240);
    assert!((0..10).contains(&rows[1].due_at.duration_since(early).unwrap().as_secs()), "{:?}", rows[1].due_at);
}

async fn a_duplicate_is_told_and_not_stored(place: Place) {
    let first = push(&place, &["Rebuilds", "index=a"]).ends_with(0).says("pushed Rebuilds");
    let id = first.out.split(' ').nth(2).unwrap();
    push(&place, &["Rebuilds", "index=a"])
        .ends_with(0)
        .says(&format!("Rebuilds {id} has the unique key already: nothing was pushed"));
    push(&place, &["Rebuilds", "index=b"]).ends_with(0).says("pushed Rebuilds");
    push(&place, &["Greet", "name=x", "--unique", "key"]).ends_with(0).says("pushed Greet");
    push(&place, &["Greet", "name=y", "--unique", "key"]).ends_with(0).says("nothing was pushed");
    assert_eq!(place.states().await, "available 3");
}

async fn what_is_pushed_is_told_as_json(place: Place) {
    let first = push(&place, &["Rebuilds", "index=a", "-o", "jsonl"]).ends_with(0).json();
    let again = push(&place, &["Rebuilds", "index=a", "-o", "jsonl"]).ends_with(0).json();
    let id = place.rows().await[0].id.to_string();
    let wanted = |duplicate| vec![serde_json::json!({"id": id, "kind": "Rebuilds", "queue": "default", "duplicate": duplicate})];
    assert_eq!((first, again), (wanted(false), wanted(true)));
}

async fn what_cannot_be_meant_is_refused_and_nothing_is_stored(place: Place) {
    push(&place, &["Purges"]).ends_with(0);
    let before = place.dump().await;
    let refused: [(&[&str], i32, &[&str]); 14] = [
        (&["Greet", "nmae=x"], 1, &["no arguments of `Greet`", "missing field `name`"]),
        (&["Greet", "name=42"], 1, &["the payload cannot be decoded at `name`: invalid type: integer `42`, expected a string"]),
        (
            &["Spreads", r#"{"to": ["a", 2]}"#],
            1,
            &["at `to[1]`: invalid type: integer `2`", r#"the arguments were {"to": ["a", 2]}"#],
        ),
        (&["Great", "name=x"], 1, &["no job here has the kind `Great`", "did you mean `Greet`?"]),
        (&["Xyzzyxyzzy"], 1, &["no job here has the kind `Xyzzyxyzzy`", "known are "]),
        (&["Greet", "[1]"], 2, &["`[1]` is neither a JSON object nor FIELD=VALUE"]),
        (&["Greet", r#"{"name": "x""#], 1, &["EOF while parsing an object"]),
        (&["Greet", "name"], 2, &["`name` is neither"]),
        (&["Greet", "name=x", "--delay", "5"], 2, &["`5` is no span of time"]),
        (&["Greet", "name=x", "--delay", "5s", "--at", "2100-01-02T03:04:05Z"], 2, &["cannot be used with"]),
        (&["Greet", "name=x", "--at", "tomorrow"], 2, &["write it as 2026-12-24T18:00:00Z"]),
        (&["Greet", "name=x", "--priority", "256"], 2, &["256"]),
        (&["Greet", "name=x", "--max-attempts", "0"], 2, &["0"]),
        (&["Greet", "name=x", "--queue", ""], 2, &["1 to 128 bytes"]),
    ];
    for (words, code, texts) in refused {
        let said = push(&place, words).ends_with(code);
        assert_eq!(said.out, "", "{words:?}");
        texts.iter().fold(said, |said, text| said.complains(text));
    }
    let large = format!(r#"{{"name": "{}"}}"#, "x".repeat(2 * 1024 * 1024));
    let inputs: [(&[u8], &str); 5] = [
        (large.as_bytes(), "1 MiB"),
        (b"", "standard input is empty"),
        (b" \n", "standard input is empty"),
        (b"{\"name\": \"\xff\"}", "standard input is no valid UTF-8"),
        (b"[1]", "expected struct"),
    ];
    for (input, text) in inputs {
        let said = run_on(&mut jobbed(&place, &["queue:push", "Greet", "-"]), input).ends_with(1).complains(text);
        assert!(said.err.len() < 1_000, "the text is as long as the payload: {}", said.err.len());
    }
    assert_eq!(place.dump().await, before);
}

#[test]
fn a_url_that_names_no_store_is_refused() {
    let place = Place::file();
    for (url, code, text) in [
        ("", 78, "no store is named"),
        ("nonsense", 78, "begins with a scheme"),
        ("redis://x", 78, "redis"),
        ("postgres://postgres@127.0.0.1:1/x?schema=y", 69, ""),
    ] {
        let words = ["queue:push", "Greet", "name=x", "--wait", "300ms"];
        run(jobbed(&place, &words).env("QUEUE_URL", url)).ends_with(code).complains(text);
    }
}

#[test]
fn what_is_stored_without_a_given_field_is_told() {
    let place = Place::file();
    push(&place, &["Fails", "cod=42"]).ends_with(0).complains("`cod`").complains("`code`");
    let quiet = push(&place, &["Fails", "code=42"]).ends_with(0);
    assert_eq!(quiet.err, "");
}
