//! Jobs whose type the caller does not name: made and checked by the registry, and pushed as they are.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;

use queue::drivers::{Extra, NewJob};
use queue::prelude::*;
use queue::{ErrorKind, JobState, PushError, Registry};
use queue_tests::gate::Gate;
use queue_tests::probe::{PATIENCE, Probe};
use queue_tests::rig::Rig;
use serde_json::Value;

#[derive(Queueable)]
#[queueable(
    queue = "mail",
    priority = 7,
    max_attempts = 3,
    version = 2,
    upgrade = upgrade,
    tags = ["welcome"],
    aliases = ["OldWelcome", "Twin"],
    unique(fields = [user])
)]
struct Welcome {
    #[inject]
    probe: Arc<Probe>,
    user: u64,
    #[serde(default)]
    words: Vec<String>,
}

fn upgrade(mut payload: Value, from: u16) -> Result<Value, String> {
    if from == 0 {
        return Err("nobody knows version 0".into());
    }
    let user = payload["user_id"].take();
    payload["user"] = user;
    Ok(payload)
}

impl Job for Welcome {
    async fn handle(&self) -> JobResult {
        self.probe.saw(format!("welcome {} {}", self.user, self.words.join(" ")));
        Ok(())
    }
}

/// Its name is an alias of another.
#[derive(Queueable)]
#[queueable(blocking)]
struct Twin;

impl BlockingJob for Twin {
    fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn welcome() -> &'static queue::registry::Entry {
    Registry::linked().find("Welcome").unwrap()
}

#[test]
fn a_kind_is_found_by_its_name_first_and_then_by_an_alias() {
    let registry = Registry::linked();
    assert_eq!(registry.find("OldWelcome").unwrap().kind, "Welcome");
    assert_eq!(registry.find("Twin").unwrap().kind, "Twin");
    assert!(registry.find("welcome").is_none());
}

#[test]
fn a_payload_is_decoded_with_its_upgrade_and_a_fault_has_its_path() {
    let entry = welcome();
    entry.decode(br#"{"user":1,"words":["a"]}"#, 2).unwrap();
    entry.decode(br#"{"user_id":1}"#, 1).unwrap();
    for (payload, version, said) in [
        (
            &br#"{"user":1,"words":["a",2]}"#[..],
            2,
            "the payload is not one of `Welcome`: the payload cannot be decoded at `words[1]`",
        ),
        (br#"{"user_id":"me"}"#, 1, "the payload cannot be decoded at `user`"),
        (br#"{"user_id":1}"#, 0, "the payload of version 0 could not be upgraded: nobody knows version 0"),
        (br#"{"user":1}"#, 3, "the payload has version 3 of `Welcome`, and this program knows 2"),
        (b"{", 2, "EOF while parsing an object"),
    ] {
        let error = entry.decode(payload, version).unwrap_err();
        let text = format!("{error:?}");
        assert!(error.kind() == ErrorKind::Invalid && text.contains(said), "{text}");
    }
    Registry::linked().find("Twin").unwrap().decode(b"{}", 1).unwrap();
}

#[tokio::test]
async fn a_job_of_arguments_is_what_a_typed_push_would_store() {
    let rig = Rig::new();
    let typed = rig.queue.dispatch(Welcome::with(42, vec!["hi".into()])).await.unwrap();
    let job = welcome().job(br#" { "words": [ "hi" ], "user": 42, "unknown": 1 } "#).unwrap();
    assert_eq!(&*job.payload, br#"{"user":42,"words":["hi"]}"#);
    let pushed = rig.queue.dispatch(job).await.unwrap();
    assert!(pushed.is_duplicate && pushed.id == typed.id, "the same unique key");

    let other = rig.queue.dispatch(welcome().job(br#"{"user":43}"#).unwrap()).await.unwrap();
    let (typed, untyped) = (rig.row(typed.id).await, rig.row(other.id).await);
    assert_eq!(
        (&typed.kind, &typed.queue, typed.priority, typed.max_attempts, typed.version, &typed.tags),
        (&untyped.kind, &untyped.queue, untyped.priority, untyped.max_attempts, untyped.version, &untyped.tags)
    );
    assert_eq!(untyped.unique_key.as_deref(), Some(r#"Welcome:{"user":43}"#));

    let twin = rig.queue.dispatch(Registry::linked().find("Twin").unwrap().job(b"{}").unwrap()).await.unwrap();
    let worker = rig.worker().jobs::<(Twin, Welcome)>();
    // The alias of the one is the name of the other, which a worker refuses.
    assert!(worker.start().await.is_err());
    let worker = rig.worker().jobs::<Welcome>().only(["mail"]).start().await.unwrap();
    assert_eq!(rig.end(other.id).await.state, JobState::Completed);
    assert_eq!(rig.row(twin.id).await.state, JobState::Available);
    worker.shutdown(PATIENCE).await;
    assert_eq!(rig.probe.count("welcome 43 "), 1);
}

#[test]
fn arguments_that_do_not_fit_are_refused_with_the_path() {
    for (arguments, said) in [
        (&br#"{"user":"me"}"#[..], "`Welcome` cannot be pushed with these arguments: the payload cannot be decoded at `user`"),
        (b"{}", "missing field `user`"),
        (b"[42]", "they are no JSON object; `{}` is the one without any"),
        (b"", "they are no JSON object"),
        (br#"{"user":42} x"#, "trailing characters"),
    ] {
        let error = welcome().job(arguments).unwrap_err();
        assert!(matches!(&error, PushError::Encode { kind, .. } if kind == "Welcome"));
        let text = format!("{error:?}");
        assert!(text.contains(said), "{text}");
    }
}

#[tokio::test]
async fn a_new_job_is_checked_as_a_pending_one_is() {
    let rig = Rig::new();
    let job = || NewJob::new("Welcome", "mail", br#"{"user":1}"#);
    let refused = async |job: NewJob| format!("{:?}", rig.queue.dispatch(job).await.unwrap_err());
    let options = "`Welcome` cannot be pushed with these options: ";
    assert_eq!(refused(NewJob { queue: "".into(), ..job() }).await, format!("{options}a queue name cannot be empty"));
    for max_attempts in [0, 1_001] {
        let said = format!("{options}`max_attempts` is {max_attempts} and must be between 1 and 1000");
        assert_eq!(refused(NewJob { max_attempts, ..job() }).await, said);
    }
    let half = "x".repeat(600 * 1024);
    let payload = serde_json::to_vec(&serde_json::json!({ "user": 1, "words": [half] })).unwrap();
    let fits = NewJob::new("Welcome", "mail", &payload);
    rig.queue.dispatch(fits.clone()).await.unwrap();
    let extra = Some(Box::new(Extra { tags: vec![half], ..Extra::default() }));
    let said = refused(NewJob { extra, id: queue::JobId::new(), ..fits }).await;
    assert!(said.contains("the payload with its tags of `Welcome`"), "{said}");
    let said =
        format!("{:?}", Queue::from_driver(Gate::with(|can| can.unique = false)).dispatch(job().with_unique_key("k")).await);
    assert!(said.contains("a unique job"), "{said}");
    assert_eq!(rig.queue.counts().await.unwrap().total(JobState::Available), 1, "what is refused is not stored");
}

#[tokio::test]
async fn a_key_of_a_new_job_is_that_of_a_pending_one() {
    let rig = Rig::new();
    let first = rig.queue.dispatch(Welcome::with(1, Vec::new()).unique_key("order 42")).await.unwrap();
    let job = NewJob::new("Welcome", "mail", br#"{"user":2}"#).with_unique_key("order 42");
    let second = rig.queue.dispatch(job).await.unwrap();
    assert!(second.is_duplicate && second.id == first.id);
    let other = rig.queue.dispatch(NewJob::new("Other", "mail", b"{}").with_unique_key("order 42")).await.unwrap();
    assert!(!other.is_duplicate, "a key is of its kind");
}
