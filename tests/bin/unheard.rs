//! A process in which a push fails that nobody awaits: `installed` nowhere, or refused by the store; with a log or without.

use std::sync::Arc;

use queue::prelude::*;
use queue_tests::gate::Gate;
use queue_tests::{logs, park};

#[derive(Queueable)]
struct Note;

impl Job for Note {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn main() {
    let how = std::env::args().nth(1).unwrap_or_default();
    match how.as_str() {
        "forgotten" => (0..3).for_each(|_| drop(Queue::push::<Note>())),
        "awaited" => assert!(Queue::push::<Note>().wait().is_err()),
        "logged" => {
            logs::keep();
            drop(Queue::push::<Note>());
            assert_eq!(logs::lines("a push that nobody awaits failed").len(), 1);
        }
        // On the engine's thread, and after the push was dropped.
        "refused" => {
            let gate = Gate::new();
            let queue = Queue::from_driver(Arc::<Gate>::clone(&gate)).install();
            gate.hold();
            gate.refuse("{}");
            drop(Queue::push::<Note>());
            gate.open();
            park::block_on(queue.flush()).expect("the engine goes on");
        }
        other => panic!("unknown: {other}"),
    }
}
