//! The loop that exchanges outcomes for new jobs with the store.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;

use crate::drivers::{Delivery, Exchanged, FetchRequest, Settled, Settlement, Wake};
use crate::error::{Error, ErrorKind};
use crate::job::Outcome;
use crate::telemetry;

use super::attempt::panic_text;
use super::shared::Shared;

/// How long to wait after the first failure; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How long to wait at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often to look for jobs that wait behind slow ones.
const STUCK_TICK: Duration = Duration::from_millis(100);

/// Exchanges until the task is dropped.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        let queues = shared.queue_names();
        // Made before the first fetch: whatever happens after a fetch looked resolves it.
        let mut wake = shared.driver.wake(&queues);
        // A queue that came into being before that is found here.
        shared.look_at_queues().await;
        let mut pause = FIRST_PAUSE;
        loop {
            if !Arc::ptr_eq(&queues, &shared.queue_names()) {
                break;
            }
            let settlements = shared.gather.take();
            let request = shared.request();
            if !settlements.is_empty() || !request.queues.is_empty() {
                let exchanged = exchange(&shared, settlements, &request).await;
                // The engine has other tasks, and a store in memory never waits.
                tokio::task::coop::consume_budget().await;
                match exchanged {
                    Exchange::Full => continue,
                    Exchange::Short => pause = FIRST_PAUSE,
                    Exchange::Failed => {
                        tokio::time::sleep(pause.mul_f64(0.75 + 0.5 * fastrand::f64())).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                        continue;
                    }
                }
            }
            let is_buffering = shared.is_buffering();
            tokio::select! {
                woken = &mut wake => {
                    wake = shared.driver.wake(&queues);
                    match woken {
                        Ok(woken) => wake_up(&shared, woken).await,
                        Err(error) => {
                            shared.fetching.failed("waiting for work", &error);
                            tokio::time::sleep(LONGEST_PAUSE).await;
                            shared.may_have_work();
                        }
                    }
                }
                () = shared.exchange.notified() => {}
                // Real time: it is compared with real run times.
                () = tokio::time::sleep(STUCK_TICK), if is_buffering => shared.give_back_stuck(),
            }
        }
    }
}

async fn wake_up(shared: &Arc<Shared>, woken: Wake) {
    for id in woken.cancelled {
        shared.cancel(id);
    }
    if woken.paused || woken.queues {
        shared.look_at_queues().await;
    }
    if woken.work {
        shared.may_have_work();
    }
    if woken.scheduled {
        shared.maintain_now.notify_one();
    }
}

/// How an exchange went.
enum Exchange {
    /// It brought all that was asked for: the next follows at once.
    Full,
    /// It brought less, so the next waits until something happens.
    Short,
    /// One half of it failed.
    Failed,
}

async fn exchange(shared: &Arc<Shared>, settlements: Vec<Settlement>, request: &FetchRequest) -> Exchange {
    let exchanged = AssertUnwindSafe(shared.driver.exchange(&settlements, request)).catch_unwind().await;
    let Exchanged { settled, deliveries } = exchanged.unwrap_or_else(|panic| {
        let panicked = || Error::new(ErrorKind::Store, format!("the driver panicked: {}", panic_text(&*panic)));
        Exchanged { settled: Err(panicked()), deliveries: Err(panicked()) }
    });
    let is_settled = match settled {
        Ok(answers) => {
            if !settlements.is_empty() {
                shared.settling.worked("storing outcomes");
                stored(shared, &settlements, &answers);
            }
            shared.gather.arrived(settlements.len());
            true
        }
        Err(error) => {
            shared.settling.failed("storing outcomes", &error);
            shared.gather.put_back(settlements);
            false
        }
    };
    shared.stored.notify_waiters();
    let asked: usize = request.queues.iter().map(|queue| queue.free + queue.ahead).sum();
    let fetched = match deliveries {
        Ok(deliveries) => {
            let count = deliveries.len();
            if !request.queues.is_empty() {
                shared.fetching.worked("fetching jobs");
                deliver(shared, request, deliveries);
            }
            Some(count)
        }
        Err(error) => {
            shared.fetching.failed("fetching jobs", &error);
            None
        }
    };
    match fetched {
        Some(count) if is_settled => {
            if asked > 0 && count >= asked {
                Exchange::Full
            } else {
                Exchange::Short
            }
        }
        _ => Exchange::Failed,
    }
}

/// What follows from outcomes that were stored, or were not because the lease was lost.
fn stored(shared: &Arc<Shared>, settlements: &[Settlement], answers: &[Settled]) {
    let tells = shared.queue.has_waiters();
    for (settlement, answer) in settlements.iter().zip(answers) {
        let id = settlement.lease.id;
        if *answer == Settled::Lost {
            if !shared.forget_completed_in(id) {
                metrics::counter!(telemetry::LEASES_LOST).increment(1);
                tracing::warn!(job = %id, "the lease of a run was lost before its outcome was stored; the job runs again, or has ended elsewhere");
            }
            continue;
        }
        match &settlement.outcome {
            Outcome::Complete | Outcome::Fail { .. } | Outcome::Cancel { .. } => {
                if tells {
                    shared.queue.terminal(id);
                }
            }
            Outcome::Retry { delay, .. } | Outcome::Snooze { delay } | Outcome::Release { delay } => {
                if delay.is_zero() {
                    shared.may_have_work();
                    shared.wake_exchange();
                } else {
                    shared.due_in(*delay);
                }
            }
        }
    }
}

/// Gives the fetched jobs to their lanes; what a lane does not take is given back.
fn deliver(shared: &Arc<Shared>, request: &FetchRequest, deliveries: Vec<Delivery>) {
    let mut deliveries = deliveries.into_iter().peekable();
    let mut served: HashSet<usize> = HashSet::new();
    while let Some(first) = deliveries.peek() {
        let queue = Arc::clone(&first.queue);
        let mut batch = Vec::new();
        while let Some(delivery) = deliveries.next_if(|delivery| delivery.queue == queue) {
            batch.push(delivery);
        }
        let asked = request.queues.iter().position(|asked| asked.queue == queue);
        let lane = shared.lane(&queue);
        if let (Some(lane), Some(index)) = (&lane, asked) {
            served.insert(index);
            lane.fetched(&request.queues[index], batch.len());
        }
        let refused = match lane {
            Some(lane) => lane.deliver(batch, shared.threads).map(|unserved| shared.add_loops(&lane, unserved)),
            None => Err(batch),
        };
        if let Err(batch) = refused {
            shared.release(batch);
        }
    }
    for (index, asked) in request.queues.iter().enumerate() {
        if !served.contains(&index)
            && let Some(lane) = shared.lane(&asked.queue)
        {
            lane.fetched(asked, 0);
        }
    }
}
