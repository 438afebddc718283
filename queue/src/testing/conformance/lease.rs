//! How long the right to end a job lasts.

use std::time::Duration;

use super::Verdict;
use super::subject::{LEASE, Subject, job, secs};
use crate::drivers::{Renewal, Settled};
use crate::job::{Outcome, Progress};

pub(super) async fn renewing_keeps_a_lease_past_its_length(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    for _ in 0..8 {
        let (maintained, _) = subject.pass(secs(10)).await;
        assert_eq!(maintained.rescued, 0, "the lease is renewed every 10 s, so nobody takes its job back");
        let renewed = subject.renew(&[delivery.lease]).await;
        assert!(renewed.lost.is_empty(), "the lease is good");
    }
    subject.end(delivery.lease, Outcome::Complete).await;
    Ok(())
}

/// A renewal is worth one length of the lease from now on: not more, and not less.
pub(super) async fn a_renewed_lease_runs_out_as_well(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.pass(secs(20)).await;
    subject.renew(&[delivery.lease]).await;
    let (maintained, first) = subject.pass(secs(45)).await;
    assert_eq!(maintained.rescued, 1, "its worker is dead");
    assert!(first >= Some(LEASE), "it was taken back {first:?} after a renewal that is worth {LEASE:?}");
    Ok(())
}

pub(super) async fn only_the_renewed_leases_are_kept(subject: &Subject) -> Verdict {
    let kept = subject.take_new(job()).await;
    let dropped = subject.take_new(job()).await;
    for _ in 0..6 {
        subject.pass(secs(10)).await;
        subject.renew(&[kept.lease]).await;
    }
    let again = subject.take().await;
    assert_eq!(again.lease.id, dropped.lease.id, "the lease that nobody renewed was taken back, and no other");
    subject.end(kept.lease, Outcome::Complete).await;
    Ok(())
}

pub(super) async fn an_old_token_renews_nothing(subject: &Subject) -> Verdict {
    let old = subject.take_new(job()).await;
    subject.end(old.lease, Outcome::Release { delay: Duration::ZERO }).await;
    let new = subject.take().await;
    // Were the old token good for anything, the job would never come back.
    let mut rescued = 0;
    for _ in 0..9 {
        let renewed = subject.renew(&[old.lease]).await;
        assert_eq!(renewed.lost, [old.lease.id], "the lease is of an older fetch");
        rescued += subject.pass(secs(5)).await.0.rescued;
    }
    assert_eq!(rescued, 1, "nobody renewed the newer lease");
    assert_eq!(subject.take().await.lease.token, new.lease.token + 1);
    Ok(())
}

pub(super) async fn renewing_tells_which_leases_are_lost(subject: &Subject) -> Verdict {
    let good = subject.take_new(job()).await;
    let settled = subject.take_new(job()).await;
    subject.end(settled.lease, Outcome::Complete).await;
    let renewed = subject.renew(&[good.lease, settled.lease]).await;
    assert_eq!(renewed.lost, [settled.lease.id], "a settled job has no lease");
    assert!(renewed.cancelled.is_empty() && renewed.told.is_none());
    Ok(())
}

/// Only the token decides: whoever was late, and lost nothing by it, ends the job.
pub(super) async fn a_lease_that_ran_out_is_good_until_it_is_taken_back(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.jump(secs(3600));
    subject.end(delivery.lease, Outcome::Complete).await;
    Ok(())
}

pub(super) async fn a_lease_that_ran_out_can_be_renewed(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.maintain().await;
    subject.jump(secs(40));
    assert!(subject.renew(&[delivery.lease]).await.lost.is_empty(), "nobody has taken the job back");
    let (maintained, _) = subject.pass(secs(25)).await;
    assert_eq!(maintained.rescued, 0, "the lease was renewed 25 s ago");
    subject.end(delivery.lease, Outcome::Complete).await;
    Ok(())
}

pub(super) async fn a_lease_is_lost_once_the_job_is_taken_back(subject: &Subject) -> Verdict {
    let delivery = subject.take_new(job()).await;
    subject.die().await;
    let again = subject.neighbour().take().await;
    assert_eq!(subject.renew(&[delivery.lease]).await.lost, [delivery.lease.id]);
    assert_eq!(subject.settle(delivery.lease, Outcome::Complete).await, Settled::Lost);
    subject.end(again.lease, Outcome::Complete).await;
    Ok(())
}

pub(super) async fn progress_travels_with_the_renewal(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let delivery = subject.take_new(job()).await;
    let worker = subject.worker_row(&[]);
    let progress = Progress::new(40, "page 2 of 5");
    let renewal = Renewal { lease: delivery.lease, progress: Some(progress.clone()) };
    subject.driver.renew(&worker, &[renewal]).await.expect("`renew` works");
    assert_eq!(subject.row(delivery.lease.id).await.progress, Some(progress.clone()));

    subject.renew(&[delivery.lease]).await;
    assert_eq!(subject.row(delivery.lease.id).await.progress, Some(progress), "no news leave the old one");
    Ok(())
}

/// An idle worker renews too: that writes its row.
pub(super) async fn renewing_nothing_is_fine(subject: &Subject) -> Verdict {
    let renewed = subject.renew(&[]).await;
    assert!(renewed.lost.is_empty() && renewed.cancelled.is_empty() && renewed.told.is_none());
    Ok(())
}
