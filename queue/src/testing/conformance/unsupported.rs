//! What a driver cannot: it says so, and never differs in silence.

use super::subject::{QUEUE, Subject, group, ids, job, job_in, job_with_key};
use super::{Skip, Verdict};
use crate::drivers::{AtomicPush, Group, NewJob, PushError};

fn applies(cannot: bool, what_it_can: &str) -> Result<(), Skip> {
    if cannot { Ok(()) } else { Err(Skip(what_it_can.to_owned())) }
}

/// Pushes a group that the driver cannot store, between two that it can.
async fn assert_refused(subject: &Subject, refused: Group) {
    let (before, after) = (job(), job());
    let mut results = subject.push_groups(&[group(vec![before.clone()]), refused, group(vec![after.clone()])]).await;
    let error = results.remove(1).expect_err("the driver cannot store this group");
    assert!(matches!(error, PushError::Unsupported { .. }), "it must be `PushError::Unsupported`, and is {error:?}");
    assert!(results.iter().all(Result::is_ok), "a group that fails does not fail another");
    assert_eq!(ids(&subject.fetch(QUEUE, 100_000).await), [before.id, after.id], "nothing of the refused group is stored");
}

pub(super) async fn a_unique_key_is_refused_by_who_knows_none(subject: &Subject) -> Verdict {
    applies(!subject.capabilities().unique, "unique keys are honoured")?;
    assert_refused(subject, group(vec![job(), job_with_key("Plain:1")])).await;
    Ok(())
}

pub(super) async fn a_group_that_cannot_be_stored_whole_is_refused(subject: &Subject) -> Verdict {
    let refused: Vec<NewJob> = match subject.capabilities().atomic_push {
        AtomicPush::Chunks(most) => (0..=most).map(|_| job()).collect(),
        AtomicPush::PerQueue => vec![job_in("left"), job_in("right")],
        AtomicPush::All => return applies(false, "groups of any size are stored"),
    };
    assert_refused(subject, group(refused)).await;
    Ok(())
}

/// Where priorities are not told apart, jobs go by due time and id: better than by chance.
pub(super) async fn without_priorities_jobs_keep_their_order(subject: &Subject) -> Verdict {
    applies(subject.capabilities().priorities == 1, "priorities are told apart")?;
    let jobs: Vec<_> = [200, 0, 100].map(|priority| NewJob { priority, ..job() }).into();
    let expected: Vec<_> = jobs.iter().map(|job| job.id).collect();
    subject.push_all(jobs).await;
    assert_eq!(ids(&subject.fetch(QUEUE, 10).await), expected);
    Ok(())
}

pub(super) async fn capabilities_agree_with_the_parts(subject: &Subject) -> Verdict {
    let capabilities = subject.capabilities();
    assert_eq!(capabilities.inspect, subject.driver.inspect().is_some(), "`inspect` and `inspect()`");
    assert!(!capabilities.cancel || capabilities.inspect, "a job is cancelled by `Inspect::cancel`");
    assert!([256, 2, 1].contains(&capabilities.priorities), "`priorities` is 256, 2 or 1");
    assert_ne!(capabilities.atomic_push, AtomicPush::Chunks(0), "a group has at least one job");
    assert!(!subject.driver.name().is_empty());
    assert!(subject.driver.name().chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'), "one word, as in a URL");
    Ok(())
}

/// Without it nothing that the suite does to time reaches the driver.
pub(super) async fn the_driver_goes_by_the_clock_that_it_was_given(subject: &Subject) -> Verdict {
    let before = subject.driver.clock().offset();
    subject.jump(super::subject::secs(7));
    assert_eq!(subject.driver.clock().offset(), before + super::subject::secs(7));
    Ok(())
}
