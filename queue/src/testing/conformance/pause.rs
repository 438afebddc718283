//! Pausing queues, and which queues there are.

use super::Verdict;
use super::subject::{QUEUE, Subject, ids, job, job_in, soon};
use crate::job::Outcome;

async fn is_paused(subject: &Subject, queue: &str) -> Option<bool> {
    let rows = subject.driver.queues().await.expect("`queues` works");
    rows.iter().find(|row| &*row.name == queue).map(|row| row.is_paused)
}

pub(super) async fn queues_lists_what_was_pushed_to(subject: &Subject) -> Verdict {
    assert!(subject.driver.queues().await.expect("`queues` works").is_empty(), "a fresh store has no queue");
    subject.push_all((0..3).map(|_| job_in("left")).collect()).await;
    subject.store(job_in("right")).await;
    let mut rows: Vec<_> = subject.driver.queues().await.expect("`queues` works");
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    let rows: Vec<_> = rows.iter().map(|row| (&*row.name, row.is_paused)).collect();
    assert_eq!(rows, [("left", false), ("right", false)]);
    Ok(())
}

/// A worker serves what is in the store, also where all jobs of a queue happen to run.
pub(super) async fn a_queue_exists_while_its_jobs_run(subject: &Subject) -> Verdict {
    subject.take_new(job_in("left")).await;
    assert_eq!(is_paused(subject, "left").await, Some(false));
    Ok(())
}

pub(super) async fn nothing_is_fetched_from_a_paused_queue(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let running = subject.take_new(job()).await;
    inspect.pause(QUEUE).await.expect("`pause` works");
    assert_eq!(is_paused(subject, QUEUE).await, Some(true));
    let waiting = subject.store(job()).await;
    let other = subject.store(job_in("other")).await;
    subject.assert_nothing_to_fetch("the queue is paused").await;
    assert_eq!(ids(&subject.fetch("other", 10).await), [other], "other queues are not");
    subject.end(running.lease, Outcome::Complete).await;

    inspect.resume(QUEUE).await.expect("`resume` works");
    assert_eq!(is_paused(subject, QUEUE).await, Some(false));
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), [waiting]);
    Ok(())
}

/// An exchange, and prefetch, are fetches too.
pub(super) async fn an_exchange_leaves_a_paused_queue_alone(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.store(job()).await;
    inspect.pause(QUEUE).await.expect("`pause` works");
    let exchanged = subject.driver.exchange(&[], &subject.request_of(&[(QUEUE, 5, 5)])).await;
    assert!(exchanged.deliveries.expect("`fetch` works").is_empty());
    Ok(())
}

pub(super) async fn pausing_and_resuming_twice_is_fine(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let id = subject.store(job()).await;
    for _ in 0..2 {
        inspect.pause(QUEUE).await.expect("`pause` works");
    }
    inspect.resume(QUEUE).await.expect("`resume` works");
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), [id], "pauses do not add up");
    inspect.resume(QUEUE).await.expect("`resume` works");
    Ok(())
}

/// Somebody pauses before the first deploy of the jobs.
pub(super) async fn a_queue_that_does_not_exist_yet_can_be_paused(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    inspect.pause("later").await.expect("`pause` works");
    subject.store(job_in("later")).await;
    assert!(subject.fetch("later", 10).await.is_empty(), "the queue was paused before it came into being");
    assert_eq!(is_paused(subject, "later").await, Some(true));
    inspect.resume("later").await.expect("`resume` works");
    assert_eq!(subject.fetch("later", 10).await.len(), 1);
    Ok(())
}

/// Workers give back what they have prefetched.
pub(super) async fn pausing_and_resuming_wake_the_workers(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.store(job()).await;
    let queues = [QUEUE.into()];
    let wake = subject.driver.wake(&queues);
    inspect.pause(QUEUE).await.expect("`pause` works");
    let paused = soon("`wake` resolves after a pause", wake).await.expect("`wake` works");
    assert!(paused.paused, "{paused:?}");
    let wake = subject.driver.wake(&queues);
    inspect.resume(QUEUE).await.expect("`resume` works");
    let resumed = soon("`wake` resolves after a resume", wake).await.expect("`wake` works");
    assert!(resumed.paused || resumed.work, "{resumed:?}");
    Ok(())
}
