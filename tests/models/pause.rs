//! A pause: afterwards nothing starts, and no job is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use loom::thread;

use crate::stage::{Bell, LONG, explore, job, lane, next, numbers};

/// A lane is paused while two jobs are delivered and taken, and resumed; then what came back is delivered again, or is not.
fn paused_and_resumed(delivers_again: bool) {
    explore(move || {
        let lane = lane(1);
        // Of the standard library: it is set and read together with what the lane did just before.
        let is_paused = Arc::new(AtomicBool::new(false));
        let looping = thread::spawn({
            let (lane, is_paused, bell) = (Arc::clone(&lane), Arc::clone(&is_paused), Bell::new());
            move || {
                [(); 2].map(|()| {
                    let job = next(&lane, 0, &bell).unwrap();
                    assert!(!is_paused.load(Ordering::SeqCst), "job {job} has started after the pause");
                    lane.ended(LONG, false);
                    job
                })
            }
        });
        let delivering = thread::spawn({
            let (lane, is_paused) = (Arc::clone(&lane), Arc::clone(&is_paused));
            move || {
                [1, 2].map(|number| {
                    let was_paused = is_paused.load(Ordering::SeqCst);
                    let refused = lane.deliver(vec![job(number)], 2).err();
                    assert!(refused.is_some() || !was_paused, "job {number} was accepted after the pause");
                    refused.unwrap_or_default()
                })
            }
        });
        let mut back = lane.pause();
        is_paused.store(true, Ordering::SeqCst);
        back.extend(delivering.join().unwrap().into_iter().flatten());
        let given_back = numbers(&back);

        is_paused.store(false, Ordering::SeqCst);
        assert!(lane.resume());
        if delivers_again {
            lane.deliver(back, 2).unwrap();
        }
        let mut taken = looping.join().unwrap();
        assert!(taken.ends_with(&given_back), "{taken:?} were taken, {given_back:?} of them after the pause");
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
    });
}

#[test]
fn nothing_starts_after_a_pause_and_nothing_is_lost() {
    paused_and_resumed(true);
}

#[test]
#[should_panic(expected = "deadlock")]
fn control_what_a_pause_gives_back_is_missed() {
    paused_and_resumed(false);
}
