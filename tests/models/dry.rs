//! A lane that is called dry is fetched for again when something happens.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;

use crate::stage::{Bell, explore, lane};

/// Two jobs are stored while a lane is fetched for, each with a word to the lane: behind it, or before it.
fn stored(tells_first: bool) {
    explore(move || {
        let (lane, bell, store) = (lane(2), Bell::new(), Arc::new(Mutex::new(0)));
        let storing = thread::spawn({
            let (lane, bell, store) = (Arc::clone(&lane), Arc::clone(&bell), Arc::clone(&store));
            move || {
                for _ in 0..2 {
                    if tells_first {
                        lane.wet();
                    }
                    *store.lock().unwrap() += 1;
                    if !tells_first {
                        lane.wet();
                    }
                    bell.ring();
                }
            }
        });
        let mut fetched = 0;
        while fetched < 2 {
            let Some(asked) = lane.request(usize::MAX) else {
                bell.sleep();
                continue;
            };
            let count = std::mem::take(&mut *store.lock().unwrap());
            lane.fetched(&asked, count);
            fetched += count;
        }
        storing.join().unwrap();
    });
}

#[test]
fn what_is_stored_during_a_fetch_is_fetched() {
    stored(false);
}

#[test]
#[should_panic(expected = "deadlock")]
fn control_a_word_before_the_job_is_stored_is_missed() {
    stored(true);
}
