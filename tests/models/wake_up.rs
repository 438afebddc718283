//! Jobs that are delivered wake the loops that wait for them.

use std::sync::{Arc, Mutex};

use loom::thread;

use crate::stage::{Bell, LONG, explore, job, lane, next};

/// The started jobs, and the bells of what runs: not those of the loops, which only the lane rings.
struct Started {
    jobs: Mutex<Vec<u64>>,
    bells: Vec<Arc<Bell>>,
}

impl Started {
    /// A job that runs until `all` jobs have started: each needs a loop of its own.
    fn run(&self, job: u64, index: usize, all: usize) {
        self.jobs.lock().unwrap().push(job);
        self.bells.iter().for_each(|bell| bell.ring());
        while self.jobs.lock().unwrap().len() < all {
            self.bells[index].sleep();
        }
    }
}

/// Delivers these batches to as many loops as there are jobs. No job ends before all have started.
fn all_at_once(batches: &'static [&'static [u64]]) {
    explore(move || {
        let all = batches.iter().map(|batch| batch.len()).sum();
        let lane = lane(all);
        let started = Arc::new(Started { jobs: Mutex::default(), bells: (0..all).map(|_| Bell::new()).collect() });
        let spawn = |index: usize| {
            let (lane, started) = (Arc::clone(&lane), Arc::clone(&started));
            thread::spawn(move || {
                let job = next(&lane, index, &Bell::new()).unwrap();
                started.run(job, index, all);
            })
        };
        let loops: Vec<_> = (0..all).map(spawn).collect();
        for batch in batches {
            lane.deliver(batch.iter().copied().map(job).collect(), 2).unwrap();
        }
        loops.into_iter().for_each(|task| task.join().unwrap());
        let mut jobs = started.jobs.lock().unwrap().clone();
        jobs.sort_unstable();
        assert_eq!(jobs, batches.concat());
    });
}

#[test]
fn no_loop_sleeps_while_a_job_of_a_batch_is_ready() {
    all_at_once(&[&[1, 2]]);
}

#[test]
fn no_loop_sleeps_while_a_job_of_many_batches_is_ready() {
    all_at_once(&[&[1], &[2]]);
}

#[test]
fn one_loop_takes_one_job_after_the_other() {
    explore(|| {
        let lane = lane(1);
        let looping = thread::spawn({
            let (lane, bell) = (Arc::clone(&lane), Bell::new());
            move || {
                [(); 2].map(|()| {
                    let job = next(&lane, 0, &bell).unwrap();
                    lane.ended(LONG, false);
                    job
                })
            }
        });
        lane.deliver(vec![job(1)], 2).unwrap();
        lane.deliver(vec![job(2)], 2).unwrap();
        assert_eq!(looping.join().unwrap(), [1, 2]);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn control_a_loop_that_leaves_no_waker_sleeps_on() {
    explore(|| {
        let (lane, bell) = (lane(1), Bell::new());
        let looping = thread::spawn({
            let lane = Arc::clone(&lane);
            move || {
                while lane.poll_take(0, None).is_pending() {
                    bell.sleep();
                }
            }
        });
        lane.deliver(vec![job(1)], 2).unwrap();
        looping.join().unwrap();
    });
}
