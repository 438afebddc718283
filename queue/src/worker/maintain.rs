//! Promotes what is due, takes back what dead workers held, and prunes.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;

use crate::drivers::{MaintainLimits, Maintained};
use crate::error::{Error, ErrorKind};

use super::attempt::panic_text;
use super::shared::Shared;

/// How often at least.
const PERIOD: Duration = Duration::from_secs(5);
/// How long to wait after it failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Maintains until the task is dropped: at start, when the next job is due, and every 5 s ± 20 %.
pub(super) async fn run(shared: Arc<Shared>) {
    let limits = &shared.settings.limits;
    loop {
        // ± 20 %, so that the workers of a store do not do it all at once.
        let period = PERIOD.mul_f64(0.8 + 0.4 * fastrand::f64());
        // Cleared before the look, so that a job that is scheduled meanwhile is not forgotten.
        shared.due.clear();
        // Before the look too: the store says in what time a job is due, as of then.
        let now = shared.clock.now();
        let wait = match once(&shared, limits).await {
            Ok(maintained) => {
                let next = maintained.next_due.unwrap_or(period);
                follow(&shared, maintained);
                if !next.is_zero() && !shared.was_maintained.swap(true, Ordering::AcqRel) {
                    // Only now: the lanes know that there may be work.
                    shared.may_be_still();
                }
                next.min(period)
            }
            Err(error) => {
                shared.maintaining.failed("maintaining the store", &error);
                AGAIN
            }
        };
        // Queues of other processes, where the driver could not say that they came into being.
        shared.look_at_queues().await;
        wait_for_turn(&shared, now + wait).await;
        // A store in memory never waits, and a batch may be followed by the next at once.
        tokio::task::coop::consume_budget().await;
    }
}

/// Until `until`, or until an outcome of this worker is due again, or the driver says that something was scheduled.
async fn wait_for_turn(shared: &Shared, until: SystemTime) {
    loop {
        let turn = shared.due.get().map_or(until, |due| due.min(until));
        tokio::select! {
            () = shared.clock.sleep_until(turn) => return,
            () = shared.maintain_now.notified() => return,
            () = shared.due.changed() => {}
        }
    }
}

async fn once(shared: &Shared, limits: &MaintainLimits) -> Result<Maintained, Error> {
    let maintained = AssertUnwindSafe(shared.driver.maintain(limits)).catch_unwind().await;
    maintained.unwrap_or_else(|panic| Err(Error::new(ErrorKind::Store, format!("the driver panicked: {}", panic_text(panic)))))
}

fn follow(shared: &Arc<Shared>, maintained: Maintained) {
    shared.maintaining.worked("maintaining the store");
    if maintained.rescued > 0 {
        tracing::warn!(jobs = maintained.rescued, "took back jobs whose worker died or lost its store");
    }
    for row in maintained.failed {
        let error = row.errors.last().map(|error| error.message.clone());
        tracing::error!(job = %row.id, kind = row.kind, error, "the job failed");
        shared.queue.terminal(row.id);
        // On a thread of the handlers: no code of the user's runs on the engine.
        let hooks = shared.hooks.clone();
        shared.runtime.spawn(async move { hooks.failure(|| row) });
    }
    // Also when nothing was promoted: another worker may have done it.
    shared.may_have_work();
    shared.wake_exchange();
}
