//! Those who take turns to exchange: what each has handed on is exchanged by whoever has the turn then.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use loom::thread;

use crate::gather::Gather;
use crate::stage::{Bell, explore, outcome};
use crate::turn::Turn;

/// Where outcomes are handed on, who exchanges them, and the store.
struct Worker {
    gather: Gather,
    turn: Turn,
    /// Wakes `worker/fetch`.
    engine: Arc<Bell>,
    /// Wakes whoever waits for the outcomes to be stored.
    arrived: Arc<Bell>,
    store: Mutex<Vec<u64>>,
    is_over: AtomicBool,
}

impl Worker {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            gather: Gather::new(),
            turn: Turn::new(),
            engine: Bell::new(),
            arrived: Bell::new(),
            store: Mutex::default(),
            is_over: AtomicBool::new(false),
        })
    }

    fn exchange(&self) {
        let settlements = self.gather.begin();
        self.store.lock().unwrap().extend(settlements.iter().map(|settlement| settlement.lease.place));
        self.gather.stored(settlements.len());
        self.gather.end();
        self.arrived.ring();
    }

    /// What a loop does that has an outcome: so many rounds at the most, and the rest is left to the engine, or to nobody.
    fn hand_on(&self, job: u64, rounds: usize, tells_engine: bool) {
        self.gather.add_all([outcome(job)]);
        if !self.turn.begin() {
            return;
        }
        for _ in 0..rounds {
            self.exchange();
            if self.turn.end() {
                return;
            }
        }
        self.turn.leave();
        if tells_engine {
            self.engine.ring();
        }
    }

    /// What the engine does each time that it is woken.
    fn fetch(&self) {
        loop {
            self.engine.sleep();
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            if self.turn.begin() {
                self.exchange();
                while !self.turn.end() {
                    self.exchange();
                }
            }
        }
    }

    fn stored(&self) -> Vec<u64> {
        let mut stored = self.store.lock().unwrap().clone();
        stored.sort_unstable();
        stored
    }
}

fn two_loops(rounds: usize) {
    explore(move || {
        let worker = Worker::new();
        let other = thread::spawn({
            let worker = Arc::clone(&worker);
            move || worker.hand_on(1, rounds, false)
        });
        worker.hand_on(2, rounds, false);
        other.join().unwrap();
        assert_eq!(worker.stored(), [1, 2], "nobody waits, and nothing is left");
    });
}

#[test]
fn what_is_handed_on_during_an_exchange_is_exchanged() {
    two_loops(2);
}

#[test]
#[should_panic(expected = "nobody waits, and nothing is left")]
fn control_a_word_that_is_not_heeded_leaves_an_outcome() {
    two_loops(1);
}

/// Two loops that make one round each; the engine exchanges what they leave.
fn left_to_the_engine(tells_engine: bool) {
    explore(move || {
        let worker = Worker::new();
        let engine = thread::spawn({
            let worker = Arc::clone(&worker);
            move || worker.fetch()
        });
        let other = thread::spawn({
            let worker = Arc::clone(&worker);
            move || worker.hand_on(1, 1, tells_engine)
        });
        worker.hand_on(2, 1, tells_engine);
        while worker.stored().len() < 2 {
            worker.arrived.sleep();
        }
        worker.is_over.store(true, Ordering::SeqCst);
        worker.engine.ring();
        other.join().unwrap();
        engine.join().unwrap();
    });
}

#[test]
fn what_a_loop_leaves_is_exchanged_by_the_engine() {
    left_to_the_engine(true);
}

#[test]
#[should_panic(expected = "deadlock")]
fn control_what_a_loop_leaves_without_a_word_is_missed() {
    left_to_the_engine(false);
}
