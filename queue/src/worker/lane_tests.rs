//! Tests of the lane, in a file of their own: `tests/models` compiles `lane.rs` with other locks, on which these cannot run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};
use std::time::{Duration, SystemTime};

use crate::drivers::Lease;
use crate::job::JobId;

use super::lane::{Lane, Next};
use super::ready::Ready;

fn job(priority: u8) -> Ready {
    Ready {
        lease: Lease { id: JobId::new(), place: 0, token: 1 },
        name: 0,
        version: 1,
        priority,
        attempt: 1,
        max_attempts: 1,
        rescues: 0,
        payload: Arc::from(&b"{}"[..]),
        due_at: SystemTime::UNIX_EPOCH,
    }
}

fn take(lane: &Lane) -> Option<u8> {
    match lane.poll_take(0, Some(Waker::noop())) {
        Poll::Ready(Some(job)) => Some(job.priority),
        _ => None,
    }
}

#[test]
fn nothing_is_prefetched_until_the_run_time_is_known() {
    let lane = Lane::new("default".into(), 2, None);
    let request = lane.request(usize::MAX).unwrap();
    assert_eq!((request.free, request.ahead), (2, 0));
}

#[test]
fn prefetch_follows_the_run_time() {
    for (run_time, ahead) in [(1_000, 256), (1_000_000, 100), (10_000_000, 10), (200_000_000, 0)] {
        let lane = Lane::new("default".into(), 2, None);
        lane.deliver(vec![job(1)], 1).unwrap();
        take(&lane).unwrap();
        assert!(matches!(lane.ended(Duration::from_nanos(run_time), true), Next::Low));
        let request = lane.request(usize::MAX).unwrap();
        assert_eq!((request.free, request.ahead), (2, ahead), "{run_time} ns");
    }
}

#[test]
fn a_better_priority_overtakes_the_buffer() {
    let lane = Lane::new("default".into(), 1, None);
    lane.deliver(vec![job(5), job(9)], 1).unwrap();
    lane.deliver(vec![job(1), job(7)], 1).unwrap();
    assert_eq!([take(&lane), take(&lane), take(&lane), take(&lane)], [Some(1), Some(5), Some(7), Some(9)]);
}

#[test]
fn a_paused_lane_gives_its_buffer_back_and_starts_nothing() {
    let lane = Lane::new("default".into(), 1, None);
    lane.deliver(vec![job(1)], 1).unwrap();
    assert_eq!(lane.pause().len(), 1);
    assert_eq!(lane.deliver(vec![job(1)], 1).unwrap_err().len(), 1);
    assert!(lane.request(usize::MAX).is_none());
    assert!(lane.resume());
    assert!(lane.request(usize::MAX).is_some());
}

#[test]
fn what_waits_behind_slow_jobs_is_given_back() {
    let lane = Lane::new("default".into(), 1, None);
    lane.deliver(vec![job(1), job(2)], 1).unwrap();
    take(&lane).unwrap();
    assert!(lane.give_back_stuck().is_empty(), "a job was taken since the last look");
    assert_eq!(lane.give_back_stuck().len(), 1);
    assert!(!lane.is_buffering());
}

/// Counts how often it wakes.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_loop_that_runs_is_not_woken_in_place_of_one_that_waits() {
    let lane = Lane::new("default".into(), 3, None);
    let woken = [(); 3].map(|()| Arc::new(Woken::default()));
    let polls = |index: usize| lane.poll_take(index, Some(&Waker::from(Arc::clone(&woken[index])))).is_ready();
    let counts = || woken.each_ref().map(|woken| woken.0.load(Ordering::Relaxed));
    assert!(!polls(0) && !polls(1) && !polls(2));
    lane.deliver(vec![job(1)], 1).unwrap();
    assert_eq!(counts(), [0, 0, 1]);
    // Something that an earlier run left behind wakes loop 1 first: it takes the job, and loop 2 waits again.
    assert!(polls(1) && !polls(2));
    lane.deliver(vec![job(2), job(3)], 2).unwrap();
    assert_eq!(counts(), [1, 0, 2]);
}

#[test]
fn that_a_lane_is_low_is_said_once_for_each_fetch() {
    let lane = Lane::new("default".into(), 2, None);
    lane.deliver(vec![job(1), job(2), job(3)], 1).unwrap();
    let short = Duration::from_micros(1);
    let priority = |next| match next {
        Next::Job(job) => Some(job.priority),
        Next::Low | Next::Nothing => None,
    };
    take(&lane).unwrap();
    assert!(matches!(lane.ended(short, true), Next::Low));
    assert_eq!(take(&lane), Some(2));
    assert_eq!(priority(lane.ended(short, true)), Some(3));
    let asked = lane.request(usize::MAX).unwrap();
    assert!(matches!(lane.ended(short, true), Next::Nothing), "a fetch is under way");
    lane.fetched(&asked, 0);
    lane.deliver(vec![job(4), job(5)], 1).unwrap();
    take(&lane).unwrap();
    assert_eq!(priority(lane.ended(short, true)), Some(5), "the queue is dry");
    lane.wet();
    assert!(matches!(lane.ended(short, true), Next::Low));
}

#[test]
fn a_loop_that_yields_is_given_no_job() {
    let lane = Lane::new("default".into(), 1, Some(0));
    lane.deliver(vec![job(1), job(2)], 1).unwrap();
    take(&lane).unwrap();
    let asked = lane.request(usize::MAX);
    assert!(asked.is_none(), "{asked:?}");
    assert!(matches!(lane.ended(Duration::from_secs(1), false), Next::Nothing));
    assert_eq!(take(&lane), Some(2));
}

#[test]
fn no_more_is_asked_for_than_is_left_of_a_limit() {
    for (most, asked) in [(0, None), (1, Some((1, 0))), (2, Some((2, 0))), (5, Some((2, 3))), (1_000, Some((2, 256)))] {
        let lane = Lane::new("default".into(), 2, None);
        lane.deliver(vec![job(1)], 1).unwrap();
        take(&lane).unwrap();
        assert!(matches!(lane.ended(Duration::from_micros(1), true), Next::Low));
        assert_eq!(lane.request(most).map(|request| (request.free, request.ahead)), asked, "at most {most}");
    }
}
