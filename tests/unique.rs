//! Unique jobs: one live job for a key, and every push of it gets the winner's id.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use queue::drivers::Memory;
use queue::prelude::*;
use queue::{JobState, Pushed};
use queue_tests::gate::Gate;
use queue_tests::probe::PATIENCE;
use queue_tests::rig::Rig;

#[derive(Queueable)]
#[queueable(unique)]
struct Whole {
    user_id: u64,
    note: String,
}

impl Job for Whole {
    async fn handle(&self) -> JobResult {
        let _ = (self.user_id, &self.note);
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(unique(fields = [user_id]))]
struct PerUser {
    user_id: u64,
    note: String,
}

impl Job for PerUser {
    async fn handle(&self) -> JobResult {
        let _ = (self.user_id, &self.note);
        Ok(())
    }
}

#[derive(Queueable)]
struct Plain {
    user_id: u64,
}

impl Job for Plain {
    async fn handle(&self) -> JobResult {
        let _ = self.user_id;
        Ok(())
    }
}

fn both() -> [Queue; 2] {
    [Queue::from_driver(Arc::new(Memory::new())), Queue::from_driver(Gate::new())]
}

/// Asserts that one was stored and the others were told of it.
fn one_winner(pushed: &[Pushed]) {
    let stored: Vec<_> = pushed.iter().filter(|pushed| !pushed.is_duplicate).collect();
    assert_eq!(stored.len(), 1, "{pushed:?}");
    assert!(pushed.iter().all(|pushed| pushed.id == stored[0].id), "{pushed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_pushes_of_one_key_at_once_store_one_job() {
    for queue in both() {
        let tasks = (0..50).map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.dispatch(Whole::with(1, "x".into())).await.unwrap() })
        });
        let pushed: Vec<_> = join_all(tasks.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect();
        one_winner(&pushed);
        assert_eq!(queue.counts().await.unwrap().total(JobState::Available), 1);
    }
}

#[tokio::test]
async fn equal_keys_in_one_push_store_one_job() {
    for queue in both() {
        let pushed = queue.dispatch_all((0..5).map(|_| PerUser::with(1, "x".into()))).await.unwrap();
        one_winner(&pushed);
        assert!(!pushed[0].is_duplicate, "in order");
    }
}

#[tokio::test]
async fn the_key_is_of_the_payload_or_of_the_fields_and_of_the_kind() {
    for queue in both() {
        let whole = async |user_id, note: &str| queue.dispatch(Whole::with(user_id, note.into())).await.unwrap();
        let first = whole(1, "a").await;
        assert!(!whole(1, "b").await.is_duplicate && !whole(2, "a").await.is_duplicate);
        let again = whole(1, "a").await;
        assert_eq!((again.id, again.is_duplicate), (first.id, true));

        let per_user = async |user_id, note: &str| queue.dispatch(PerUser::with(user_id, note.into())).await.unwrap();
        let first = per_user(1, "a").await;
        assert!(!first.is_duplicate, "another kind has keys of its own");
        let again = per_user(1, "b").await;
        assert_eq!((again.id, again.is_duplicate), (first.id, true));
        assert!(!per_user(2, "a").await.is_duplicate);
        let key = queue.job(first.id).await.unwrap().unwrap().unique_key;
        assert_eq!(key.as_deref(), Some(r#"PerUser:{"user_id":1}"#));
    }
}

#[tokio::test]
async fn a_key_by_hand_goes_before_the_attribute() {
    for queue in both() {
        let first = queue.dispatch(Plain::with(1).unique_key("k")).await.unwrap();
        let again = queue.dispatch(Plain::with(2).unique_key("k")).await.unwrap();
        assert_eq!((again.id, again.is_duplicate), (first.id, true));
        assert!(!queue.dispatch(Plain::with(1)).await.unwrap().is_duplicate, "a plain job has no key");
        assert!(!queue.dispatch(PerUser::with(1, "x".into()).unique_key("k")).await.unwrap().is_duplicate, "of its kind");
        assert!(!queue.dispatch(PerUser::with(1, "x".into()).unique_key("l")).await.unwrap().is_duplicate);
        assert!(!queue.dispatch(PerUser::with(1, "x".into())).await.unwrap().is_duplicate, "the attribute's key was never taken");
    }
}

#[tokio::test]
async fn long_keys_stay_apart() {
    let [queue, _] = both();
    let long = |end: &str| Plain::with(1).unique_key(format!("{}{end}", "x".repeat(10_000)));
    let ids = [long("a"), long("b"), long("a")];
    let mut seen = HashSet::new();
    for pending in ids {
        let pushed = queue.dispatch(pending).await.unwrap();
        assert_eq!(pushed.is_duplicate, !seen.insert(pushed.id));
        assert!(queue.job(pushed.id).await.unwrap().unwrap().unique_key.unwrap().len() < 60);
    }
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn the_key_is_free_when_the_job_has_ended() {
    let rig = Rig::new();
    let push = async || rig.queue.dispatch(Whole::with(1, "x".into())).await.unwrap();
    let first = push().await;
    assert!(push().await.is_duplicate);
    let worker = rig.worker().start().await.unwrap();
    assert_eq!(rig.end(first.id).await.state, JobState::Completed);
    worker.shutdown(PATIENCE).await;
    let second = push().await;
    assert!(!second.is_duplicate && second.id != first.id);
    rig.queue.cancel(second.id).await.unwrap();
    assert!(!push().await.is_duplicate, "free after a cancel, too");
}
