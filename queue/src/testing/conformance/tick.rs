//! At most one job a cron tick, whoever pushes it.

use std::time::{Duration, SystemTime};

use super::Verdict;
use super::subject::{QUEUE, Subject, group, hours, job};
use crate::drivers::{Group, Pushed, Tick};

fn ticked(entry: &str, at: SystemTime) -> Group {
    Group { jobs: vec![job()], tick: Some(Tick { entry: entry.into(), at }) }
}

async fn push(subject: &Subject, group: Group) -> Vec<Pushed> {
    subject.push_groups(&[group]).await.pop().expect("one answer").expect("a tick that was stored is no error")
}

pub(super) async fn a_tick_is_stored_once(subject: &Subject) -> Verdict {
    let at = subject.clock.now();
    let first = ticked("nightly", at);
    let id = first.jobs[0].id;
    assert_eq!(push(subject, first).await, [Pushed::stored(id)]);
    for _ in 0..2 {
        assert!(push(subject, ticked("nightly", at)).await.is_empty(), "where the tick exists nothing is stored");
    }
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 1);
    Ok(())
}

pub(super) async fn other_times_and_entries_are_other_ticks(subject: &Subject) -> Verdict {
    let at = subject.clock.now();
    for (entry, at) in
        [("nightly", at), ("nightly", at + Duration::from_secs(1)), ("nightly", at - Duration::from_secs(60)), ("hourly", at)]
    {
        assert_eq!(push(subject, ticked(entry, at)).await.len(), 1);
    }
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 4);
    Ok(())
}

pub(super) async fn a_tick_twice_in_one_batch_is_stored_once(subject: &Subject) -> Verdict {
    let at = subject.clock.now();
    let plain = job();
    let groups = [ticked("nightly", at), ticked("nightly", at), group(vec![plain])];
    let counts: Vec<_> =
        subject.push_groups(&groups).await.into_iter().map(|result| result.expect("it is answered").len()).collect();
    assert_eq!(counts, [1, 0, 1], "and the group beside it is stored");
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 2);
    Ok(())
}

/// Each process has its cron; no leader decides.
pub(super) async fn of_many_pushers_of_a_tick_one_stores(subject: &Subject) -> Verdict {
    let at = subject.clock.now();
    let pushing: Vec<_> = (0..16)
        .map(|_| {
            let driver = std::sync::Arc::clone(&subject.driver);
            tokio::spawn(async move { driver.push(&[ticked("nightly", at)]).await })
        })
        .collect();
    let mut stored = 0;
    for task in pushing {
        let results = task.await.expect("the task goes on");
        stored += results.into_iter().map(|result| result.expect("it is answered").len()).sum::<usize>();
    }
    assert_eq!(stored, 1);
    assert_eq!(subject.fetch(QUEUE, 100).await.len(), 1);
    Ok(())
}

/// The job may have ended and be pruned long before a late process looks at the tick.
pub(super) async fn a_tick_is_kept_for_a_day_and_not_for_ever(subject: &Subject) -> Verdict {
    let at = subject.clock.now();
    push(subject, ticked("nightly", at)).await;
    let delivery = subject.take().await;
    subject.end(delivery.lease, crate::job::Outcome::Complete).await;
    if let Some(inspect) = subject.driver.inspect() {
        inspect.forget(delivery.lease.id).await.expect("it is terminal");
    }
    subject.jump_and_maintain(hours(23)).await;
    assert!(push(subject, ticked("nightly", at)).await.is_empty(), "ticks are kept for 24 h");
    subject.jump_and_maintain(hours(25)).await;
    assert_eq!(push(subject, ticked("nightly", at)).await.len(), 1, "ticks older than 24 h are pruned");
    Ok(())
}
