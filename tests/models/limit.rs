//! A limit is drawn by fetches from what the lane has taken and holds, while jobs are taken, end, and are given back.

use std::sync::Arc;

use loom::thread;

use crate::lane::Lane;
use crate::stage::{Bell, ended, explore, job, lane, next, numbers};

/// How many jobs may be started.
const LIMIT: u64 = 2;

/// Jobs are fetched within the limit while a loop runs them and a pause gives back what has not started.
fn limited(claimed: fn(&Lane) -> u64) {
    explore(move || {
        let lane = lane(2);
        let looping = thread::spawn({
            let (lane, bell) = (Arc::clone(&lane), Bell::new());
            move || {
                let mut taken = Vec::new();
                let mut job = next(&lane, 0, &bell);
                while let Some(number) = job {
                    taken.push(number);
                    job = ended(&lane).or_else(|| next(&lane, 0, &bell));
                }
                taken
            }
        });
        let mut stored: Vec<u64> = (0..4).collect();
        let mut fetch = || {
            let most = LIMIT.saturating_sub(claimed(&lane)) as usize;
            let Some(asked) = lane.request(most) else { return };
            let count = (asked.free + asked.ahead).min(stored.len());
            lane.fetched(&asked, count);
            lane.deliver(stored.drain(..count).map(job).collect(), 1).unwrap();
        };
        fetch();
        // What this gives back leaves room in the limit.
        let given_back = numbers(&lane.pause());
        lane.resume();
        fetch();
        fetch();
        let mut left = numbers(&lane.close());
        left.extend(looping.join().unwrap());
        assert!(left.len() as u64 <= LIMIT, "{left:?} were claimed, and {given_back:?} given back");
    });
}

#[test]
fn no_more_are_claimed_than_the_limit() {
    limited(Lane::claimed);
}

#[test]
#[should_panic(expected = "were claimed")]
fn control_what_waits_in_the_buffer_counts() {
    limited(Lane::taken);
}

#[test]
#[should_panic(expected = "were claimed")]
fn control_what_has_ended_counts() {
    limited(|lane| lane.running() as u64 + u64::from(lane.is_buffering()));
}
