//! The loops that run jobs: as many as a queue has slots, each takes one job at a time.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;

use crate::drivers::Settlement;
use crate::job::Outcome;

use super::attempt;
use super::gather::Added;
use super::lane::{Lane, Taken};
use super::shared::Shared;
use super::slot::Slot;

/// One loop of a lane.
pub(super) struct Loop {
    pub(super) shared: Arc<Shared>,
    pub(super) lane: Arc<Lane>,
    pub(super) slot: Arc<Slot>,
    /// Its number, unlike that of every other loop of the worker.
    pub(super) index: usize,
    /// It was added because all were busy (`sync:`), and ends when nothing is ready.
    pub(super) is_extra: bool,
}

impl Loop {
    /// Runs jobs until the lane is closed.
    pub(super) async fn run(self) {
        while let Some(taken) = self.next().await {
            if taken.is_low {
                self.shared.wake_exchange();
            }
            self.one(taken).await;
            // A loop of short jobs never waits; without this it would keep its thread from timers and other loops.
            tokio::task::coop::consume_budget().await;
        }
        self.flush();
        if self.is_extra {
            self.shared.remove_slot(&self.slot);
        }
    }

    /// The next job. What has gathered is handed on before the loop waits for one.
    async fn next(&self) -> Option<Taken> {
        if let Poll::Ready(taken) = self.lane.poll_take(self.index, None) {
            return taken;
        }
        self.flush();
        if self.is_extra {
            return None;
        }
        poll_fn(|context| self.lane.poll_take(self.index, Some(context.waker()))).await
    }

    async fn one(&self, taken: Taken) {
        let started = self.shared.clock.now();
        let kind = self.shared.kinds.find(&taken.delivery.kind);
        let lease = taken.delivery.lease;
        let run = AssertUnwindSafe(attempt::run(self, kind, taken.delivery, started)).catch_unwind();
        let settlement = run.await.unwrap_or_else(|panic| {
            let panic = attempt::panic_text(&*panic);
            tracing::error!(job = %lease.id, %panic, "running the job panicked outside of the job, so it is given back");
            Some(Settlement::new(lease, Outcome::Release { delay: Duration::from_secs(5) }))
        });
        let run_time = self.shared.clock.now().duration_since(started).unwrap_or_default();
        if let Some(settlement) = settlement {
            if let Some(kind) = kind {
                kind.measure(&settlement.outcome, run_time);
            }
            self.shared.tally.count(&settlement.outcome);
            match self.shared.gather.add(&self.slot.group, settlement) {
                Added::Batch => self.shared.wake_exchange(),
                Added::First => self.shared.settle_soon.notify_one(),
                Added::More => {}
            }
        }
        // Only now: until its outcome is gathered, somebody must renew the lease.
        self.slot.end();
        self.lane.ended(run_time);
        self.shared.idle.run_ended();
    }

    pub(super) fn flush(&self) {
        if self.shared.gather.flush(&self.slot.group) {
            self.shared.wake_exchange();
        }
    }
}
