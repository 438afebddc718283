//! Renews the leases of what a worker holds, and writes its row.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::drivers::{Lease, Renewal, Renewed, Told, WorkerState};
use crate::error::{Error, ErrorKind};
use crate::job::CancelReason;

use super::attempt::panic_text;
use super::shared::Shared;

/// How long to wait after a renewal that failed.
const AGAIN: Duration = Duration::from_secs(1);
/// How soon after a renewal another may carry progress.
const PROGRESS: Duration = Duration::from_secs(1);
/// How often a handler that should have ended is named in the log.
const OVERDUE: Duration = Duration::from_secs(60);

/// Renews until the task is dropped.
pub(super) async fn run(shared: Arc<Shared>) {
    // Three renewals fit into a lease, so that one may fail.
    let period = shared.settings.lease / 3;
    let mut named = shared.clock.now();
    loop {
        let beat = renew(&shared, shared.state()).await;
        let next = if beat { period } else { AGAIN.min(period) };
        let now = shared.clock.now();
        // A run that never yields sets no alarm.
        for slot in shared.slots().iter() {
            slot.arm();
            slot.ring(now);
        }
        if now.duration_since(named).unwrap_or_default() >= OVERDUE {
            named = now;
            name_overdue(&shared);
        }
        tokio::select! {
            () = shared.clock.sleep(next) => {}
            () = shared.renew_now.notified() => {}
            () = shared.reported.notified() => tokio::select! {
                () = shared.clock.sleep(PROGRESS.min(next)) => {}
                () = shared.renew_now.notified() => {}
            },
        }
    }
}

/// Whether the lease of a run is gone because its handler's transaction, which completed the job, was committed.
pub(super) async fn is_completed(shared: &Arc<Shared>, lease: Lease) -> bool {
    if !shared.is_completed_in(lease.id) {
        return false;
    }
    // On the engine, where the connections of the driver live.
    let asking = Arc::clone(shared);
    let asked = shared.queue.engine().spawn(async move {
        let renewal = [Renewal { lease, progress: None }];
        asking.driver.renew(&asking.row(asking.state()), &renewal).await
    });
    let is_lost = matches!(asked.await, Ok(Ok(renewed)) if renewed.lost.contains(&lease.id));
    is_lost && shared.forget_completed_in(lease.id)
}

/// One renewal. Answers whether it worked.
pub(super) async fn renew(shared: &Arc<Shared>, state: WorkerState) -> bool {
    let renewals = leases(shared);
    let row = shared.row(state);
    let renewed = AssertUnwindSafe(shared.driver.renew(&row, &renewals)).catch_unwind().await;
    let renewed =
        renewed.unwrap_or_else(|panic| Err(Error::new(ErrorKind::Store, format!("the driver panicked: {}", panic_text(panic)))));
    match renewed {
        Ok(renewed) => {
            shared.renewing.worked("renewing leases");
            heed(shared, renewed);
            true
        }
        Err(error) => {
            shared.renewing.failed("renewing leases", &error);
            false
        }
    }
}

fn leases(shared: &Shared) -> Vec<Renewal> {
    let mut buffered = Vec::new();
    for lane in shared.lanes().iter() {
        lane.leases(&mut buffered);
    }
    let mut renewals: Vec<_> = buffered.into_iter().map(|lease| Renewal { lease, progress: None }).collect();
    for slot in shared.slots().iter() {
        slot.renewals(&mut renewals);
    }
    shared.gather.renewals(&mut renewals);
    renewals
}

fn heed(shared: &Arc<Shared>, renewed: Renewed) {
    for id in renewed.lost {
        // Its lease went with the commit of its handler's transaction; what the handler does after that is its own affair.
        if shared.is_completed_in(id) {
            continue;
        }
        // An outcome that was stored while the renewal was under way is lost to it, too: only what still runs is told.
        if shared.drop_buffered(id) || shared.call_end(id, CancelReason::LeaseLost) {
            tracing::warn!(job = %id, "the lease of a job was lost; its run ends and nothing of it is recorded");
        }
    }
    for id in renewed.cancelled {
        shared.cancel(id);
    }
    match renewed.told {
        Some(Told::Quiet) => shared.quiet(),
        Some(Told::Restart) => shared.restart.cancel(),
        None => {}
    }
}

fn name_overdue(shared: &Shared) {
    for slot in shared.slots().iter() {
        if let Some((job, kind, reason)) = slot.overdue() {
            tracing::warn!(%job, kind = &*kind, ?reason, "a handler should have ended and still runs; it keeps its slot and its lease");
        }
    }
}
