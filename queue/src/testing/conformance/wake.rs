//! How workers learn that there is something to do.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::Verdict;
use super::subject::{QUEUE, Subject, fail, job, job_after, job_in, secs, soon};
use crate::drivers::{Settlement, Wake};
use crate::job::Outcome;

fn queues() -> [Arc<str>; 1] {
    [QUEUE.into()]
}

/// Waits for the wake-up that follows `event`, which begins after `wake` was called and before it is polled.
async fn woken_by(subject: &Subject, what: &str, event: impl Future) -> Wake {
    let queues = queues();
    let wake = subject.driver.wake(&queues);
    event.await;
    soon(&format!("`wake` resolves after {what}"), wake).await.expect("`wake` works")
}

/// A body of `async move` does nothing before it is polled: the call itself must begin to listen.
pub(super) async fn a_push_between_the_call_and_the_first_poll_wakes(subject: &Subject) -> Verdict {
    for _ in 0..3 {
        let wake = woken_by(subject, "a push", subject.store(job())).await;
        assert!(wake.work, "{wake:?}");
    }
    Ok(())
}

pub(super) async fn a_push_wakes_who_waits(subject: &Subject) -> Verdict {
    let driver = Arc::clone(&subject.driver);
    let waiting = tokio::spawn(async move {
        let queues = queues();
        driver.wake(&queues).await
    });
    // As often as it takes: the task may not have called `wake` yet.
    let pushing = async {
        while !waiting.is_finished() {
            subject.store(job()).await;
            tokio::task::yield_now().await;
        }
    };
    soon("`wake` resolves after a push", pushing).await;
    let wake = waiting.await.expect("the waiting task goes on").expect("`wake` works");
    assert!(wake.work, "{wake:?}");
    Ok(())
}

pub(super) async fn a_push_wakes_every_waiter(subject: &Subject) -> Verdict {
    let (first, second) = (queues(), queues());
    let both = futures_util::future::join(subject.driver.wake(&first), subject.driver.wake(&second));
    subject.store(job()).await;
    let (first, second) = soon("both waiters are woken", both).await;
    assert!(first.expect("`wake` works").work && second.expect("`wake` works").work);
    Ok(())
}

pub(super) async fn one_of_several_queues_is_enough(subject: &Subject) -> Verdict {
    let queues = ["left".into(), "right".into()];
    let wake = subject.driver.wake(&queues);
    subject.store(job_in("right")).await;
    let wake = soon("`wake` resolves after a push into the second queue", wake).await.expect("`wake` works");
    assert!(wake.work, "{wake:?}");
    Ok(())
}

/// Nobody has heard of it, so every worker that serves what exists wants to know.
pub(super) async fn a_new_queue_wakes_the_workers_of_others(subject: &Subject) -> Verdict {
    let wake = woken_by(subject, "a push into a queue that did not exist", subject.store(job_in("brand-new"))).await;
    assert!(wake.queues, "{wake:?}");
    Ok(())
}

/// What the engine does: fetch, and sleep when there was nothing. A push in between must not be slept over.
pub(super) async fn no_push_is_slept_over(subject: &Subject) -> Verdict {
    let pusher = Arc::clone(&subject.driver);
    let pushing = tokio::spawn(async move {
        for _ in 0..200 {
            let pushed = pusher.push(&[super::subject::group(vec![job()])]).await;
            assert!(pushed.iter().all(Result::is_ok));
            tokio::task::yield_now().await;
        }
    });
    let queues = queues();
    let draining = async {
        let mut got = 0;
        while got < 200 {
            let wake = subject.driver.wake(&queues);
            let some = subject.fetch(QUEUE, 10).await.len();
            got += some;
            if some == 0 {
                wake.await.expect("`wake` works");
            }
        }
    };
    soon("all pushed jobs are fetched by a worker that sleeps when there is none", draining).await;
    pushing.await.expect("the pushing task goes on");
    Ok(())
}

pub(super) async fn a_job_that_becomes_due_wakes(subject: &Subject) -> Verdict {
    subject.store(job_after(secs(60))).await;
    let wake = woken_by(subject, "a job became due", subject.jump_and_maintain(secs(61))).await;
    assert!(wake.work, "{wake:?}");
    Ok(())
}

pub(super) async fn a_released_job_wakes(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    let release = Outcome::Release { delay: Duration::ZERO };
    let wake = woken_by(subject, "a release", subject.end(delivery.lease, release)).await;
    assert!(wake.work, "{wake:?}");
    Ok(())
}

pub(super) async fn a_follow_up_wakes(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    let settlement = Settlement { lease: delivery.lease, outcome: Outcome::Complete, follow_ups: vec![job()] };
    let wake = woken_by(subject, "a follow-up", subject.settle_all(&[settlement])).await;
    assert!(wake.work, "{wake:?}");
    Ok(())
}

pub(super) async fn a_rescued_job_wakes(subject: &Subject) -> Verdict {
    subject.take_new(job()).await;
    let wake = woken_by(subject, "a rescue", subject.die()).await;
    assert!(wake.work, "{wake:?}");
    Ok(())
}

pub(super) async fn a_job_that_is_retried_by_hand_wakes(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, fail()).await;
    let retry = async { inspect.retry(delivery.lease.id).await.expect("it has failed") };
    let wake = woken_by(subject, "a retry", retry).await;
    assert!(wake.work, "{wake:?}");
    Ok(())
}

/// Else an idle worker would spin.
pub(super) async fn nothing_wakes_nobody(subject: &Subject) -> Verdict {
    let queues = queues();
    let mut wake = subject.driver.wake(&queues);
    assert!((&mut wake).now_or_never().is_none(), "nothing happened, and `wake` resolved at its first poll");
    Ok(())
}

pub(super) async fn a_wake_that_is_dropped_loses_nothing(subject: &Subject) -> Verdict {
    for _ in 0..3 {
        let queues = queues();
        let mut wake = subject.driver.wake(&queues);
        assert!((&mut wake).now_or_never().is_none());
        drop(wake);
    }
    let wake = woken_by(subject, "a push", subject.store(job())).await;
    assert!(wake.work);
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 1);
    Ok(())
}
