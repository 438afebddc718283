//! What workers are told.

use super::Verdict;
use super::subject::{LEASE, QUEUE, Subject, secs};
use crate::drivers::{Inspect, Told, WorkerId, WorkerRow, WorkerState};

async fn tell(inspect: &dyn Inspect, told: Told, workers: &[WorkerId]) -> usize {
    inspect.tell(told, workers).await.expect("`tell` works")
}

/// What the renewal of an idle worker says.
async fn told(worker: &Subject) -> Option<Told> {
    worker.renew(&[]).await.told
}

/// An answer may be lost, so each says it again.
pub(super) async fn a_worker_is_told_at_each_renewal_until_it_stops(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    assert_eq!(told(subject).await, None, "nobody told it anything");
    assert_eq!(tell(inspect, Told::Quiet, &[subject.worker]).await, 1);
    for _ in 0..2 {
        assert_eq!(told(subject).await, Some(Told::Quiet));
    }
    let quiet = WorkerRow { state: WorkerState::Quiet, ..subject.worker_row(&[QUEUE]) };
    assert_eq!(subject.renew_as(&quiet, &[]).await.told, Some(Told::Quiet), "also once it does so");
    let stopped = WorkerRow { state: WorkerState::Stopped, ..quiet };
    subject.renew_as(&stopped, &[]).await;
    assert_eq!(told(subject).await, None, "it has begun anew");
    Ok(())
}

pub(super) async fn only_the_named_workers_are_told(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let (second, third) = (subject.neighbour(), subject.neighbour());
    for worker in [subject, &second, &third] {
        worker.renew(&[]).await;
    }
    assert_eq!(tell(inspect, Told::Restart, &[WorkerId::now_v7()]).await, 0, "there is no such worker");
    let named = [third.worker, WorkerId::now_v7(), subject.worker, third.worker];
    assert_eq!(tell(inspect, Told::Quiet, &named).await, 2);
    assert_eq!(told(subject).await, Some(Told::Quiet));
    assert_eq!(told(&second).await, None, "it was not named");
    assert_eq!(told(&third).await, Some(Told::Quiet));
    Ok(())
}

pub(super) async fn where_none_is_named_all_that_live_are_told(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    assert_eq!(tell(inspect, Told::Restart, &[]).await, 0, "there is no worker");
    let (second, dead, stopped) = (subject.neighbour(), subject.neighbour(), subject.neighbour());
    for worker in [&dead, &stopped] {
        worker.renew(&[]).await;
    }
    let row = WorkerRow { state: WorkerState::Stopped, ..stopped.worker_row(&[QUEUE]) };
    stopped.renew_as(&row, &[]).await;
    subject.jump(LEASE + secs(1));
    for worker in [subject, &second] {
        worker.renew(&[]).await;
    }
    assert_eq!(tell(inspect, Told::Restart, &[]).await, 2);
    for worker in [subject, &second] {
        assert_eq!(told(worker).await, Some(Told::Restart));
    }
    assert_eq!(told(&dead).await, None, "it was not heard of for the length of its lease");
    Ok(())
}

pub(super) async fn a_later_word_replaces_an_earlier_one(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.renew(&[]).await;
    for word in [Told::Quiet, Told::Restart] {
        assert_eq!(tell(inspect, word, &[subject.worker]).await, 1);
        assert_eq!(told(subject).await, Some(word));
    }
    // Told twice before it renews.
    tell(inspect, Told::Quiet, &[]).await;
    tell(inspect, Told::Restart, &[]).await;
    assert_eq!(told(subject).await, Some(Told::Restart));
    Ok(())
}

/// The word lies beside what the worker says of itself.
pub(super) async fn what_a_worker_is_told_changes_nothing_else(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let delivery = subject.take_new(super::subject::job()).await;
    subject.renew(&[delivery.lease]).await;
    let before = inspect.workers().await.expect("`workers` works").remove(0);
    tell(inspect, Told::Restart, &[]).await;
    let after = inspect.workers().await.expect("`workers` works").remove(0);
    assert_eq!((after.id, after.state, after.seen_at), (before.id, before.state, before.seen_at));
    assert_eq!((after.queues, after.running), (before.queues, before.running));
    let renewed = subject.renew(&[delivery.lease]).await;
    assert!(renewed.lost.is_empty() && renewed.cancelled.is_empty(), "its jobs go on: {renewed:?}");
    Ok(())
}
