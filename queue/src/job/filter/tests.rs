use std::time::{Duration, SystemTime};

use super::*;

/// 2026-11-24 12:00 UTC.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_521_600)
}

#[track_caller]
fn assert_reads(text: &str, expected: Filter) {
    assert_eq!(Filter::parse(text, now()), Ok(expected), "{text}");
}

/// What is wrong, and the part that is meant.
#[track_caller]
fn assert_refused(text: &str, part: &str, message: &str) {
    let error = Filter::parse(text, now()).expect_err(text);
    assert_eq!((&text[error.span()], error.message()), (part, message), "{text}");
}

fn id(number: u128) -> JobId {
    JobId::from_u128(0x0193_6f2e_6b5a_7cc3_98c4_dc0c_0c07_0000 + number)
}

fn arg(path: &[&str], values: &[&str]) -> ArgIs {
    ArgIs::new(path.iter().copied(), values.iter().copied())
}

#[test]
fn nothing_said_fits_all() {
    assert_reads("", Filter::new());
    assert_reads(" \t\n\u{3000}", Filter::new());
}

#[test]
fn every_key_is_read() {
    assert_reads("state:failed,cancelled", Filter::new().state(JobState::Failed).state(JobState::Cancelled));
    assert_reads("kind:SendWelcomeEmail,mail::Other", Filter::new().kind("SendWelcomeEmail").kind("mail::Other"));
    assert_reads("queue:mail tag:vip", Filter::new().queue("mail").tag("vip"));
    assert_reads(&format!("id:{},{}", id(1), id(2)), Filter::new().id(id(1)).id(id(2)));
    assert_reads("error:timeout", Filter { errors: vec!["timeout".into()], ..Filter::new() });
    assert_reads("error:\"connection refused\"", Filter { errors: vec!["connection refused".into()], ..Filter::new() });
    assert_reads("since:1h", Filter { since: Some(now() - Duration::from_secs(3_600)), ..Filter::new() });
    assert_reads("until:2026-11-24", Filter { until: Some(now() - Duration::from_secs(43_200)), ..Filter::new() });
    assert_reads("since:2026-11-24T13:30:00+02:00", Filter { since: Some(now() - Duration::from_secs(1_800)), ..Filter::new() });
}

#[test]
fn a_field_of_the_payload_is_named_by_its_path() {
    let of = |args: &[ArgIs]| Filter { args: args.to_vec(), ..Filter::new() };
    assert_reads("args.user.id:42", of(&[arg(&["user", "id"], &["42"])]));
    assert_reads("args.items.0.name:\"a b\",c", of(&[arg(&["items", "0", "name"], &["a b", "c"])]));
    assert_reads(r#"args."a.b: \"c\"".d:"""#, of(&[arg(&["a.b: \"c\"", "d"], &[""])]));
    assert_reads("args.url:https://example.org/?a=b", of(&[arg(&["url"], &["https://example.org/?a=b"])]));
    assert_reads("args.a:1 args.b:2 args.a:3", of(&[arg(&["a"], &["1", "3"]), arg(&["b"], &["2"])]));
}

#[test]
fn a_bare_word_is_an_id_or_a_kind() {
    assert_reads("SendWelcomeEmail", Filter::new().kind("SendWelcomeEmail"));
    assert_reads("A,B C", Filter::new().kind("A").kind("B").kind("C"));
    assert_reads("\"a kind: this\"", Filter::new().kind("a kind: this"));
    assert_reads(&id(7).to_string(), Filter::new().id(id(7)));
    assert_reads(&format!("{},{} Kind", id(7), id(8)), Filter::new().id(id(7)).id(id(8)).kind("Kind"));
    let quoted = format!("\"{}\"", id(7));
    assert_reads(&quoted, Filter::new().kind(id(7).to_string()));
}

#[test]
fn a_minus_leaves_out() {
    assert_reads("-kind:A,B -C", Filter { not_kinds: vec!["A".into(), "B".into(), "C".into()], ..Filter::new() });
    assert_reads("-queue:mail", Filter { not_queues: vec!["mail".into()], ..Filter::new() });
    assert_reads("-tag:\"a b\"", Filter { not_tags: vec!["a b".into()], ..Filter::new() });
    let mut states = JobState::ALL.to_vec();
    states.retain(|state| *state != JobState::Completed);
    assert_reads("-state:completed", Filter { states, ..Filter::new() });
    assert_reads("-state:failed state:terminal", Filter::new().state(JobState::Completed).state(JobState::Cancelled));
}

#[test]
fn some_words_are_several_states() {
    let of = |states: &[JobState]| Filter { states: states.to_vec(), ..Filter::new() };
    use JobState::{Available, Cancelled, Completed, Failed, Held, Retryable, Running, Scheduled};
    assert_reads("state:waiting", of(&[Held, Scheduled, Available, Retryable]));
    assert_reads("state:live", of(&[Held, Scheduled, Available, Running, Retryable]));
    assert_reads("state:terminal,running", of(&[Completed, Failed, Cancelled, Running]));
    assert_reads("-state:live", of(&[Completed, Failed, Cancelled]));
}

#[test]
fn the_same_key_twice_adds_values() {
    assert_reads("kind:A state:failed kind:B", Filter::new().kind("A").kind("B").state(JobState::Failed));
}

#[test]
fn an_unknown_key_is_told_which_was_meant() {
    assert_refused("kind:A stat:failed", "stat", "unknown key `stat`: did you mean `state`?");
    assert_refused("-knd:A", "knd", "unknown key `knd`: did you mean `kind`?");
    assert_refused("arg.user.id:4", "arg.user.id", "unknown key `arg.user.id`: did you mean `args.user.id`?");
    assert_refused(
        "mailer:smtp",
        "mailer",
        "unknown key `mailer`: the keys are state, kind, queue, tag, id, error, since, until, and `args.` with the path of a field",
    );
    assert_refused("args:42", "args", "`args` needs the path of a field, as in `args.user.id:42`");
    let quotes = "a key stands without quotes, and a value with a colon in it has quotes around all of it";
    assert_refused("\"kind\":A", "\"kind\"", quotes);
    assert_refused("a :b", ":", "a key is missing before the colon");
}

#[test]
fn an_unknown_state_is_told_the_known_ones() {
    let known = "known are held, scheduled, available, running, retryable, completed, failed, cancelled, waiting, live, terminal";
    assert_refused("state:completed,faild", "faild", &format!("`faild` is not a state: did you mean `failed`? {known}"));
    assert_refused("-state:somewhere", "somewhere", &format!("`somewhere` is not a state: {known}"));
    assert_refused("state:failed -state:failed", "failed", "no state is left");
    assert_refused("-state:live -state:terminal", "terminal", "no state is left");
}

#[test]
fn a_missing_value_is_told() {
    let missing = "a value is missing here: it follows without a space, and is `\"\"` where it is empty";
    for text in ["kind:", "kind: Mail", "kind:A,,B", "kind:A,", "A,", ",", "args.a: 4"] {
        assert_refused(text, "", missing);
    }
    assert_refused("state:failed -", "-", "nothing follows the `-`: write `-kind:` and what to leave out");
}

#[test]
fn what_cannot_be_left_out_is_told_why() {
    let only = "cannot be said: only states, kinds, queues and tags can be left out";
    assert_refused("-id:x", "-id", &format!("`-id` {only}"));
    assert_refused(&format!("-{}", id(1)), &format!("-{}", id(1)), &format!("`-id` {only}"));
    assert_refused("-error:x", "-error", &format!("`-error` {only}"));
    assert_refused("-args.a.b:x", "-args.a.b", &format!("`-args` {only}"));
    assert_refused("-since:1h", "-since", &format!("`-since` {only}; write `until:`"));
    assert_refused("-until:1h", "-until", &format!("`-until` {only}; write `since:`"));
}

#[test]
fn what_is_no_id_is_told_how_one_looks() {
    let text = format!("id:{},0193 kind:A", id(1));
    assert_refused(&text, "0193", "`0193` is not a job id; one looks like 01936f2e-6b5a-7cc3-98c4-dc0c0c07398f");
    let mixed = format!("{},Mail", id(1));
    assert_refused(&mixed, &mixed, "job ids and kinds in one list: a job has to fit both, so write them apart");
}

#[test]
fn a_field_that_is_not_said_whole_is_told() {
    let missing = "the name of a field is missing here: write `args.user.id:42`";
    for text in ["args.:4", "args..a:4", "args.a.:4", "args."] {
        assert_refused(text, "", missing);
    }
    let bare = "a field of the payload without a value: write `args.user.id:42`, or `kind:` before the name of a kind";
    assert_refused("args.user x:4", "args.user", bare);
    assert_refused("args.a,b:4", "args.a", bare);
}

#[test]
fn a_time_is_said_once() {
    assert_refused("since:1h kind:A since:2h", "2h", "`since` is one time, and this is the second");
    assert_refused("until:1h,2h", "2h", "`until` is one time, and this is the second");
    assert_refused("since:30", "30", "`30` has no unit: write `30m` for minutes, or use `s`, `h`, `d`, `w`");
}

#[test]
fn a_list_is_not_a_key() {
    assert_refused("A,B:C", ":", "a colon behind a list without a key: write `kind:` before the list");
    assert_refused("kind:\"a b", "\"a b", "this quote is not closed");
}

#[test]
fn too_much_is_refused() {
    assert_reads(&"x".repeat(4_096), Filter::new().kind("x".repeat(4_096)));
    let long = "語".repeat(2_000);
    let error = Filter::parse(&long, now()).unwrap_err();
    assert_eq!(error.to_string(), "the filter has 6000 bytes, and 4096 are the most", "it is not shown");
    assert_eq!(error.span(), 4_095..6_000);
    let many = |count: usize| (0..count).map(|index| format!("k{index}")).collect::<Vec<_>>().join(",");
    assert_eq!(Filter::parse(&many(100), now()).unwrap().kinds.len(), 100);
    assert_refused(&many(101), "k100", "more than 100 values in one filter");
}

#[test]
fn an_error_points_at_its_part() {
    let error = Filter::parse("kind:Mail state:faild tag:x", now()).unwrap_err().to_string();
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines[1..], ["  kind:Mail state:faild tag:x", "                  ^^^^^"]);
}

#[test]
fn a_filter_is_written_as_it_is_read() {
    let text = format!(
        "state:failed,held kind:A,\"a b\" queue:mail::eu tag:\"a,b\" id:{} -kind:\"\" -queue:x -tag:C:\\temp error:\"say \\\"no\\\" \\\\\" \
         args.user.id:42,\"4 2\" args.\"a.b\".0:x since:2026-11-24T11:00:00.5Z until:2026-11-24T12:00:00Z",
        id(3)
    );
    let filter = Filter::parse(&text, now()).unwrap();
    assert_eq!(filter.to_string(), text);
    assert_eq!(Filter::new().limit(7).newest_first().after(id(1)).to_string(), "", "a page is not part of it");
}

/// Better no filter than one that fits more.
#[test]
fn conditions_on_one_field_are_written_as_one() {
    let both = |first: &[&str], second: &[&str]| Filter { args: vec![arg(&["a"], first), arg(&["a"], second)], ..Filter::new() };
    assert_eq!(both(&["1", "2", "3"], &["3", "2"]).to_string(), "args.a:2,3");
    assert!(Filter::parse(&both(&["1"], &["2"]).to_string(), now()).is_err());
    let nothing = Filter { args: vec![arg(&["a"], &[])], ..Filter::new() };
    assert!(Filter::parse(&nothing.to_string(), now()).is_err());
    let whole = Filter { args: vec![arg(&[], &["1"])], ..Filter::new() };
    assert!(Filter::parse(&whole.to_string(), now()).is_err());
}
