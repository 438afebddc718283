//! What a pushed job may have: its size, its attempts, the name of its queue; and what is said of more.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::borrow::Cow;
use std::sync::Arc;

use queue::container::{Dependency, ResolveError, Scope};
use queue::drivers::Memory;
use queue::job::JobOptions;
use queue::prelude::*;
use queue::{ErrorKind, JobState, Pending, PushError};
use queue_tests::gate::Gate;
use queue_tests::park;
use queue_tests::rig::Rig;

const LIMIT: usize = 1024 * 1024;

#[derive(Queueable)]
struct Text {
    text: String,
}

impl Job for Text {
    async fn handle(&self) -> JobResult {
        let _ = &self.text;
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(tags = ["heart"])]
struct Beat;

impl Job for Beat {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

/// Written by hand, so that no derive has looked at its options.
struct ByHand;

impl Queueable for ByHand {
    const KIND: &'static str = "ByHand";
    const ALIASES: &'static [&'static str] = &[];
    const OPTIONS: JobOptions = JobOptions::DEFAULT.queue("a\nb");
    type Args = ();

    fn dependencies() -> &'static [Dependency] {
        &[]
    }

    fn build((): (), _: &Scope<'_>) -> Result<Self, ResolveError> {
        Ok(Self)
    }
}

/// A queue that stores on the caller's thread, and one that stores on its engine.
fn both() -> [Queue; 2] {
    [Queue::from_driver(Arc::new(Memory::new())), Queue::from_driver(Gate::new())]
}

fn stored(queue: &Queue) -> u64 {
    park::block_on(async {
        queue.flush().await.unwrap();
        queue.counts().await.unwrap().total(JobState::Available)
    })
}

/// A job whose payload has so many bytes.
fn text(bytes: usize) -> Pending<Text> {
    Text::with("x".repeat(bytes - r#"{"text":""}"#.len()))
}

/// What is too large, and how large it is.
async fn too_large<J: Queueable>(queue: &Queue, pending: Pending<J>) -> (String, usize) {
    let error = queue.dispatch((Beat::with(), pending)).await.unwrap_err();
    let said = error.to_string();
    let PushError::TooLarge { kind, what, size, limit: LIMIT, .. } = error else { panic!("{said}") };
    assert!(said.starts_with(&format!("the {what} of `{kind}` has {size} bytes and the limit is {LIMIT}")), "{said}");
    assert_eq!((kind.as_str(), stored(queue)), (J::KIND, 0), "all or none");
    (what, size)
}

#[tokio::test]
async fn a_job_over_the_limit_is_refused_and_told_what_is_too_large() {
    for queue in both() {
        let large = || "x".repeat(LIMIT);
        assert_eq!(too_large(&queue, text(LIMIT + 1)).await, ("payload".into(), LIMIT + 1));
        assert_eq!(too_large(&queue, Beat::with().meta("note", large())).await, ("meta".into(), LIMIT + r#"{"note":""}"#.len()));
        assert_eq!(too_large(&queue, Beat::with().tag(large())).await, ("list of tags".into(), LIMIT + "heart".len()));
    }
}

#[tokio::test]
async fn what_is_stored_with_the_payload_counts() {
    for queue in both() {
        assert_eq!(too_large(&queue, text(LIMIT).tag("a")).await, ("payload with its tags".into(), LIMIT + 1));
        assert_eq!(too_large(&queue, text(LIMIT - 7).meta("a", 12)).await, ("payload with its meta".into(), LIMIT + 1));
        let all = text(LIMIT).tag("a").meta("a", 12).unique_key("k");
        let what = "payload with its tags, meta and unique key";
        assert_eq!(too_large(&queue, all).await, (what.into(), LIMIT + 1 + 8 + "Text:k".len()));
    }
}

#[tokio::test]
async fn what_fits_exactly_is_stored() {
    for queue in both() {
        queue.dispatch(text(LIMIT)).await.unwrap();
        queue.dispatch(text(LIMIT - 15).tag("a").meta("a", 12).unique_key("k")).await.unwrap();
        assert_eq!(stored(&queue), 2);
    }
}

#[tokio::test]
async fn a_job_may_have_1_to_1000_attempts() {
    let rig = Rig::new();
    for attempts in [1, 1_000] {
        let pushed = rig.queue.dispatch(Beat::with().max_attempts(attempts)).await.unwrap();
        assert_eq!(rig.row(pushed.id).await.max_attempts, u32::from(attempts));
    }
    for attempts in [0, 1_001, u16::MAX] {
        let error = rig.queue.dispatch(Beat::with().max_attempts(attempts)).await.unwrap_err();
        assert!(matches!(&error, PushError::Encode { kind, .. } if kind == "Beat"));
        let said =
            format!("`Beat` cannot be pushed with these options: `max_attempts` is {attempts} and must be between 1 and 1000");
        assert_eq!(format!("{error:?}"), said);
    }
    assert_eq!(rig.queue.counts().await.unwrap().total(JobState::Available), 2);
}

#[tokio::test]
async fn a_queue_may_be_named_by_any_text() {
    let rig = Rig::new();
    let (owned, shared): (String, Arc<str>) = ("vip".to_owned(), "vip".into());
    let pending = [
        Beat::with().queue("vip"),
        Beat::with().queue(owned.as_str()),
        Beat::with().queue(&owned),
        Beat::with().queue(owned.clone()),
        Beat::with().queue(Arc::clone(&shared)),
        Beat::with().queue(&shared),
        Beat::with().queue(Cow::Borrowed("vip")),
        Beat::with().queue(Box::<str>::from("vip")),
    ];
    for pushed in rig.queue.dispatch(pending).await.unwrap() {
        assert_eq!(rig.row(pushed.id).await.queue, "vip");
    }
    let most = "\u{e9}".repeat(64);
    for name in [r#"it's "quoted" \n %_"#, "a b", "tenant:42/eu", "作業 🦀", &most] {
        let pushed = rig.queue.dispatch(Beat::with().queue(name)).await.unwrap();
        assert_eq!(rig.row(pushed.id).await.queue, name);
    }
}

#[tokio::test]
async fn a_name_that_no_queue_can_have_is_refused() {
    let rig = Rig::new();
    let long = "x".repeat(129);
    for (name, said) in [
        ("", "a queue name cannot be empty"),
        (&long, "a queue name may be 128 bytes long at most, and this one has 129"),
        ("a\nb", r#"a queue name may hold no control characters, as "a\nb" does"#),
        ("a\0", r#"a queue name may hold no control characters, as "a\0" does"#),
    ] {
        let error = rig.queue.dispatch(Beat::with().queue(name)).await.unwrap_err();
        assert!(matches!(&error, PushError::Encode { kind, .. } if kind == "Beat"));
        assert_eq!(format!("{error:?}"), format!("`Beat` cannot be pushed with these options: {said}"));
        let error = rig.queue.pause(name).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Invalid, said));
    }
    let error = rig.queue.dispatch(Pending::<ByHand>::new(())).await.unwrap_err();
    assert!(format!("{error:?}").contains("control characters"), "{error:?}");
    rig.queue.dispatch(Pending::<ByHand>::new(()).queue("fine")).await.unwrap();
    let queues = rig.queue.counts().await.unwrap().queues;
    assert_eq!(queues.keys().collect::<Vec<_>>(), ["fine"], "nothing was made of the others");
}
