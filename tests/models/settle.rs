//! Outcomes reach the store: each once, in order, and none before a stop believes so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use loom::thread;

use crate::gather::{Added, Gather, Group};
use crate::stage::{Bell, explore, outcome};

/// A loop's outcomes, whoever takes them further, and the store.
struct Worker {
    gather: Gather,
    group: Group,
    /// Wakes `worker/settle`.
    settle_soon: Arc<Bell>,
    /// Wakes `worker/fetch`.
    exchange: Arc<Bell>,
    /// Wakes the stop.
    arrived: Arc<Bell>,
    store: Mutex<Vec<u64>>,
    is_over: AtomicBool,
}

impl Worker {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            gather: Gather::new(),
            group: Group::new(Vec::new()),
            settle_soon: Bell::new(),
            exchange: Bell::new(),
            arrived: Bell::new(),
            store: Mutex::default(),
            is_over: AtomicBool::new(false),
        })
    }

    /// A run of a loop has ended.
    fn add(&self, job: u64) {
        match self.gather.add(&self.group, outcome(job)) {
            Added::Batch => self.exchange.ring(),
            Added::First => self.settle_soon.ring(),
            Added::More => {}
        }
    }

    fn flush(&self) {
        if self.gather.flush(&self.group) {
            self.exchange.ring();
        }
    }

    /// Hands the group on each time that somebody says that it must be looked after.
    fn look_after(&self, looks_first: bool) {
        loop {
            self.settle_soon.sleep();
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            if looks_first {
                self.gather.look();
            }
            self.gather.flush(&self.group);
            self.exchange.ring();
            if !looks_first {
                self.gather.look();
            }
        }
    }

    /// Exchanges until `all` outcomes are stored; the store may be away at the first time.
    fn exchange(&self, all: usize, stores_first: bool, mut is_away: bool) {
        while self.store.lock().unwrap().len() < all {
            let settlements = self.gather.begin();
            if settlements.is_empty() {
                self.gather.end();
                self.exchange.sleep();
            } else if std::mem::take(&mut is_away) {
                self.gather.put_back(settlements);
                self.gather.end();
            } else {
                let store = || self.store.lock().unwrap().extend(settlements.iter().map(|settlement| settlement.lease.place));
                if stores_first {
                    store();
                }
                self.gather.stored(settlements.len());
                self.gather.end();
                if !stores_first {
                    // A moment between the word and the deed.
                    thread::yield_now();
                    store();
                }
                self.arrived.ring();
            }
        }
        self.is_over.store(true, Ordering::SeqCst);
        self.settle_soon.ring();
    }

    fn stored(&self) -> Vec<u64> {
        self.store.lock().unwrap().clone()
    }
}

/// More outcomes of a loop that has some in its group and never flushes: its handler goes on.
fn outcomes_of_a_busy_loop(before: u64, more: u64, looks_first: bool) {
    explore(move || {
        let worker = Worker::new();
        if before > 0 {
            worker.add(0);
            // The others at once, for a model that is soon done.
            worker.group.lock().unwrap().extend((1..before).map(outcome));
        }
        let looping = thread::spawn({
            let worker = Arc::clone(&worker);
            move || (before..before + more).for_each(|job| worker.add(job))
        });
        let looking = thread::spawn({
            let worker = Arc::clone(&worker);
            move || worker.look_after(looks_first)
        });
        let all: Vec<u64> = (0..before + more).collect();
        worker.exchange(all.len(), true, before == 0);
        looping.join().unwrap();
        looking.join().unwrap();
        assert_eq!(worker.stored(), all);
        assert!(!worker.gather.flush(&worker.group) && worker.gather.begin().is_empty(), "nothing is left");
    });
}

#[test]
fn an_outcome_in_a_group_is_looked_after() {
    outcomes_of_a_busy_loop(0, 2, true);
}

#[test]
fn an_outcome_that_fills_a_group_is_handed_on_once() {
    outcomes_of_a_busy_loop(31, 1, true);
}

#[test]
#[should_panic(expected = "deadlock")]
fn control_a_look_after_the_flush_forgets_an_outcome() {
    outcomes_of_a_busy_loop(0, 2, false);
}

/// The steps of a stop and of an exchange that a control leaves out or turns around.
#[derive(Clone, Copy)]
struct Ways {
    flushes: bool,
    stores_first: bool,
}

/// A stop waits until everything is settled, while the outcomes of a loop are flushed by another thread and stored.
fn settled(ways: Ways) {
    explore(move || {
        let worker = Worker::new();
        worker.add(0);
        worker.add(1);
        let looking = thread::spawn({
            let worker = Arc::clone(&worker);
            move || worker.look_after(true)
        });
        let exchanging = thread::spawn({
            let worker = Arc::clone(&worker);
            move || worker.exchange(2, ways.stores_first, true)
        });
        loop {
            if ways.flushes {
                worker.flush();
            }
            if worker.gather.is_settled() {
                break;
            }
            worker.exchange.ring();
            worker.arrived.sleep();
        }
        assert_eq!(worker.stored(), [0, 1], "settled means stored");
        looking.join().unwrap();
        exchanging.join().unwrap();
    });
}

#[test]
fn a_stop_goes_on_when_everything_is_stored() {
    settled(Ways { flushes: true, stores_first: true });
}

#[test]
#[should_panic(expected = "settled means stored")]
fn control_what_lies_in_a_group_does_not_count_as_unsettled() {
    settled(Ways { flushes: false, stores_first: true });
}

#[test]
#[should_panic(expected = "settled means stored")]
fn control_an_arrival_that_is_told_too_early_is_believed() {
    settled(Ways { flushes: true, stores_first: false });
}

/// An exchange is under way when a stop begins, and brings a job, which is given back.
fn given_back(ends_last: bool) {
    explore(move || {
        let worker = Worker::new();
        assert!(worker.gather.begin().is_empty());
        let exchanging = thread::spawn({
            let worker = Arc::clone(&worker);
            move || {
                if !ends_last {
                    worker.gather.end();
                    thread::yield_now();
                }
                worker.gather.add_all([outcome(0)]);
                if ends_last {
                    worker.gather.end();
                }
                worker.arrived.ring();
                worker.exchange(1, true, false);
            }
        });
        while !worker.gather.is_settled() {
            worker.arrived.sleep();
        }
        assert_eq!(worker.stored(), [0], "settled means stored");
        exchanging.join().unwrap();
    });
}

#[test]
fn a_stop_waits_for_an_exchange_that_may_bring_jobs() {
    given_back(true);
}

#[test]
#[should_panic(expected = "settled means stored")]
fn control_an_exchange_that_ends_before_it_delivers_is_missed() {
    given_back(false);
}
