//! In which order jobs are handed out.

use super::Verdict;
use super::subject::{QUEUE, Subject, ids, job, job_after, job_in, secs};
use crate::drivers::{Due, NewJob};

pub(super) async fn a_lower_priority_number_goes_first(subject: &Subject) -> Verdict {
    subject.needs(subject.capabilities().priorities == 256, "256 priorities")?;
    let jobs: Vec<_> = [200, 0, 100, 255, 1].map(|priority| NewJob { priority, ..job() }).into();
    subject.push_all(jobs).await;
    let priorities: Vec<_> = subject.fetch(QUEUE, 10).await.iter().map(|delivery| delivery.priority).collect();
    assert_eq!(priorities, [0, 1, 100, 200, 255]);
    Ok(())
}

/// The claim itself goes by priority, not only the order of what was claimed.
pub(super) async fn the_most_urgent_are_claimed_first(subject: &Subject) -> Verdict {
    subject.needs(subject.capabilities().priorities == 256, "256 priorities")?;
    subject.push_all((0..20).map(|_| job()).collect()).await;
    let urgent = subject.store(NewJob { priority: 1, ..job() }).await;
    assert_eq!(ids(&subject.fetch(QUEUE, 1).await), [urgent]);
    Ok(())
}

pub(super) async fn of_equal_priority_the_earlier_due_goes_first(subject: &Subject) -> Verdict {
    let late = subject.store(job_after(secs(30))).await;
    let early = subject.store(job_after(secs(10))).await;
    let middle = subject.store(job_after(secs(20))).await;
    subject.jump_and_maintain(secs(40)).await;
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), [early, middle, late]);
    Ok(())
}

pub(super) async fn of_equal_due_time_the_smaller_id_goes_first(subject: &Subject) -> Verdict {
    let due = Due::At(subject.clock.now() + secs(10));
    let mut jobs: Vec<_> = (0..5).map(|_| NewJob { due, ..job() }).collect();
    let expected: Vec<_> = jobs.iter().map(|job| job.id).collect();
    jobs.reverse();
    subject.push_all(jobs).await;
    subject.jump_and_maintain(secs(20)).await;
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), expected);
    Ok(())
}

/// First in, first out, also over many fetches of one.
pub(super) async fn jobs_of_one_batch_keep_their_order(subject: &Subject) -> Verdict {
    let jobs: Vec<_> = (0..40).map(|_| job()).collect();
    let expected: Vec<_> = jobs.iter().map(|job| job.id).collect();
    subject.push_all(jobs).await;
    let mut got = Vec::new();
    for _ in 0..40 {
        got.extend(ids(&subject.fetch(QUEUE, 1).await));
    }
    assert_eq!(got, expected);
    Ok(())
}

pub(super) async fn the_answer_is_sorted_within_each_queue(subject: &Subject) -> Verdict {
    let queues = ["left", "right"];
    for round in 0_u8..10 {
        for queue in queues {
            subject.store(NewJob { priority: 250 - 7 * (round % 5), ..job_in(queue) }).await;
        }
    }
    let deliveries = subject.fetch_by(&subject.request_of(&[("left", 20, 0), ("right", 20, 0)])).await;
    assert_eq!(deliveries.len(), 20);
    for queue in queues {
        let orders: Vec<_> =
            deliveries.iter().filter(|delivery| &*delivery.queue == queue).map(crate::drivers::Delivery::order).collect();
        assert!(orders.is_sorted(), "the deliveries of `{queue}` are sorted by `Delivery::order`");
    }
    Ok(())
}
