//! Which jobs fit: what a filter says beside states, kinds, queues and tags.

use std::time::{Duration, SystemTime};

use super::Verdict;
use super::list::{list, tagged};
use super::subject::{QUEUE, Subject, fail, hours, job, job_in, retry};
use crate::JobId;
use crate::drivers::NewJob;
use crate::job::filter::ArgIs;
use crate::job::{Filter, JobState, Outcome};

pub(super) async fn ids_are_filtered(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let jobs: Vec<_> = (0..300).map(|index| job_in(if index < 200 { "a" } else { "b" })).collect();
    let all: Vec<_> = jobs.iter().map(|job| job.id).collect();
    subject.push_all(jobs).await;
    let of = |ids: &[JobId]| Filter { ids: ids.to_vec(), ..Filter::new() };
    assert_eq!(list(subject, &of(&[all[7]])).await, [all[7]]);
    assert_eq!(list(subject, &of(&[all[9], JobId::new(), all[3], all[9]])).await, [all[3], all[9]], "by id, and each once");
    assert!(list(subject, &of(&[JobId::new()])).await.is_empty());
    assert_eq!(list(subject, &of(&[all[3], all[250]]).queue("b")).await, [all[250]], "all that is said");
    assert_eq!(list(subject, &of(&all[50..250])).await, all[50..250], "more than a page");
    let mut reversed = all[50..250].to_vec();
    reversed.reverse();
    assert_eq!(list(subject, &of(&all[50..250]).newest_first().limit(30)).await, reversed);
    Ok(())
}

pub(super) async fn what_is_left_out_does_not_fit(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let plain = subject.store(job()).await;
    let other = subject.store(NewJob { kind: "Other".into(), ..job_in("mail") }).await;
    let red = subject.store(tagged(&["red", "round"])).await;
    let blue = subject.store(tagged(&["blue"])).await;
    let not = |kinds: &[&str], queues: &[&str], tags: &[&str]| {
        let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Filter { not_kinds: texts(kinds), not_queues: texts(queues), not_tags: texts(tags), ..Filter::new() }
    };
    assert_eq!(list(subject, &not(&["Plain"], &[], &[])).await, [other]);
    assert!(list(subject, &not(&["Plain", "Other"], &[], &[])).await.is_empty());
    assert_eq!(list(subject, &not(&["Pl", "plain", "%"], &[], &[])).await, [plain, other, red, blue], "letter for letter");
    assert_eq!(list(subject, &not(&[], &[QUEUE], &[])).await, [other]);
    assert_eq!(list(subject, &not(&[], &["mail", "nowhere"], &[])).await, [plain, red, blue]);
    assert_eq!(list(subject, &not(&[], &[], &["round"])).await, [plain, other, blue], "jobs without tags stay");
    assert_eq!(list(subject, &not(&[], &[], &["blue", "red"])).await, [plain, other], "none of them");
    assert_eq!(list(subject, &not(&[], &["mail"], &["blue"])).await, [plain, red], "all that is said");
    assert_eq!(list(subject, &not(&[], &[], &["round"]).tag("red").tag("blue")).await, [blue]);
    assert!(list(subject, &not(&["Plain"], &[], &[]).kind("Plain")).await.is_empty());
    Ok(())
}

/// The time is that of the id, which its pusher made.
pub(super) async fn jobs_are_filtered_by_when_they_were_pushed(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let time = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000 + seconds);
    let id = |seconds: u64| JobId::from_u128(JobId::first_at(time(seconds)).as_u128() | 0x7000_8000_0000_0000_0007);
    subject.push_all([10, 20, 30].map(|seconds| NewJob { id: id(seconds), ..job() }).to_vec()).await;
    let running = subject.fetch(QUEUE, 1).await;
    assert_eq!(running.len(), 1);
    let now = subject.store(job()).await;
    let of = |since: Option<u64>, until: Option<u64>| Filter { since: since.map(time), until: until.map(time), ..Filter::new() };
    assert_eq!(list(subject, &of(Some(20), None)).await, [id(20), id(30), now], "at this time or later");
    assert_eq!(list(subject, &of(Some(21), None)).await, [id(30), now]);
    assert_eq!(list(subject, &of(None, Some(20))).await, [id(10)], "before this time");
    assert_eq!(list(subject, &of(None, Some(21))).await, [id(10), id(20)]);
    assert_eq!(list(subject, &of(Some(10), Some(30))).await, [id(10), id(20)]);
    assert!(list(subject, &of(Some(30), Some(10))).await.is_empty());
    assert_eq!(list(subject, &of(Some(10), Some(31)).newest_first().limit(1)).await, [id(30), id(20), id(10)]);
    assert_eq!(list(subject, &of(Some(10), Some(31)).after(id(20))).await, [id(30)]);
    assert_eq!(list(subject, &of(Some(10), Some(31)).newest_first().after(id(20))).await, [id(10)]);
    let before_all = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
    assert_eq!(list(subject, &Filter { since: Some(before_all), ..Filter::new() }).await.len(), 4);
    assert!(list(subject, &Filter { until: Some(before_all), ..Filter::new() }).await.is_empty());
    Ok(())
}

/// Of the errors of a job its last one is searched.
pub(super) async fn jobs_are_filtered_by_their_last_error(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let failed = async |error: &str| {
        let lease = subject.take_new(job()).await.lease;
        subject.end(lease, Outcome::Fail { error: error.to_owned() }).await;
        lease.id
    };
    let of = |texts: &[&str]| Filter { errors: texts.iter().map(|&text| text.to_owned()).collect(), ..Filter::new() };
    let refused = failed("Connection REFUSED by smtp.example").await;
    let full = failed("the disk is 100% full: a_b").await;
    let german = failed("Öl fehlt, it's \"aus\"").await;
    let twice = subject.take_new(job()).await.lease;
    subject.end(twice, Outcome::Retry { delay: hours(1), error: "connection refused".to_owned() }).await;
    subject.jump_and_maintain(hours(1)).await;
    let again = subject.take().await.lease;
    subject.end(again, Outcome::Retry { delay: hours(1), error: "timed out".to_owned() }).await;
    let none = subject.store(job()).await;

    assert_eq!(list(subject, &of(&["connection refused"])).await, [refused], "whatever the case, and the last error alone");
    assert_eq!(list(subject, &of(&["TIMED out"])).await, [twice.id], "a job that waits as well");
    assert_eq!(list(subject, &of(&["100%"])).await, [full]);
    assert_eq!(list(subject, &of(&["A_B"])).await, [full]);
    assert!(list(subject, &of(&["is%full"])).await.is_empty(), "no pattern");
    assert!(list(subject, &of(&["a_e", "[a-z]", "1_0%"])).await.is_empty(), "no pattern");
    assert_eq!(list(subject, &of(&["ÖL FEHLT"])).await, [german], "letters that are no ASCII as they are");
    assert!(list(subject, &of(&["öl"])).await.is_empty(), "letters that are no ASCII as they are");
    assert_eq!(list(subject, &of(&["it's \"AUS\""])).await, [german]);
    assert_eq!(list(subject, &of(&["refused", "timed"])).await, [refused, twice.id], "any of them");
    assert_eq!(list(subject, &of(&[""])).await, [refused, full, german, twice.id], "{none} has no error at all");
    assert_eq!(list(subject, &of(&["e"]).state(JobState::Failed).limit(1)).await, [refused, full, german], "all that is said");

    inspect.retry(refused).await.expect("it has failed");
    assert_eq!(list(subject, &of(&["refused"]).state(JobState::Available)).await, [refused], "it keeps its history");
    Ok(())
}

/// The fields of these jobs are looked for.
const PAYLOADS: [&str; 8] = [
    r#"{"user":{"id":42,"name":"Ada"},"items":[{"name":"a b"},{"name":"c"}],"ok":true,"none":null}"#,
    r#"{ "user" : { "id" : "42" , "name":"ada" } , "items" : [ ] , "ok" : false }"#,
    r#"{"user":{"id":18446744073709551615},"big":123456789012345678901234567890,"price":1.50,"minus":-0.0}"#,
    r#"{"user":{"id":18446744073709551614},"price":1.5,"small":1e-400}"#,
    r#"{"note":"say \"no\"\n\u00e9\ud83e\udd80\\","a.b":{"":"empty"},"größe":"L"}"#,
    r#"{"user":null,"items":{"0":"by name"}}"#,
    r#"[7,["x",[true]]]"#,
    "{}",
];

pub(super) async fn jobs_are_filtered_by_the_fields_of_their_payload(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let jobs = PAYLOADS.map(|payload| NewJob { payload: payload.as_bytes().into(), ..job() }).to_vec();
    let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
    subject.push_all(jobs).await;
    let cases: [(&[&str], &[&str], &[usize]); 29] = [
        (&["user", "id"], &["42"], &[0, 1]),
        (&["user", "name"], &["Ada"], &[0]),
        (&["user", "name"], &["Ada", "ada", "Bob"], &[0, 1]),
        (&["user", "name"], &["Ad", "ADA", "%"], &[]),
        (&["user", "id"], &["18446744073709551615"], &[2]),
        (&["user", "id"], &["18446744073709551614", "42"], &[0, 1, 3]),
        (&["user", "id"], &["1.8446744073709552e19", "42.0", "042"], &[]),
        (&["big"], &["123456789012345678901234567890"], &[2]),
        (&["big"], &["123456789012345678901234567891", "1.2345678901234568e29"], &[]),
        (&["price"], &["1.50"], &[2]),
        (&["price"], &["1.5"], &[3]),
        (&["minus"], &["-0.0"], &[2]),
        (&["small"], &["1e-400"], &[3]),
        (&["small"], &["0", "0.0"], &[]),
        (&["ok"], &["true"], &[0]),
        (&["ok"], &["true", "false"], &[0, 1]),
        (&["none"], &["null"], &[0]),
        (&["user"], &["null", "{}", ""], &[5]),
        (&["items", "0", "name"], &["a b"], &[0]),
        (&["items", "1", "name"], &["c"], &[0]),
        (&["items", "2", "name"], &["c"], &[]),
        (&["items", "0"], &["by name"], &[5]),
        (&["items"], &["[ ]", "[]", "{}"], &[]),
        (&["a.b"], &[r#"{"":"empty"}"#], &[]),
        (&["note"], &["say \"no\"\n\u{e9}\u{1f980}\\"], &[4]),
        (&["a.b", ""], &["empty"], &[4]),
        (&["größe"], &["L"], &[4]),
        (&["1", "1", "0"], &["true"], &[6]),
        (&["0"], &["7"], &[6]),
    ];
    for (path, values, places) in cases {
        let filter = Filter { args: vec![ArgIs::new(path.iter().copied(), values.iter().copied())], ..Filter::new() };
        let expected: Vec<_> = places.iter().map(|&place| ids[place]).collect();
        assert_eq!(list(subject, &filter).await, expected, "{filter:?}");
        assert_eq!(list(subject, &filter.clone().limit(1)).await, expected, "{filter:?}, page by page");
    }
    let both = |first: ArgIs, second: ArgIs| Filter { args: vec![first, second], ..Filter::new() };
    let (id, name) = (ArgIs::new(["user", "id"], ["42"]), ArgIs::new(["user", "name"], ["ada"]));
    assert_eq!(list(subject, &both(id.clone(), name)).await, [ids[1]], "all of the conditions");
    assert!(list(subject, &both(id, ArgIs::new(["price"], ["1.50"]))).await.is_empty());
    Ok(())
}

/// A store need not keep what ran well.
pub(super) async fn a_payload_that_is_gone_fits_no_field(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let new = || NewJob { payload: (*br#"{"a":1}"#).into(), ..job() };
    let lease = subject.take_new(new()).await.lease;
    subject.end(lease, Outcome::Complete).await;
    let is_kept = subject.row(lease.id).await.payload.is_some();
    let waiting = subject.store(new()).await;
    let expected = if is_kept { vec![lease.id, waiting] } else { vec![waiting] };
    let filter = Filter { args: vec![ArgIs::new(["a"], ["1"])], ..Filter::new() };
    assert_eq!(list(subject, &filter).await, expected);
    assert_eq!(list(subject, &Filter::new()).await, [lease.id, waiting], "its row is there");
    Ok(())
}

/// What a store finds by itself, and what it has to read rows for.
pub(super) async fn conditions_of_every_sort_hold_together(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let mut expected = Vec::new();
    for index in 0..32 {
        // Each bit is one condition that the job meets, or does not.
        let meets = |bit: usize| index >> bit & 1 == 1;
        let tags: &[&str] = if meets(0) { &["red"] } else { &["red", "old"] };
        let payload = if meets(1) { &br#"{"a":1}"#[..] } else { br#"{"a":2}"# };
        let (queue, kind) = (if meets(2) { "mail" } else { "other" }, if meets(3) { "Plain" } else { "Other" });
        let new = NewJob { payload: payload.into(), queue: queue.into(), kind: kind.into(), ..tagged(tags) };
        let lease = subject.take_new(new).await.lease;
        subject.end(lease, if meets(4) { fail() } else { retry(hours(1)) }).await;
        if (0..5).all(meets) {
            expected.push(lease.id);
        }
    }
    let mut filter = Filter::new().kind("Plain").tag("red").state(JobState::Failed).state(JobState::Completed);
    filter.not_tags.push("old".to_owned());
    filter.not_queues.push("other".to_owned());
    filter.errors.push("NO HOPE".to_owned());
    filter.args.push(ArgIs::new(["a"], ["1"]));
    assert_eq!(expected.len(), 1);
    assert_eq!(list(subject, &filter).await, expected);
    assert_eq!(list(subject, &filter.newest_first().limit(1)).await, expected);
    Ok(())
}
