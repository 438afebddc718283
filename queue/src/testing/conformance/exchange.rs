//! Settle and fetch in one.

use std::time::Duration;

use super::Verdict;
use super::subject::{QUEUE, Subject, ids, job};
use crate::drivers::{FetchRequest, Settled, Settlement};
use crate::job::{JobState, Outcome};

pub(super) async fn an_exchange_settles_and_fetches(subject: &Subject) -> Verdict {
    let done = subject.take_new(job()).await;
    let next = subject.store(job()).await;
    let settlements = [Settlement::new(done.lease, Outcome::Complete)];
    let exchanged = subject.driver.exchange(&settlements, &subject.request(QUEUE, 10)).await;
    assert_eq!(exchanged.settled.expect("`settle` works"), [Settled::Stored]);
    assert_eq!(ids(&exchanged.deliveries.expect("`fetch` works")), [next]);
    subject.assert_state(done.lease.id, JobState::Completed).await;
    Ok(())
}

/// What was released, and what follows, can be claimed by the same exchange.
pub(super) async fn an_exchange_settles_before_it_fetches(subject: &Subject) -> Verdict {
    let released = subject.take_new(job()).await;
    let follow_up = job();
    let settlement = Settlement {
        lease: released.lease,
        outcome: Outcome::Release { delay: Duration::ZERO },
        follow_ups: vec![follow_up.clone()],
    };
    let exchanged = subject.driver.exchange(&[settlement], &subject.request(QUEUE, 10)).await;
    let mut fetched = ids(&exchanged.deliveries.expect("`fetch` works"));
    fetched.sort();
    assert_eq!(fetched, [released.lease.id, follow_up.id]);
    Ok(())
}

/// Of a driver that never waits.
pub(super) async fn an_exchange_on_the_callers_thread_does_the_same(subject: &Subject) -> Verdict {
    let (done, released) = (subject.take_new(job()).await, subject.take_new(job()).await);
    let settlements = [
        Settlement::new(done.lease, Outcome::Complete),
        Settlement::new(released.lease, Outcome::Release { delay: Duration::ZERO }),
        Settlement::new(done.lease, Outcome::Complete),
    ];
    let Some(exchanged) = subject.driver.exchange_now(&settlements, &subject.request(QUEUE, 10)) else { return Ok(()) };
    let settled = exchanged.settled.expect("`settle` works");
    assert_eq!(settled, [Settled::Stored, Settled::Stored, Settled::Lost]);
    assert_eq!(ids(&exchanged.deliveries.expect("`fetch` works")), [released.lease.id]);
    subject.assert_state(done.lease.id, JobState::Completed).await;
    Ok(())
}

pub(super) async fn an_exchange_is_always_on_the_callers_thread_or_never(subject: &Subject) -> Verdict {
    let nothing = FetchRequest { queues: Vec::new(), ..subject.request(QUEUE, 1) };
    let is_immediate = match subject.driver.exchange_now(&[], &nothing) {
        Some(both) => {
            assert!(both.settled.expect("`settle` works").is_empty() && both.deliveries.expect("`fetch` works").is_empty());
            true
        }
        None => false,
    };
    let id = subject.store(job()).await;
    let fetched = subject.driver.exchange_now(&[], &subject.request(QUEUE, 1));
    assert_eq!(fetched.is_some(), is_immediate, "it answered otherwise when there was nothing to do");
    let state = if is_immediate { JobState::Running } else { JobState::Available };
    subject.assert_state(id, state).await;
    Ok(())
}

pub(super) async fn a_lost_lease_does_not_stop_the_fetch(subject: &Subject) -> Verdict {
    let done = subject.take_new(job()).await;
    subject.end(done.lease, Outcome::Complete).await;
    let next = subject.store(job()).await;
    let settlements = [Settlement::new(done.lease, Outcome::Complete)];
    let exchanged = subject.driver.exchange(&settlements, &subject.request(QUEUE, 10)).await;
    assert_eq!(exchanged.settled.expect("`settle` works"), [Settled::Lost]);
    assert_eq!(ids(&exchanged.deliveries.expect("`fetch` works")), [next]);
    Ok(())
}

pub(super) async fn each_half_of_an_exchange_may_be_empty(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    let nothing = FetchRequest { queues: Vec::new(), ..subject.request(QUEUE, 1) };
    let both = subject.driver.exchange(&[], &nothing).await;
    assert!(both.settled.expect("`settle` works").is_empty() && both.deliveries.expect("`fetch` works").is_empty());

    let settlements = [Settlement::new(delivery.lease, Outcome::Complete)];
    let settled = subject.driver.exchange(&settlements, &nothing).await;
    assert_eq!(settled.settled.expect("`settle` works"), [Settled::Stored]);
    assert!(settled.deliveries.expect("`fetch` works").is_empty());

    let next = subject.store(job()).await;
    let fetched = subject.driver.exchange(&[], &subject.request(QUEUE, 10)).await;
    assert!(fetched.settled.expect("`settle` works").is_empty());
    assert_eq!(ids(&fetched.deliveries.expect("`fetch` works")), [next]);
    Ok(())
}
