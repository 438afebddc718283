//! What outlives the process, where the driver says that jobs do.

use super::subject::{QUEUE, Subject, fail, hours, ids, job, job_after, job_with_key};
use super::{Skip, Verdict};
use crate::drivers::{Durability, Pushed};
use crate::job::{JobState, Outcome};

/// Closes the only handle, and opens the store again.
async fn restart(subject: &Subject) -> Result<Subject, Skip> {
    subject.driver.close().await.expect("`close` works");
    subject.second().await
}

fn applies(subject: &Subject) -> Result<(), Skip> {
    let is_durable = subject.capabilities().durability != Durability::Process;
    assert!(!is_durable || subject.store.is_shared(), "jobs outlive the process, so `Store::is_shared` must be true");
    subject.needs(is_durable, "durability beyond the process")
}

pub(super) async fn jobs_outlive_the_process(subject: &Subject) -> Verdict {
    applies(subject)?;
    let failed = subject.take_new(job()).await.lease;
    subject.end(failed, fail()).await;
    let later = subject.store(job_after(hours(1))).await;
    let now = subject.store(job()).await;
    let subject = restart(subject).await?;
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), [now]);
    subject.assert_state(failed.id, JobState::Failed).await;
    subject.jump_and_maintain(hours(2)).await;
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), [later]);
    Ok(())
}

/// Others go on while a store is down; a lease from before is still the newest.
pub(super) async fn leases_outlive_the_process(subject: &Subject) -> Verdict {
    applies(subject)?;
    let good = subject.take_new(job()).await;
    let old = subject.take_new(job()).await;
    subject.end(old.lease, Outcome::Release { delay: std::time::Duration::ZERO }).await;
    let new = subject.take().await;
    let subject = restart(subject).await?;
    assert_eq!(subject.settle(old.lease, Outcome::Complete).await, crate::drivers::Settled::Lost);
    subject.end(good.lease, Outcome::Complete).await;
    subject.end(new.lease, Outcome::Complete).await;
    Ok(())
}

pub(super) async fn unique_keys_outlive_the_process(subject: &Subject) -> Verdict {
    applies(subject)?;
    subject.needs(subject.capabilities().unique, "unique keys")?;
    let winner = subject.store(job_with_key("Plain:1")).await;
    let subject = restart(subject).await?;
    assert_eq!(subject.push(job_with_key("Plain:1")).await, Pushed::duplicate_of(winner));
    Ok(())
}

pub(super) async fn a_pause_outlives_the_process(subject: &Subject) -> Verdict {
    applies(subject)?;
    let inspect = subject.inspect()?;
    subject.store(job()).await;
    inspect.pause(QUEUE).await.expect("`pause` works");
    let subject = restart(subject).await?;
    subject.assert_nothing_to_fetch("the queue is paused").await;
    Ok(())
}
