//! The loop on the engine that exchanges outcomes for new jobs with the store.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::drivers::Wake;

use super::exchange::{Exchange, exchange, exchange_on_engine};
use super::news::News;
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
        let news = News::of(&shared, &queues);
        // Asked before the first fetch: whatever happens after a fetch looked is told.
        let mut first = poll_fn(|context| Poll::Ready(news.poll(context))).await;
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
                woken = poll_fn(|context| match std::mem::replace(&mut first, Poll::Pending) {
                    Poll::Ready(woken) => Poll::Ready(woken),
                    Poll::Pending => news.poll(context),
                }) => match woken {
                    Ok(woken) => wake_up(&shared, woken).await,
                    Err(error) => {
                        shared.fetching.failed("waiting for work", &error);
                        tokio::time::sleep(LONGEST_PAUSE).await;
                        shared.may_have_work();
                    }
                },
                () = shared.exchange.notified() => {}
                // Real time: it is compared with real run times.
                () = tokio::time::sleep(STUCK_TICK), if is_buffering => shared.give_back_stuck(),
            }
        }
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
