//! A stop: the lane is closed, its loops end, and the stop waits for what they run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use loom::thread;

use crate::idle::Idle;
use crate::lane::Lane;
use crate::stage::{Bell, ended, explore, job, lane, next, numbers};

/// Two jobs are delivered while a lane is closed. What is refused counts as given back, or is forgotten.
fn closed(keeps_refused: bool) {
    explore(move || {
        let lane = lane(1);
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
        let closing = thread::spawn({
            let lane = Arc::clone(&lane);
            move || lane.close()
        });
        let refused: Vec<_> =
            [1, 2].into_iter().filter_map(|number| lane.deliver(vec![job(number)], 2).err()).flatten().collect();
        let mut seen = numbers(&closing.join().unwrap());
        if keeps_refused {
            seen.extend(numbers(&refused));
        }
        seen.extend(looping.join().unwrap());
        seen.sort_unstable();
        assert_eq!(seen, [1, 2], "each job is taken or given back, once");
        assert!(lane.deliver(vec![job(3)], 2).is_err() && lane.request(usize::MAX).is_none());
    });
}

#[test]
fn each_job_is_taken_or_given_back_and_a_loop_ends() {
    closed(true);
}

#[test]
#[should_panic(expected = "each job is taken or given back, once")]
fn control_a_job_that_was_refused_is_missed() {
    closed(false);
}

/// What a loop does around a run, and what the stop asks.
#[derive(Clone, Copy)]
struct Ways {
    /// What follows a run: perhaps another job.
    ended: fn(&Lane, &Idle) -> Option<u64>,
    /// Whether something runs, by the lane and by a slot that learns of the run when it begins.
    runs: fn(&Lane, &AtomicBool) -> bool,
}

/// The ways of `worker/execute` and `worker/shutdown`.
const REAL: Ways = Ways {
    ended: |lane, idle| {
        let job = ended(lane);
        idle.run_ended();
        job
    },
    runs: |lane, _| lane.running() > 0,
};

/// A lane with two jobs is closed, and the stop waits for what runs.
fn awaited(loops: usize, ways: Ways) {
    explore(move || {
        let (lane, idle, gathered) = (lane(loops), Arc::new(Idle::new()), Arc::new(Mutex::new(Vec::new())));
        let is_busy = Arc::new(AtomicBool::new(false));
        lane.deliver(vec![job(1), job(2)], 2).unwrap();
        let spawn = |index| {
            let (lane, idle, gathered, is_busy, bell) =
                (Arc::clone(&lane), Arc::clone(&idle), Arc::clone(&gathered), Arc::clone(&is_busy), Bell::new());
            thread::spawn(move || {
                let mut job = next(&lane, index, &bell);
                while let Some(number) = job {
                    // A moment between the take and the run.
                    thread::yield_now();
                    is_busy.store(true, Ordering::SeqCst);
                    gathered.lock().unwrap().push(number);
                    is_busy.store(false, Ordering::SeqCst);
                    job = (ways.ended)(&lane, &idle).or_else(|| next(&lane, index, &bell));
                }
            })
        };
        let tasks: Vec<_> = (0..loops).map(spawn).collect();
        let mut seen = numbers(&lane.close());
        Bell::new().block_on(idle.until(|| !(ways.runs)(&lane, &is_busy)));
        seen.extend(gathered.lock().unwrap().iter());
        seen.sort_unstable();
        assert_eq!(seen, [1, 2], "each job was given back or has ended when the stop goes on");
        tasks.into_iter().for_each(|task| task.join().unwrap());
    });
}

#[test]
fn a_stop_goes_on_when_the_last_run_has_ended() {
    awaited(1, REAL);
}

#[test]
fn a_stop_goes_on_when_the_last_of_two_runs_has_ended() {
    awaited(2, REAL);
}

#[test]
#[should_panic(expected = "deadlock")]
fn control_an_end_that_is_told_before_the_lane_knows_is_missed() {
    let told_first = |lane: &Lane, idle: &Idle| {
        idle.run_ended();
        ended(lane)
    };
    awaited(1, Ways { ended: told_first, ..REAL });
}

#[test]
#[should_panic(expected = "each job was given back or has ended when the stop goes on")]
fn control_a_slot_does_not_know_what_was_taken() {
    awaited(1, Ways { runs: |_, is_busy| is_busy.load(Ordering::SeqCst), ..REAL });
}

/// Two wait for the end of a run, each on a thread of its own: the stop, and whoever asks whether the worker is idle.
fn awaited_by_two(ended: fn(&Lane, &Idle)) {
    explore(move || {
        let (lane, idle) = (lane(1), Arc::new(Idle::new()));
        lane.deliver(vec![job(1)], 1).unwrap();
        assert_eq!(next(&lane, 0, &Bell::new()), Some(1));
        let waiting = thread::spawn({
            let (lane, idle) = (Arc::clone(&lane), Arc::clone(&idle));
            move || Bell::new().block_on(idle.until(|| lane.running() == 0))
        });
        let running = thread::spawn({
            let (lane, idle) = (Arc::clone(&lane), Arc::clone(&idle));
            move || ended(&lane, &idle)
        });
        Bell::new().block_on(idle.until(|| lane.running() == 0));
        waiting.join().unwrap();
        running.join().unwrap();
    });
}

#[test]
fn each_of_two_who_wait_learns_of_the_last_run() {
    awaited_by_two(|lane, idle| {
        ended(lane);
        idle.run_ended();
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn control_the_second_of_two_is_not_told_when_the_end_is_told_too_early() {
    awaited_by_two(|lane, idle| {
        idle.run_ended();
        ended(lane);
    });
}
