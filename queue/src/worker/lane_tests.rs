//! Tests of the lane, in a file of their own: `tests/models` compiles `lane.rs` with other locks, on which these cannot run.

use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime};

use crate::drivers::{Delivery, Lease};
use crate::job::JobId;

use super::lane::Lane;

fn delivery(priority: u8) -> Delivery {
    Delivery {
        lease: Lease { id: JobId::new(), place: 0, token: 1 },
        kind: "Test".into(),
        queue: "default".into(),
        payload: Arc::from(&b"{}"[..]),
        version: 1,
        attempt: 1,
        max_attempts: 1,
        rescues: 0,
        priority,
        due_at: SystemTime::UNIX_EPOCH,
    }
}

fn take(lane: &Lane) -> Option<u8> {
    match lane.poll_take(0, Some(Waker::noop())) {
        Poll::Ready(Some(taken)) => Some(taken.delivery.priority),
        _ => None,
    }
}

#[test]
fn nothing_is_prefetched_until_the_run_time_is_known() {
    let lane = Lane::new("default".into(), 2, None);
    let request = lane.request().unwrap();
    assert_eq!((request.free, request.ahead), (2, 0));
}

#[test]
fn prefetch_follows_the_run_time() {
    for (run_time, ahead) in [(1_000, 256), (1_000_000, 100), (10_000_000, 10), (200_000_000, 0)] {
        let lane = Lane::new("default".into(), 2, None);
        lane.deliver(vec![delivery(1)]).unwrap();
        take(&lane).unwrap();
        lane.ended(Duration::from_nanos(run_time));
        let request = lane.request().unwrap();
        assert_eq!((request.free, request.ahead), (2, ahead), "{run_time} ns");
    }
}

#[test]
fn a_better_priority_overtakes_the_buffer() {
    let lane = Lane::new("default".into(), 1, None);
    lane.deliver(vec![delivery(5), delivery(9)]).unwrap();
    lane.deliver(vec![delivery(1), delivery(7)]).unwrap();
    assert_eq!([take(&lane), take(&lane), take(&lane), take(&lane)], [Some(1), Some(5), Some(7), Some(9)]);
}

#[test]
fn a_paused_lane_gives_its_buffer_back_and_starts_nothing() {
    let lane = Lane::new("default".into(), 1, None);
    lane.deliver(vec![delivery(1)]).unwrap();
    assert_eq!(lane.pause().len(), 1);
    assert_eq!(lane.deliver(vec![delivery(1)]).unwrap_err().len(), 1);
    assert!(lane.request().is_none());
    assert!(lane.resume());
    assert!(lane.request().is_some());
}

#[test]
fn what_waits_behind_slow_jobs_is_given_back() {
    let lane = Lane::new("default".into(), 1, None);
    lane.deliver(vec![delivery(1), delivery(2)]).unwrap();
    take(&lane).unwrap();
    assert!(lane.give_back_stuck().is_empty(), "a job was taken since the last look");
    assert_eq!(lane.give_back_stuck().len(), 1);
    assert!(!lane.is_buffering());
}
