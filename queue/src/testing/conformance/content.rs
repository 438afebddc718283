//! What goes in comes out: payloads byte for byte, names letter for letter.

use super::Verdict;
use super::list::list;
use super::subject::{QUEUE, Subject, fail, ids, job, job_with_key};
use crate::drivers::{Except, Extra, FetchRequest, NewJob, Pushed, Tick};
use crate::job::Filter;
use crate::job::payload::MAX_PAYLOAD;

/// Names that break what pastes them into a statement, a key or a pattern.
const NAMES: [&str; 12] = [
    "it's",
    "say \"hi\"",
    "a;b; drop table jobs --",
    "100 %",
    "under_score*[a-z]?",
    "back\\slash\\n",
    "tab\tnew\nline\r\u{1}\u{7f}",
    "größe 作業 🦀 e\u{301}",
    " spaces ",
    "a:b:{c}",
    "$1 :name ?1 @x",
    "NULL",
];

/// JSON that a reader and writer of JSON would change.
const PAYLOADS: [&str; 8] = [
    r#"{"b":1.0,"a":1e2,"a":2}"#,
    r#"{"z":1,"a":{"y":[],"b":{}}}"#,
    r#"{"big":123456789012345678901234567890,"small":1e-400,"minus":-0.0}"#,
    r#"{"text":"\u0041\u00e9\ud83e\udd80\/\b\u0000"}"#,
    "{\"text\":\"größe 作業 🦀 \u{7f}\"}",
    "{ \"spaced\" :\t[ 1 ,\n2 ] }",
    r#"{"quote":"it's \"$1\" %s {} ; --"}"#,
    "{}",
];

pub(super) async fn a_payload_is_kept_byte_for_byte(subject: &Subject) -> Verdict {
    for payload in PAYLOADS {
        let delivery = subject.take_new(NewJob { payload: payload.as_bytes().into(), ..job() }).await;
        assert_eq!(std::str::from_utf8(&delivery.payload), Ok(payload));
        if subject.driver.inspect().is_some() {
            let kept = subject.row(delivery.lease.id).await.payload.expect("a running job has its payload");
            assert_eq!(kept.get(), payload, "in the row");
        }
        subject.end(delivery.lease, fail()).await;
    }
    Ok(())
}

pub(super) async fn a_payload_is_the_same_at_each_attempt(subject: &Subject) -> Verdict {
    let payload = PAYLOADS[0].as_bytes();
    let mut delivery = subject.take_new(NewJob { payload: payload.into(), ..job() }).await;
    for _ in 0..3 {
        subject.end(delivery.lease, super::subject::retry(std::time::Duration::ZERO)).await;
        subject.maintain().await;
        delivery = subject.take().await;
        assert_eq!(&*delivery.payload, payload);
    }
    Ok(())
}

pub(super) async fn a_payload_of_the_largest_size_is_kept(subject: &Subject) -> Verdict {
    let mut payload = br#"{"a":""#.to_vec();
    payload.resize(MAX_PAYLOAD - 2, b'x');
    payload.extend_from_slice(br#""}"#);
    assert_eq!(payload.len(), MAX_PAYLOAD);
    let delivery = subject.take_new(NewJob { payload: payload.clone().into(), ..job() }).await;
    assert!(*delivery.payload == *payload, "{} bytes came back changed", delivery.payload.len());
    Ok(())
}

pub(super) async fn names_of_kinds_and_queues_are_kept(subject: &Subject) -> Verdict {
    for name in NAMES {
        let new = NewJob { kind: name.into(), queue: name.into(), ..job() };
        let delivery = subject.take_new(new).await;
        assert_eq!((&*delivery.kind, &*delivery.queue), (name, name));
    }
    let mut queues: Vec<_> = subject.driver.queues().await.expect("`queues` works").into_iter().map(|row| row.name).collect();
    queues.sort();
    let mut expected: Vec<_> = NAMES.map(std::sync::Arc::from).into();
    expected.sort();
    assert_eq!(queues, expected);
    Ok(())
}

pub(super) async fn names_of_excepted_kinds_are_no_patterns(subject: &Subject) -> Verdict {
    for name in NAMES {
        subject.store(NewJob { kind: name.into(), ..job() }).await;
    }
    let plain = subject.store(job()).await;
    let except = NAMES.map(|name| Except { kind: name.into(), from_version: None }).into();
    let request = FetchRequest { except, ..subject.request(QUEUE, 20) };
    assert_eq!(ids(&subject.fetch_by(&request).await), [plain]);
    let all = FetchRequest { except: vec![Except { kind: "%".into(), from_version: None }], ..subject.request(QUEUE, 20) };
    assert_eq!(subject.fetch_by(&all).await.len(), NAMES.len());
    Ok(())
}

pub(super) async fn names_of_tags_and_meta_are_kept(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let tags: Vec<_> = NAMES.map(str::to_owned).into();
    let meta: serde_json::Map<_, _> = NAMES.iter().map(|&name| (name.to_owned(), name.into())).collect();
    let extra = Extra { tags: tags.clone(), meta: meta.clone(), ..Extra::default() };
    let id = subject.store(NewJob { extra: Some(extra.into()), ..job() }).await;
    subject.store(job()).await;
    let row = subject.row(id).await;
    assert_eq!((row.tags, row.meta), (tags, meta));
    for name in NAMES {
        let rows = inspect.jobs(&Filter::new().tag(name)).await.expect("`jobs` works").jobs;
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [id], "the job with the tag {name:?}");
        for filter in [Filter::new().kind(name), Filter::new().queue(name)] {
            assert!(inspect.jobs(&filter).await.expect("`jobs` works").jobs.is_empty(), "{name:?} is no pattern");
        }
    }
    Ok(())
}

pub(super) async fn names_that_are_left_out_are_no_patterns(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let new = |name: &str| {
        let tags = vec![name.to_owned()];
        let extra = Some(Box::new(Extra { tags, ..Extra::default() }));
        NewJob { kind: name.into(), queue: format!("a{name}").into(), extra, ..job() }
    };
    let jobs = NAMES.map(new).to_vec();
    let all: Vec<_> = jobs.iter().map(|job| job.id).collect();
    subject.push_all(jobs).await;
    for (index, name) in NAMES.into_iter().enumerate() {
        let mut expected = all.clone();
        expected.remove(index);
        for filter in [
            Filter { not_kinds: vec![name.to_owned()], ..Filter::new() },
            Filter { not_queues: vec![format!("a{name}")], ..Filter::new() },
            Filter { not_tags: vec![name.to_owned()], ..Filter::new() },
        ] {
            assert_eq!(list(subject, &filter).await, expected, "{filter:?}");
        }
    }
    Ok(())
}

pub(super) async fn unique_keys_are_compared_letter_for_letter(subject: &Subject) -> Verdict {
    subject.needs(subject.capabilities().unique, "unique keys")?;
    for key in NAMES {
        let winner = subject.store(job_with_key(key)).await;
        assert_eq!(subject.push(job_with_key(key)).await, Pushed::duplicate_of(winner), "{key:?}");
    }
    // The same to the eye, and other bytes.
    subject.store(job_with_key("größe 作業 🦀 \u{e9}")).await;
    Ok(())
}

pub(super) async fn errors_and_reasons_are_kept(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let mut delivery = subject.take_new(job()).await;
    for error in NAMES {
        let outcome = crate::job::Outcome::Retry { delay: std::time::Duration::ZERO, error: error.to_owned() };
        subject.end(delivery.lease, outcome).await;
        subject.maintain().await;
        delivery = subject.take().await;
    }
    let row = subject.row(delivery.lease.id).await;
    assert_eq!(row.errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>(), NAMES);
    Ok(())
}

pub(super) async fn names_of_cron_entries_are_kept_apart(subject: &Subject) -> Verdict {
    let at = subject.clock.now();
    for entry in NAMES {
        let group = crate::drivers::Group { jobs: vec![job()], tick: Some(Tick { entry: entry.into(), at }) };
        let result = subject.push_groups(&[group]).await.pop().expect("one answer");
        assert_eq!(result.expect("it is stored").len(), 1, "{entry:?} has a tick of its own");
    }
    Ok(())
}
