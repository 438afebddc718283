//! What the engine does with pushes: one commit for many, each fails alone, a store that is away, bounds, broken drivers.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use queue::drivers::Driver as _;
use queue::prelude::*;
use queue::{JobState, PushError};
use queue_tests::gate::{Answer, Gate};
use tokio::sync::Barrier;

#[derive(Queueable)]
struct Note {
    n: usize,
}

impl Job for Note {
    async fn handle(&self) -> JobResult {
        let _ = self.n;
        Ok(())
    }
}

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

fn start() -> (Arc<Gate>, Queue) {
    let gate = Gate::new();
    let queue = Queue::from_driver(Arc::<Gate>::clone(&gate));
    (gate, queue)
}

async fn stored(queue: &Queue) -> u64 {
    queue.counts().await.unwrap().total(JobState::Available)
}

fn note(n: usize) -> String {
    format!(r#"{{"n":{n}}}"#)
}

/// A call of the driver with these notes, each a push of its own.
fn call(notes: impl IntoIterator<Item = usize>) -> Vec<Vec<String>> {
    notes.into_iter().map(|n| vec![note(n)]).collect()
}

#[tokio::test]
async fn pushes_of_one_time_are_stored_in_one_commit() {
    const TASKS: usize = 100;
    const ROUNDS: usize = 20;
    let (gate, queue) = start();
    let barrier = Arc::new(Barrier::new(TASKS + 1));
    let tasks = (0..TASKS).map(|n| {
        let (queue, barrier) = (queue.clone(), Arc::clone(&barrier));
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                barrier.wait().await;
                let push = queue.dispatch(Note::with(n));
                barrier.wait().await;
                push.await.unwrap();
                barrier.wait().await;
            }
        })
    });
    let tasks: Vec<_> = tasks.collect();
    for _ in 0..ROUNDS {
        gate.hold();
        barrier.wait().await;
        barrier.wait().await;
        gate.open();
        barrier.wait().await;
    }
    join_all(tasks).await.into_iter().for_each(Result::unwrap);
    assert_eq!(stored(&queue).await, 2_000);
    let calls = gate.calls();
    assert_eq!(calls.iter().map(Vec::len).sum::<usize>(), 2_000, "each push is a group of its own");
    // Of each round the first call takes what is there, and the next one all the rest.
    assert!(calls.len() <= 2 * ROUNDS, "{} calls", calls.len());
}

#[tokio::test]
async fn pushes_are_stored_in_the_order_in_which_they_were_made() {
    let (gate, queue) = start();
    gate.hold();
    let first = queue.dispatch(Note::with(0));
    gate.until_called(1).await;
    let rest: Vec<_> = (1..50).map(|n| queue.dispatch(Note::with(n))).collect();
    gate.open();
    first.await.unwrap();
    join_all(rest).await;
    assert_eq!(gate.calls(), [call([0]), call(1..50)]);
}

#[tokio::test]
async fn each_push_fails_alone() {
    let (gate, queue) = start();
    gate.refuse(r#""n":2"#);
    gate.hold();
    let first = queue.dispatch(Note::with(0));
    gate.until_called(1).await;
    let rest = [queue.dispatch(Note::with(1)), queue.dispatch(Note::with(2)), queue.dispatch(Note::with(3))];
    gate.open();
    first.await.unwrap();
    let [one, two, three] = join_all(rest).await.try_into().unwrap();
    assert!(one.is_ok() && three.is_ok());
    assert_eq!(format!("{:?}", two.unwrap_err()), "the store did not confirm the push: poison");
    assert_eq!(gate.calls(), [call([0]), call([1, 2, 3])]);
    // All or none: the poison takes its tuple with it.
    queue.dispatch((Note::with(4), Note::with(2))).await.unwrap_err();
    assert_eq!(stored(&queue).await, 3);
}

#[tokio::test]
async fn a_store_that_comes_back_stores_what_waited_in_order() {
    let (gate, queue) = start();
    gate.answer(Answer::Away);
    let first = queue.dispatch(Note::with(0));
    gate.until_called(2).await;
    let later: Vec<_> = (1..10).map(|n| queue.dispatch(Note::with(n))).collect();
    gate.answer(Answer::Stores);
    first.await.unwrap();
    assert!(join_all(later).await.iter().all(Result::is_ok));
    let stored: Vec<_> = gate.calls().concat().into_iter().flatten().collect();
    // The last ten groups are those that were stored.
    assert_eq!(stored[stored.len() - 10..], (0..10).map(note).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_push_has_its_own_patience_and_later_ones_keep_their_order() {
    let (gate, queue) = start();
    gate.answer(Answer::Away);
    gate.hold();
    let first = queue.dispatch(Note::with(0));
    gate.until_called(1).await;
    gate.step();
    // The clock moves only while a call is at the gate, so that the pauses between them are short.
    gate.until_called(2).await;
    gate.clock().advance(Duration::from_secs(20));
    let second = queue.dispatch(Note::with(1));
    gate.step();
    gate.until_called(3).await;
    gate.clock().advance(Duration::from_secs(11));
    gate.step();
    let error = first.await.unwrap_err();
    assert!(matches!(error, PushError::Unavailable(_)));
    assert_eq!(format!("{error:?}"), "the store is away, and stayed so while the push was tried again: no route");
    let third = queue.dispatch(Note::with(2));
    gate.until_called(4).await;
    gate.answer(Answer::Stores);
    gate.open();
    second.await.unwrap();
    third.await.unwrap();
    let calls = gate.calls();
    assert_eq!(calls[..3], [call([0]), call([0]), call([0, 1])]);
    assert_eq!(calls[3..].concat(), call([1, 2]));
    assert_eq!(stored(&queue).await, 2);
}

#[tokio::test]
async fn a_push_that_waited_behind_others_has_no_second_patience() {
    let (gate, queue) = start();
    gate.answer(Answer::Away);
    gate.hold();
    let first = queue.dispatch_all((0..1_000).map(Note::with));
    let behind = queue.dispatch(Note::with(1_000));
    gate.until_called(1).await;
    gate.step();
    gate.until_called(2).await;
    gate.clock().advance(Duration::from_secs(31));
    gate.step();
    assert!(matches!(first.await.unwrap_err(), PushError::Unavailable(_)));
    // It was never tried, and the store was away all the time: one try tells.
    gate.until_called(3).await;
    gate.step();
    assert!(matches!(behind.await.unwrap_err(), PushError::Unavailable(_)));
    assert_eq!(gate.count(), 3);
}

#[tokio::test]
async fn what_waits_is_bounded_in_jobs() {
    let (gate, queue) = start();
    gate.hold();
    let first = queue.dispatch(Note::with(0));
    gate.until_called(1).await;
    let rest = queue.dispatch_all((1..100_000).map(Note::with));
    let over = queue.dispatch(Note::with(100_000)).now_or_never().expect("at once").unwrap_err();
    assert!(matches!(over, PushError::Overloaded { waiting: 100_000, limit: 100_000, limit_bytes: 67_108_864 }), "{over:?}");
    gate.open();
    first.await.unwrap();
    rest.await.unwrap();
    queue.dispatch(Note::with(100_000)).await.unwrap();
    assert_eq!(stored(&queue).await, 100_001);
}

#[tokio::test]
async fn what_waits_is_bounded_in_bytes() {
    let (gate, queue) = start();
    let million = || Text::with("x".repeat(1_000_000));
    gate.hold();
    let first = queue.dispatch(million());
    gate.until_called(1).await;
    let rest: Vec<_> = (1..67).map(|_| queue.dispatch(million())).collect();
    let over = queue.dispatch(million()).now_or_never().expect("at once").unwrap_err();
    assert!(matches!(over, PushError::Overloaded { waiting: 67, .. }), "{over:?}");
    // Notes count as well.
    let noted = Note::with(1).meta("note", "x".repeat(1_000_000)).tag("y".repeat(1_000));
    assert!(matches!(queue.dispatch(noted).now_or_never(), Some(Err(PushError::Overloaded { waiting: 67, .. }))));
    // A small one still fits.
    let small = queue.dispatch(Note::with(1));
    gate.open();
    for pushed in [first, small].into_iter().chain(rest) {
        pushed.await.unwrap();
    }
    assert_eq!(stored(&queue).await, 68);
}

#[tokio::test]
async fn a_push_larger_than_the_bound_is_taken_when_nothing_else_waits() {
    let (gate, queue) = start();
    gate.hold();
    let large = queue.dispatch_all((0..100_001).map(Note::with));
    gate.until_called(1).await;
    let over = queue.dispatch(Note::with(0)).now_or_never().expect("at once").unwrap_err();
    assert!(matches!(over, PushError::Overloaded { waiting: 100_001, .. }));
    gate.open();
    assert_eq!(large.await.unwrap().len(), 100_001);
    gate.hold();
    let small = queue.dispatch(Note::with(0));
    let large = queue.dispatch_all((0..100_001).map(Note::with));
    assert!(matches!(large.now_or_never().expect("at once"), Err(PushError::Overloaded { waiting: 1, .. })));
    gate.open();
    small.await.unwrap();
}

#[tokio::test]
async fn a_flush_waits_for_what_was_pushed_before_it_and_for_nothing_else() {
    let (gate, queue) = start();
    gate.hold();
    drop(queue.dispatch(Note::with(0)));
    gate.until_called(1).await;
    drop(queue.dispatch(Note::with(1)));
    let mut flush = Box::pin(queue.flush());
    assert!((&mut flush).now_or_never().is_none());
    // Its second call stays at the gate, with a push that came after the flush.
    gate.step();
    gate.until_called(2).await;
    drop(queue.dispatch(Note::with(2)));
    assert!((&mut flush).now_or_never().is_none());
    gate.step();
    gate.until_called(3).await;
    flush.await.unwrap();
    assert_eq!(stored(&queue).await, 2);
    gate.open();
}

#[tokio::test]
async fn a_flush_is_not_done_while_an_early_push_is_tried_again() {
    let (gate, queue) = start();
    gate.refuse(r#""n":1"#);
    gate.answer(Answer::AwayForPoison);
    gate.hold();
    drop(queue.dispatch(Note::with(0)));
    gate.until_called(1).await;
    drop(queue.dispatch(Note::with(1)));
    let mut flush = Box::pin(queue.flush());
    assert!((&mut flush).now_or_never().is_none());
    gate.open();
    gate.until_called(3).await;
    // As many pushes as the flush waits for have their answer by now, but not the same.
    for n in 2..10 {
        queue.dispatch(Note::with(n)).await.unwrap();
    }
    assert!((&mut flush).now_or_never().is_none());
    gate.answer(Answer::Stores);
    gate.refuse("nothing");
    flush.await.unwrap();
    assert_eq!(stored(&queue).await, 10);
}

#[tokio::test]
async fn a_driver_that_panics_gives_an_error_and_the_engine_lives() {
    let (gate, queue) = start();
    gate.answer(Answer::Panics);
    let error = queue.dispatch(Note::with(0)).await.unwrap_err();
    assert_eq!(format!("{error:?}"), "the store did not confirm the push: the driver `gate` panicked");
    gate.answer(Answer::Stores);
    queue.dispatch(Note::with(1)).await.unwrap();
    assert_eq!(stored(&queue).await, 1);
}

#[tokio::test]
async fn a_driver_that_does_not_answer_gives_an_error() {
    let (gate, queue) = start();
    for answer in [Answer::Silent, Answer::Empty] {
        gate.answer(answer);
        let texts = [
            format!("{:?}", queue.dispatch(Note::with(0)).await.unwrap_err()),
            format!("{:?}", queue.dispatch_all((0..2).map(Note::with)).wait().unwrap_err()),
        ];
        for text in texts {
            assert_eq!(text, "the store did not confirm the push: the driver `gate` did not answer for each job of the push");
        }
    }
}

#[tokio::test]
async fn a_driver_may_store_on_the_thread_of_the_caller() {
    let (gate, queue) = start();
    gate.answer_now(Some(Answer::Stores));
    queue.dispatch(Note::with(0)).now_or_never().expect("at once").unwrap();
    gate.answer_now(Some(Answer::Away));
    queue.dispatch(Note::with(1)).await.unwrap();
    assert_eq!(gate.count(), 1, "what it does not take goes to the engine");
    for (answer, text) in [(Answer::Panics, "panicked"), (Answer::Silent, "did not answer"), (Answer::Empty, "did not answer")] {
        gate.answer_now(Some(answer));
        let error = queue.dispatch(Note::with(2)).now_or_never().expect("at once").unwrap_err();
        assert!(format!("{error:?}").contains(text), "{error:?}");
        let bulk = queue.dispatch_all((0..2).map(Note::with)).now_or_never().expect("at once").unwrap_err();
        assert!(format!("{bulk:?}").contains(text), "{bulk:?}");
    }
    gate.answer_now(None);
    gate.hold();
    let waits = queue.dispatch(Note::with(3));
    gate.until_called(2).await;
    gate.answer_now(Some(Answer::Stores));
    // Behind what waits, so that the pushes of a caller stay in order.
    let mut behind = queue.dispatch(Note::with(4));
    assert!((&mut behind).now_or_never().is_none());
    gate.open();
    waits.await.unwrap();
    behind.await.unwrap();
    assert_eq!(gate.calls()[1..], [call([3]), call([4])]);
}
