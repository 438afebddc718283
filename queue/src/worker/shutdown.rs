//! The way a worker stops.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;

use crate::drivers::WorkerState;
use crate::job::{CancelReason, Outcome};

use super::attempt::panic_text;
use super::gather::Gather;
use super::heartbeat;
use super::shared::{Phase, Shared};
use super::slot::STOP_GRACE;
use super::tasks::log_panic;

/// How long outcomes are tried to be stored at a stop; after a lease they would be lost anyway.
const SETTLE_PATIENCE: Duration = Duration::from_secs(30);
/// How long a stop waits for a fetch that is under way, when there is nothing else to wait for.
const FETCH_PATIENCE: Duration = Duration::from_secs(5);

/// What became of the jobs that a worker held when it was told to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// Runs that completed after the stop began.
    pub completed: usize,
    /// Jobs that were given back, attempt not counted: fetched and not started, or ended when the grace ran out.
    pub released: usize,
    /// Blocking handlers that still run. Their leases run out, and the jobs run again elsewhere.
    pub abandoned: usize,
}

/// What became of jobs since a stop began.
#[derive(Debug, Default)]
pub(super) struct Tally {
    completed: AtomicUsize,
    released: AtomicUsize,
}

impl Tally {
    pub(super) fn count(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Complete => self.completed.fetch_add(1, Ordering::Relaxed),
            Outcome::Release { .. } => self.released.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    fn read(&self) -> (usize, usize) {
        (self.completed.load(Ordering::Relaxed), self.released.load(Ordering::Relaxed))
    }
}

/// Stops a worker. Where that panics, which a subscriber of the user's may do, nothing is fetched or run all the same.
pub(super) async fn stop_whatever_comes(shared: &Arc<Shared>, grace: Duration) -> StopReport {
    match AssertUnwindSafe(stop(Arc::clone(shared), grace)).catch_unwind().await {
        Ok(report) => report,
        Err(panic) => {
            log_panic("shutdown", &panic_text(panic));
            shared.set_phase(Phase::Stopped);
            for lane in shared.lanes().iter() {
                shared.release(lane.close());
            }
            let (completed, released) = shared.tally.read();
            StopReport { completed, released, abandoned: running(shared) }
        }
    }
}

/// Stops a worker; runs on the engine. `hurry` cuts the grace short: a second signal.
async fn stop(shared: Arc<Shared>, grace: Duration) -> StopReport {
    let deadline = shared.clock.after(grace);
    shared.set_phase(Phase::Stopping);
    for slot in shared.slots().iter() {
        slot.stopping();
    }
    for lane in shared.lanes().iter() {
        shared.release(lane.close());
    }
    shared.wake_exchange();
    // Others shall see at once that this worker fetches no more.
    heartbeat::renew(&shared, WorkerState::Stopping).await;

    tokio::select! {
        () = idle(&shared) => {}
        () = shared.clock.sleep_until(deadline) => {}
        () = shared.hurry.notified() => shared.set_phase(Phase::Hurrying),
    }
    end_runs(&shared).await;

    let abandoned = shared.slots().iter().filter(|slot| slot.is_busy()).count();
    if !settle(&shared).await {
        tracing::error!("the store was away until the end of the stop, so some outcomes are not stored; those jobs run again");
    }
    shared.set_phase(Phase::Stopped);
    heartbeat::renew(&shared, WorkerState::Stopped).await;
    let (completed, released) = shared.tally.read();
    StopReport { completed, released, abandoned }
}

/// The grace ran out: tells what still runs, gives it a second, and drops it.
async fn end_runs(shared: &Arc<Shared>) {
    if !shared.is_hurrying() {
        let now = shared.clock.now();
        for slot in shared.slots().iter() {
            if let Some(Some(alarm)) = slot.call_end(None, CancelReason::Stopping, now) {
                shared.alarms.add(alarm);
            }
        }
        tokio::select! {
            () = idle(shared) => return,
            () = shared.clock.sleep(STOP_GRACE) => {}
            () = shared.hurry.notified() => shared.set_phase(Phase::Hurrying),
        }
    }
    for slot in shared.slots().iter() {
        slot.cut();
    }
    // A handler that spins cannot be dropped; it is abandoned. Real time: its thread does not care about a test's clock.
    tokio::select! {
        () = idle_async(shared) => {}
        () = tokio::time::sleep(Duration::from_millis(500)) => {}
    }
}

/// How many jobs run. The lanes know of a job from the moment it is taken; its slot learns of it a little later.
fn running(shared: &Shared) -> usize {
    shared.lanes().iter().map(|lane| lane.running()).sum()
}

/// Until nothing runs.
async fn idle(shared: &Shared) {
    shared.idle.until(|| running(shared) == 0).await;
}

/// Until nothing runs that can be dropped.
async fn idle_async(shared: &Shared) {
    // In this order: the lanes are closed, so what the slots then show is a part of what ran.
    shared.idle.until(|| running(shared) <= shared.slots().iter().filter(|slot| slot.is_blocking()).count()).await;
}

/// Until every outcome is stored, and no exchange is under way that may bring jobs. Answers whether every outcome is stored.
async fn settle(shared: &Arc<Shared>) -> bool {
    let until = async |is_over: fn(&Gather) -> bool| {
        loop {
            let stored = shared.stored.notified();
            for slot in shared.slots().iter() {
                shared.gather.flush(&slot.group);
            }
            if is_over(&shared.gather) {
                return;
            }
            shared.wake_exchange();
            stored.await;
        }
    };
    if tokio::time::timeout(FETCH_PATIENCE, until(Gather::is_settled)).await.is_ok() {
        return true;
    }
    // The store is away. What a fetch that hangs may still bring is taken back when its lease runs out.
    tokio::time::timeout(SETTLE_PATIENCE - FETCH_PATIENCE, until(Gather::is_stored)).await.is_ok()
}
