//! Pushing and settling in the caller's transaction.

use std::any::Any;

use super::subject::{QUEUE, Subject, ids, job};
use super::{OpenTransaction, Skip, Verdict};
use crate::drivers::{PushError, Pushed, Settled, Settlement};
use crate::job::{Outcome, SettleError, StoreTransaction};

/// A transaction of a store that no driver knows.
struct Foreign;

impl StoreTransaction for Foreign {
    fn connection(&mut self) -> &mut (dyn Any + Send) {
        self
    }

    fn database(&self) -> &'static str {
        "elsewhere"
    }
}

async fn begin(subject: &Subject) -> Result<Box<dyn OpenTransaction>, Skip> {
    let can = subject.capabilities().in_transaction;
    subject.needs(can, "the caller's transaction")?;
    let begun = subject.store.begin().expect("`capabilities().in_transaction` is true, so `Store::begin` must begin one");
    Ok(begun.await)
}

pub(super) async fn a_transaction_of_another_store_is_refused(subject: &Subject) -> Verdict {
    let name = subject.driver.name();
    let error = subject.driver.push_in(&mut Foreign, vec![job()]).await.expect_err("nobody knows this transaction");
    assert!(
        matches!(error, PushError::WrongTransaction { queue, transaction: "elsewhere" } if queue == name),
        "`push_in` answered {error:?}"
    );
    subject.assert_nothing_to_fetch("the push was refused").await;

    let delivery = subject.take_new(job()).await;
    let settlements = vec![Settlement::new(delivery.lease, Outcome::Complete)];
    let error = subject.driver.settle_in(&mut Foreign, settlements).await.expect_err("nobody knows this transaction");
    assert!(
        matches!(error, SettleError::WrongTransaction { queue, transaction: "elsewhere" } if queue == name),
        "`settle_in` answered {error:?}"
    );
    subject.end(delivery.lease, Outcome::Complete).await;
    Ok(())
}

pub(super) async fn a_push_exists_when_its_transaction_commits(subject: &Subject) -> Verdict {
    let mut open = begin(subject).await?;
    let jobs = vec![job(), job()];
    let expected: Vec<_> = jobs.iter().map(|job| job.id).collect();
    let pushed = subject.driver.push_in(open.transaction(), jobs).await.expect("`push_in` works");
    assert_eq!(pushed, expected.iter().map(|&id| Pushed::stored(id)).collect::<Vec<_>>());
    open.commit().await;
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), expected);
    Ok(())
}

pub(super) async fn a_push_never_was_when_its_transaction_rolls_back(subject: &Subject) -> Verdict {
    let mut open = begin(subject).await?;
    subject.driver.push_in(open.transaction(), vec![job()]).await.expect("`push_in` works");
    open.roll_back().await;
    subject.assert_nothing_to_fetch("the transaction was rolled back").await;
    Ok(())
}

pub(super) async fn a_completion_stands_when_its_transaction_commits(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    let mut open = begin(subject).await?;
    let settlements = vec![Settlement::new(delivery.lease, Outcome::Complete)];
    let settled = subject.driver.settle_in(open.transaction(), settlements).await.expect("`settle_in` works");
    assert_eq!(settled, [Settled::Stored]);
    open.commit().await;
    assert_eq!(subject.settle(delivery.lease, Outcome::Complete).await, Settled::Lost, "it has ended");
    subject.assert_state(delivery.lease.id, crate::job::JobState::Completed).await;
    Ok(())
}

pub(super) async fn a_completion_never_was_when_its_transaction_rolls_back(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    let mut open = begin(subject).await?;
    let settlements = vec![Settlement::new(delivery.lease, Outcome::Complete)];
    subject.driver.settle_in(open.transaction(), settlements).await.expect("`settle_in` works");
    open.roll_back().await;
    subject.assert_state(delivery.lease.id, crate::job::JobState::Running).await;
    subject.end(delivery.lease, Outcome::Complete).await;
    Ok(())
}

pub(super) async fn an_old_token_completes_nothing_in_a_transaction(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.end(delivery.lease, Outcome::Complete).await;
    let mut open = begin(subject).await?;
    let settlements = vec![Settlement::new(delivery.lease, Outcome::Complete)];
    let settled = subject.driver.settle_in(open.transaction(), settlements).await.expect("`settle_in` works");
    assert_eq!(settled, [Settled::Lost]);
    open.roll_back().await;
    Ok(())
}
