//! The loop on the engine that exchanges outcomes for new jobs with the store.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use crate::drivers::Wake;

use super::exchange::{Exchange, exchange, exchange_for_the_idle, exchange_on_engine};
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
            let how = if shared.is_immediate { exchange_on_engine(&shared) } else { exchange(&shared).await };
            // The engine has other tasks, and a store in memory never waits.
            tokio::task::coop::consume_budget().await;
            match how {
                Exchange::Full => continue,
                Exchange::Short => pause = FIRST_PAUSE,
                Exchange::Failed => {
                    tokio::time::sleep(pause.mul_f64(0.75 + 0.5 * fastrand::f64())).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    continue;
                }
            }
            let is_buffering = shared.is_buffering();
            tokio::select! {
                woken = poll_fn(|context| wake.as_mut().poll(&mut Context::from_waker(&rung(&shared, context.waker())))) => {
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

/// What a driver wakes when something happens: the engine. Where the store never makes one wait, the thread that made it happen, which
/// is mostly a pusher's, first gets the work to the loops that wait, and so saves them the way over the engine.
fn rung(shared: &Arc<Shared>, engine: &Waker) -> Waker {
    if shared.is_immediate {
        Waker::from(Arc::new(Rung { shared: Arc::clone(shared), engine: engine.clone() }))
    } else {
        engine.clone()
    }
}

struct Rung {
    shared: Arc<Shared>,
    engine: Waker,
}

impl std::task::Wake for Rung {
    fn wake(self: Arc<Self>) {
        exchange_for_the_idle(&self.shared);
        self.engine.wake_by_ref();
    }
}

async fn wake_up(shared: &Arc<Shared>, woken: Wake) {
    if !woken.cancelled.is_empty() {
        // One that was asked for after the store gave this answer, and before it was asked anew, is told by a renewal alone.
        shared.renew_now.notify_one();
    }
    for id in woken.cancelled {
        shared.cancel(id);
    }
    if woken.paused || woken.queues {
        shared.look_at_queues().await;
    }
    // Whatever it was: a push after this answer and before the next question is told by nobody.
    shared.may_have_work();
    if woken.scheduled {
        shared.maintain_now.notify_one();
    }
}
