//! Filters as text: whatever is written, and every example of `docs/filter.md`.
//!
//! `PROPTEST_CASES` says how many random texts each test tries; see CONTRIBUTING.

use std::time::{Duration, SystemTime};

use proptest::collection::vec;
use proptest::prelude::*;
use queue::JobId;
use queue::job::filter::{ArgIs, FilterError};
use queue::job::{Filter, JobState};

/// Far enough from 1970 for any span.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_521_600)
}

/// A filter has the same words again; an error points into the text, and can be shown.
fn check(text: &str) -> Result<(), TestCaseError> {
    match Filter::parse(text, now()) {
        Ok(filter) => {
            let written = filter.to_string();
            if written.len() <= 4_096 {
                prop_assert_eq!(Filter::parse(&written, now()), Ok(filter), "{}", written);
            }
        }
        Err(error) => check_error(text, &error)?,
    }
    Ok(())
}

fn check_error(text: &str, error: &FilterError) -> Result<(), TestCaseError> {
    let span = error.span();
    prop_assert!(text.get(span.clone()).is_some(), "{span:?} is not a part of {text:?}");
    prop_assert!(!error.message().is_empty() && !error.message().chars().any(char::is_control), "{:?}", error.message());
    let shown = error.to_string();
    let lines: Vec<_> = shown.split('\n').collect();
    if text.len() > 4_096 {
        prop_assert_eq!(lines.len(), 1, "{}", shown);
        return Ok(());
    }
    prop_assert_eq!(lines.len(), 3, "{}", shown);
    prop_assert!(!shown.chars().any(|letter| letter.is_control() && letter != '\n'), "{:?}", shown);
    let carets = lines[2].trim_start();
    prop_assert!(!carets.is_empty() && carets.chars().all(|letter| letter == '^'), "{}", shown);
    // They stand below the text, or one behind it where something is missing at its end.
    prop_assert!(lines[2].chars().count() <= lines[1].chars().count() + 1, "{}", shown);
    Ok(())
}

/// What the syntax is made of.
const PIECES: &[&str] = &[
    "state",
    "stat",
    "kind",
    "queue",
    "tag",
    "id",
    "error",
    "args",
    "args.",
    "since",
    "until",
    "failed",
    "waiting",
    "live",
    "-",
    ":",
    ",",
    ".",
    "\"",
    "\\",
    "\\\"",
    " ",
    "\t",
    "\n",
    "\u{3000}",
    "42",
    "1h30m",
    "1w",
    "2026-11-01",
    "2026-11-01T10:00:00Z",
    "T",
    "Z",
    "+02:00",
    "é",
    "語",
    "\u{202e}",
    "\u{0}",
    "01936f2e-6b5a-7cc3-98c4-dc0c0c07398f",
];

/// A part of a text, mostly one that means something.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![6 => prop::sample::select(PIECES).prop_map(str::to_owned), 1 => any::<String>(), 1 => "[a-z]{1,4}"]
}

/// A token that is nearly right, or is.
fn token() -> impl Strategy<Value = String> {
    let key =
        prop::sample::select(&["state", "kind", "queue", "tag", "id", "error", "args.a", "args.b.0", "since", "until", ""][..]);
    let value =
        prop_oneof![piece(), piece().prop_map(|text| format!("\"{text}\"")), Just("failed".to_owned()), Just("2d".to_owned())];
    (any::<bool>(), key, vec(value, 1..4)).prop_map(|(is_not, key, values)| {
        format!("{}{key}{}{}", if is_not { "-" } else { "" }, if key.is_empty() { "" } else { ":" }, values.join(","))
    })
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z:]{1,8}", "[ ,.:\\\\\"\n-]{0,4}", any::<String>()]
}

fn words() -> impl Strategy<Value = Vec<String>> {
    vec(word(), 0..4)
}

/// A time that RFC 3339 can say.
fn time() -> impl Strategy<Value = SystemTime> {
    (-60_000_000_000_i64..250_000_000_000, 0_u32..1_000_000_000).prop_map(|(seconds, nanos)| {
        let (span, nanos) = (Duration::from_secs(seconds.unsigned_abs()), Duration::from_nanos(nanos.into()));
        if seconds < 0 { SystemTime::UNIX_EPOCH - span + nanos } else { SystemTime::UNIX_EPOCH + span + nanos }
    })
}

/// Conditions that the syntax can say: each on another field.
fn args() -> impl Strategy<Value = Vec<ArgIs>> {
    vec((vec(word(), 1..4), vec(word(), 1..4)), 0..3).prop_map(|args| {
        let mut conditions: Vec<ArgIs> = Vec::new();
        for (path, values) in args {
            if conditions.iter().all(|other| other.path != path) {
                conditions.push(ArgIs::new(path, values));
            }
        }
        conditions
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    let named = (vec(prop::sample::select(&JobState::ALL[..]), 0..4), words(), words(), words(), vec(any::<u128>(), 0..3));
    let rest = (words(), words(), words(), words(), args(), prop::option::of(time()), prop::option::of(time()));
    (named, rest).prop_map(
        |((states, kinds, queues, tags, ids), (not_kinds, not_queues, not_tags, errors, args, since, until))| {
            let mut filter = Filter::new();
            (filter.states, filter.kinds, filter.queues, filter.tags) = (states, kinds, queues, tags);
            filter.ids = ids.into_iter().map(JobId::from_u128).collect();
            (filter.not_kinds, filter.not_queues, filter.not_tags) = (not_kinds, not_queues, not_tags);
            (filter.errors, filter.args, filter.since, filter.until) = (errors, args, since, until);
            filter
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused_at_a_place(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn any_pieces_of_the_syntax_are_read_or_refused_at_a_place(pieces in vec(piece(), 0..24)) {
        check(&pieces.concat())?;
    }

    #[test]
    fn any_tokens_are_read_or_refused_at_a_place(tokens in vec(token(), 0..6)) {
        check(&tokens.join(" "))?;
    }

    #[test]
    fn a_long_text_is_read_or_refused_at_a_place(text in any::<String>(), times in 0_usize..400) {
        check(&text.repeat(times))?;
    }

    #[test]
    fn what_is_written_is_read_as_the_same(filter in filter()) {
        let text = filter.to_string();
        prop_assume!(text.len() <= 4_096);
        match Filter::parse(&text, now()) {
            Ok(read) => prop_assert_eq!(read, filter, "{}", text),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

/// The blocks of the page that are marked as filters, line by line, and the last column of its table.
fn examples() -> Vec<&'static str> {
    let page = include_str!("../docs/filter.md");
    let blocks = page.split("```filter\n").skip(1).filter_map(|rest| rest.split_once("```")).flat_map(|(block, _)| block.lines());
    let rows = page.lines().filter(|line| line.starts_with('|')).skip(2);
    let column = rows.filter_map(|row| row.trim_end_matches(" |").rsplit("| ").next()).map(|cell| cell.trim_matches('`'));
    blocks.chain(column).collect()
}

#[test]
fn every_example_of_the_page_is_a_filter() {
    let examples = examples();
    assert_eq!(examples.len(), 7 + 13, "{examples:?}");
    for text in examples {
        let filter = Filter::parse(text, now()).unwrap_or_else(|error| panic!("{error}"));
        assert_ne!(filter, Filter::new(), "{text}");
        check(text).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn the_mistake_of_the_page_is_answered_as_there() {
    let error = Filter::parse("kind:SendWelcomeEmail stat:failed", now()).expect_err("`stat` is no key");
    assert!(include_str!("../docs/filter.md").contains(&format!("```text\n{error}\n```")), "{error}");
}
