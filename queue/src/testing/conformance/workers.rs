//! The rows of the workers.

use std::sync::Arc;

use super::Verdict;
use super::subject::{QUEUE, Subject, secs};
use crate::drivers::{WorkerRow, WorkerState};

async fn workers(subject: &Subject) -> Vec<WorkerRow> {
    let inspect = subject.driver.inspect().expect("the rule asked for it");
    inspect.workers().await.expect("`workers` works")
}

pub(super) async fn a_worker_that_renews_has_a_row(subject: &Subject) -> Verdict {
    subject.inspect()?;
    assert!(workers(subject).await.is_empty());
    let row = WorkerRow {
        name: "mail's \"first\"".to_owned(),
        host: "host-7".to_owned(),
        pid: 4_242,
        running: 3,
        queues: vec![(QUEUE.into(), 10), ("mail".into(), 2)],
        ..subject.worker_row(&[])
    };
    subject.renew_as(&row, &[]).await;
    let found = workers(subject).await;
    assert_eq!(found.len(), 1);
    let found = &found[0];
    assert_eq!((found.id, found.name.as_str(), found.host.as_str()), (row.id, row.name.as_str(), row.host.as_str()));
    assert_eq!((found.pid, found.running, found.state), (4_242, 3, WorkerState::Running));
    assert_eq!(found.lease, row.lease);
    let mut queues = found.queues.clone();
    queues.sort();
    assert_eq!(queues, [(QUEUE.into(), 10), ("mail".into(), 2)]);
    Ok(())
}

pub(super) async fn a_renewal_replaces_the_row(subject: &Subject) -> Verdict {
    subject.inspect()?;
    subject.renew(&[]).await;
    let row = WorkerRow { running: 5, state: WorkerState::Quiet, ..subject.worker_row(&["mail"]) };
    subject.renew_as(&row, &[]).await;
    let found = workers(subject).await;
    assert_eq!(found.len(), 1, "one worker, one row");
    assert_eq!((found[0].running, found[0].state), (5, WorkerState::Quiet));
    assert_eq!(found[0].queues, row.queues);
    Ok(())
}

/// A worker's own clock may be wrong.
pub(super) async fn when_a_worker_was_seen_is_of_the_stores_clock(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let wrong = std::time::SystemTime::UNIX_EPOCH;
    let row = WorkerRow { seen_at: wrong, ..subject.worker_row(&[QUEUE]) };
    subject.renew_as(&row, &[]).await;
    let first = workers(subject).await[0].seen_at;
    assert!(first > wrong, "the driver fills it in");
    subject.jump(secs(600));
    subject.renew_as(&row, &[]).await;
    let second = workers(subject).await[0].seen_at;
    assert!(second >= first + secs(600), "it is renewed with the row");
    Ok(())
}

pub(super) async fn a_stopped_worker_has_no_row(subject: &Subject) -> Verdict {
    subject.inspect()?;
    subject.renew(&[]).await;
    let neighbour = subject.neighbour();
    neighbour.renew(&[]).await;
    assert_eq!(workers(subject).await.len(), 2);
    let row = WorkerRow { state: WorkerState::Stopped, ..subject.worker_row(&[QUEUE]) };
    subject.renew_as(&row, &[]).await;
    let left: Vec<_> = workers(subject).await.iter().map(|row| row.id).collect();
    assert_eq!(left, [neighbour.worker]);
    Ok(())
}

/// Nobody can say what a name may hold; and a large program has many.
pub(super) async fn the_kinds_of_a_worker_are_kept(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let odd = ["Plain", "it's", "say \"hi\"", "a,b", "{a}", "back\\slash", "größe 作業", "mail::Send", " ", "NULL"];
    let many = (0..300).map(|index| format!("Kind{index}"));
    for kinds in [odd.map(str::to_owned).to_vec(), Vec::new(), many.collect()] {
        let mut kinds: Vec<Arc<str>> = kinds.into_iter().map(Arc::from).collect();
        subject.renew_as(&WorkerRow { kinds: kinds.clone(), ..subject.worker_row(&[QUEUE]) }, &[]).await;
        let mut found = workers(subject).await.remove(0).kinds;
        kinds.sort();
        found.sort();
        assert_eq!(found, kinds);
    }
    Ok(())
}
