//! The loops that run jobs: as many as a queue has slots, each takes one job at a time.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use tokio::task::coop;

use crate::container::{RunScope, RunValues};
use crate::drivers::{Lease, Settlement};
use crate::queue::scope::enter_job;

use super::attempt;
use super::gather::Added;
use super::lane::{Lane, Next};
use super::ready::Ready;
use super::shared::Shared;
use super::slot::Slot;
use super::tasks::log_panic;

/// For how long a job is given back whose run ended without an outcome.
const UNFINISHED_DELAY: Duration = Duration::from_secs(5);

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
    /// Runs jobs until the lane is closed, with their queue as the current one whenever it is polled.
    pub(super) async fn run(self) {
        // What panics outside of a job is code of the user's all the same: a subscriber.
        while let Err(panic) = AssertUnwindSafe(self.entered()).catch_unwind().await {
            log_panic("execute", &attempt::panic_text(panic));
        }
        // The lane was dropped, or the loop is an extra one. At a stop the slots are still counted.
        if !self.shared.is_stopping() {
            self.shared.remove_slot(&self.slot);
        }
    }

    async fn entered(&self) {
        let mut turns = pin!(self.turns());
        poll_fn(|context| {
            let _entered = enter_job(&self.shared.queue);
            turns.as_mut().poll(context)
        })
        .await;
    }

    async fn turns(&self) {
        let values: Arc<dyn RunValues> = Arc::<Slot>::clone(&self.slot);
        // One scope for all runs: each leaves it as new, and to make one counts on a line that all threads share.
        let mut scope = self.shared.container.run_scope(Some(values));
        let mut next = self.wait().await;
        let mut started = self.shared.clock.now();
        while let Some(job) = next {
            let ended = self.one(&mut scope, &job, started).await;
            let run_time = ended.duration_since(started).unwrap_or_default();
            // Nothing is taken where the loop yields next: a job that was taken has to start.
            let ready = self.lane.ended(run_time, coop::has_budget_remaining());
            self.shared.idle.run_ended();
            // A loop of short jobs never waits; without this it would keep its thread from timers and other loops.
            coop::consume_budget().await;
            if let Next::Job(job) = ready {
                // What the hook took after the end is not the next job's.
                (next, started) = (Some(job), if self.shared.hooks.on_end.is_some() { self.shared.clock.now() } else { ended });
                continue;
            }
            if matches!(ready, Next::Low) {
                self.shared.exchange_soon();
            }
            next = self.wait().await;
            started = self.shared.clock.now();
        }
        self.flush();
    }

    /// The next job. What has gathered is handed on before the loop waits for one.
    async fn wait(&self) -> Option<Ready> {
        if let Poll::Ready(taken) = self.lane.poll_take(self.index, None) {
            return taken;
        }
        self.flush();
        if self.is_extra {
            return None;
        }
        poll_fn(|context| self.lane.poll_take(self.index, Some(context.waker()))).await
    }

    /// Runs a job and gathers its outcome. Answers when it ended.
    async fn one(&self, scope: &mut RunScope, job: &Ready, started: SystemTime) -> SystemTime {
        let mut run = Run { on: self, lease: Some(job.lease), is_over: false };
        let (outcome, ended) = attempt::run(self, scope, job, started).await;
        let kind = self.shared.kinds.kind(job.name);
        if let Some(outcome) = outcome {
            let measure = kind.measure(&outcome);
            self.shared.count(&outcome);
            let added = self.shared.gather.add(&self.slot.group, Settlement::new(job.lease, outcome));
            // Only now: until its outcome is gathered, somebody must renew the lease.
            run.lease = None;
            self.slot.end();
            measure.ended_after(ended.duration_since(started).unwrap_or_default());
            match added {
                Added::Batch => self.shared.exchange_soon(),
                Added::First => self.shared.settle_soon.notify_one(),
                Added::More => {}
            }
        } else {
            run.lease = None;
            self.slot.end();
        }
        run.is_over = true;
        ended
    }

    /// Hands on what has gathered.
    pub(super) fn flush(&self) {
        if self.shared.gather.flush(&self.slot.group) {
            self.shared.exchange_soon();
        }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        if !self.is_extra && !self.shared.is_stopping() && !self.lane.is_closed() {
            self.shared.lose_handlers(&self.lane);
        }
    }
}

/// A run that its loop has begun. When it is dropped before it is over, by a panic of the user's subscriber or the end of the runtime, a
/// job without an outcome is given back: its lease would be renewed for as long as the worker lives.
struct Run<'a> {
    on: &'a Loop,
    /// While there is no outcome.
    lease: Option<Lease>,
    is_over: bool,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if let Some(lease) = self.lease {
            self.on.shared.give_back(lease, UNFINISHED_DELAY);
            self.on.slot.end();
        }
        self.on.lane.ended(Duration::ZERO, false);
        self.on.shared.idle.run_ended();
    }
}
