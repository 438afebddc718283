//! A worker says that there is nothing to do only when there is nothing: a run fails, its outcome is stored, and its job is there again at once.

use std::sync::{Arc, Mutex};

use loom::thread;

use crate::gather::{Gather, Group};
use crate::lane::Lane;
use crate::stage::{Bell, ended, explore, job, lane, next, outcome};

/// A lane with a job that waits for a loop, what is gathered, and the store.
struct Worker {
    lane: Arc<Lane>,
    gather: Gather,
    group: Group,
    /// Wakes whoever waits until the worker is still.
    changed: Arc<Bell>,
    stored: Mutex<Vec<u64>>,
}

impl Worker {
    fn new() -> Arc<Self> {
        let worker = Self {
            lane: lane(2),
            gather: Gather::new(),
            group: Group::new(Vec::new()),
            changed: Bell::new(),
            stored: Mutex::default(),
        };
        let asked = worker.lane.request(usize::MAX).unwrap();
        worker.lane.fetched(&asked, 1);
        worker.lane.deliver(vec![job(1)], 1).unwrap();
        Arc::new(worker)
    }

    /// What a loop and the exchange do in turn, on one thread: what matters is how it falls between the looks of another.
    fn work(&self) {
        for run in 1..=2 {
            let number = next(&self.lane, 0, &self.changed).unwrap();
            self.gather.add(&self.group, outcome(number));
            ended(&self.lane);
            self.changed.ring();
            self.exchange((run == 1).then_some(2));
        }
    }

    /// Stores what has gathered, which makes a job available again, perhaps.
    fn exchange(&self, available: Option<u64>) {
        self.gather.flush(&self.group);
        let settlements = self.gather.begin();
        self.stored.lock().unwrap().extend(settlements.iter().map(|settlement| settlement.lease.place));
        self.gather.stored(settlements.len());
        if available.is_some() {
            self.lane.wet();
        }
        self.gather.end();
        self.changed.ring();
        if let Some(number) = available {
            self.gather.begin();
            let asked = self.lane.request(usize::MAX).unwrap();
            self.lane.fetched(&asked, 1);
            self.lane.deliver(vec![job(number)], 1).unwrap();
            self.gather.end();
        }
        self.changed.ring();
    }

    fn is_settled(&self) -> bool {
        self.group.lock().unwrap().is_empty() && self.gather.is_settled()
    }
}

/// What is asked, in which order.
fn waits(is_still: fn(&Worker) -> bool) {
    explore(move || {
        let worker = Worker::new();
        let working = thread::spawn({
            let worker = Arc::clone(&worker);
            move || worker.work()
        });
        while !is_still(&worker) {
            worker.changed.sleep();
        }
        assert_eq!(*worker.stored.lock().unwrap(), [1, 2], "still means that both runs are stored");
        working.join().unwrap();
    });
}

#[test]
fn a_worker_is_still_when_all_is_stored_and_nothing_came_of_it() {
    waits(|worker| {
        let Some(before) = worker.lane.stillness(true) else { return false };
        worker.is_settled() && worker.lane.stillness(true) == Some(before)
    });
}

#[test]
#[should_panic(expected = "still means that both runs are stored")]
fn control_a_lane_that_is_looked_at_only_before_the_outcomes_has_moved_on() {
    waits(|worker| worker.lane.stillness(true).is_some() && worker.is_settled());
}

#[test]
#[should_panic(expected = "still means that both runs are stored")]
fn control_a_lane_that_is_looked_at_only_after_the_outcomes_hides_one() {
    waits(|worker| worker.is_settled() && worker.lane.stillness(true).is_some());
}
