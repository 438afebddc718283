//! Several handles on one store, as several processes have them.

use super::Verdict;
use super::subject::{LEASE, QUEUE, Subject, ids, job, job_with_key, secs, soon};
use crate::drivers::{Pushed, Settled, Told};
use crate::job::{JobState, Outcome};

pub(super) async fn a_job_pushed_here_runs_there(subject: &Subject) -> Verdict {
    let there = subject.second().await?;
    let id = subject.store(job()).await;
    let delivery = there.take().await;
    assert_eq!(delivery.lease.id, id);
    subject.assert_nothing_to_fetch("it runs there").await;
    there.end(delivery.lease, Outcome::Complete).await;
    subject.assert_state(id, JobState::Completed).await;
    Ok(())
}

pub(super) async fn two_handles_never_hand_out_one_job(subject: &Subject) -> Verdict {
    let there = subject.second().await?;
    subject.push_all((0..200).map(|_| job()).collect()).await;
    let drain = async |one: &Subject| {
        let mut got = Vec::new();
        loop {
            let some = one.fetch(QUEUE, 3).await;
            if some.is_empty() {
                return got;
            }
            got.extend(ids(&some));
            assert!(got.len() <= 200, "a job was handed out more than once");
        }
    };
    let (mut all, others) = futures_util::future::join(drain(subject), drain(&there)).await;
    all.extend(others);
    all.extend(ids(&subject.fetch(QUEUE, 200).await));
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!((count, all.len()), (200, 200), "handed out, and how many of them were different");
    Ok(())
}

/// The whole life of a dead process: its job is taken over, and its late answer counts for nothing.
pub(super) async fn the_job_of_a_dead_process_is_taken_over(subject: &Subject) -> Verdict {
    let there = subject.second().await?;
    let old = subject.take_new(job()).await;
    there.die().await;
    let new = there.take().await;
    assert_eq!((new.lease.id, new.rescues), (old.lease.id, 1));
    assert_eq!(subject.settle(old.lease, Outcome::Complete).await, Settled::Lost);
    assert_eq!(subject.renew(&[old.lease]).await.lost, [old.lease.id]);
    there.end(new.lease, Outcome::Complete).await;
    Ok(())
}

/// Somebody renews somewhere, so nobody has been silent.
pub(super) async fn a_renewal_there_keeps_the_lease_here(subject: &Subject) -> Verdict {
    let there = subject.second().await?;
    let delivery = there.take_new(job()).await;
    for _ in 0..5 {
        let (maintained, _) = subject.pass(secs(10)).await;
        assert_eq!(maintained.rescued, 0);
        assert!(there.renew(&[delivery.lease]).await.lost.is_empty());
    }
    Ok(())
}

pub(super) async fn a_unique_key_is_taken_everywhere(subject: &Subject) -> Verdict {
    subject.needs(subject.capabilities().unique, "unique keys")?;
    let there = subject.second().await?;
    let winner = subject.store(job_with_key("Plain:1")).await;
    assert_eq!(there.push(job_with_key("Plain:1")).await, Pushed::duplicate_of(winner));
    Ok(())
}

pub(super) async fn a_repeated_push_there_stores_nothing_twice(subject: &Subject) -> Verdict {
    let there = subject.second().await?;
    let new = job();
    subject.store(new.clone()).await;
    assert_eq!(there.push(new.clone()).await, Pushed::stored(new.id));
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 1);
    Ok(())
}

pub(super) async fn a_push_here_wakes_there(subject: &Subject) -> Verdict {
    let there = subject.second().await?;
    let queues = [QUEUE.into()];
    let wake = there.driver.wake(&queues);
    subject.store(job()).await;
    let wake = soon("`wake` resolves after a push by another handle", wake).await.expect("`wake` works");
    assert!(wake.work, "{wake:?}");
    Ok(())
}

pub(super) async fn a_cancel_here_reaches_the_worker_there(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.needs(subject.capabilities().cancel, "cancelling by id")?;
    let there = subject.second().await?;
    let delivery = there.take_new(job()).await;
    inspect.cancel(delivery.lease.id).await.expect("it runs");
    assert_eq!(there.renew(&[delivery.lease]).await.cancelled, [delivery.lease.id]);
    Ok(())
}

pub(super) async fn a_pause_here_is_in_force_there(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let there = subject.second().await?;
    subject.store(job()).await;
    inspect.pause(QUEUE).await.expect("`pause` works");
    there.assert_nothing_to_fetch("the queue is paused").await;
    inspect.resume(QUEUE).await.expect("`resume` works");
    assert_eq!(there.fetch(QUEUE, 1).await.len(), 1);
    Ok(())
}

pub(super) async fn a_worker_there_is_seen_here(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let there = subject.second().await?;
    there.renew(&[]).await;
    let workers = inspect.workers().await.expect("`workers` works");
    assert_eq!(workers.iter().map(|row| row.id).collect::<Vec<_>>(), [there.worker]);
    Ok(())
}

pub(super) async fn a_word_here_reaches_the_worker_there(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let there = subject.second().await?;
    there.renew(&[]).await;
    assert_eq!(inspect.tell(Told::Quiet, &[]).await.expect("`tell` works"), 1);
    assert_eq!(there.renew(&[]).await.told, Some(Told::Quiet));
    Ok(())
}

pub(super) async fn a_job_claimed_here_is_not_fetched_there(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let there = subject.second().await?;
    let id = there.store(job()).await;
    let lease = inspect.claim(id, subject.worker, LEASE).await.expect("it waits").lease;
    there.assert_nothing_to_fetch("it runs here").await;
    there.end(lease, Outcome::Complete).await;
    subject.assert_state(id, JobState::Completed).await;
    Ok(())
}

/// Some run while others deploy: a handle that closes takes nothing from the others.
pub(super) async fn closing_one_handle_leaves_the_other(subject: &Subject) -> Verdict {
    let there = subject.second().await?;
    let id = subject.store(job()).await;
    subject.driver.close().await.expect("`close` works");
    assert_eq!(there.take().await.lease.id, id);
    Ok(())
}
