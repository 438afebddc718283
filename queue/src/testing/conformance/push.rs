//! What a push promises.

use super::subject::{QUEUE, Subject, group, ids, job, job_in};
use super::{Skip, Verdict};
use crate::drivers::{AtomicPush, Extra, NewJob, Pushed};
use crate::job::{JobState, Outcome};

pub(super) async fn a_push_stores_its_jobs_and_answers_their_ids(subject: &Subject) -> Verdict {
    let jobs: Vec<_> = (0..3).map(|_| job()).collect();
    let expected: Vec<_> = jobs.iter().map(|job| job.id).collect();
    let pushed = subject.push_all(jobs).await;
    assert_eq!(pushed, expected.iter().map(|&id| Pushed::stored(id)).collect::<Vec<_>>());

    let deliveries = subject.fetch(QUEUE, 10).await;
    assert_eq!(ids(&deliveries), expected);
    Ok(())
}

pub(super) async fn a_delivery_carries_what_was_pushed(subject: &Subject) -> Verdict {
    let new = NewJob { kind: "SendMail".into(), version: 7, max_attempts: 3, ..job_in("mail") };
    let id = subject.store(NewJob { payload: br#"{"user_id":42}"#.as_slice().into(), ..new }).await;

    let mut deliveries = subject.fetch("mail", 1).await;
    assert_eq!(ids(&deliveries), [id]);
    let delivery = deliveries.remove(0);
    assert_eq!(&*delivery.kind, "SendMail");
    assert_eq!(&*delivery.queue, "mail");
    assert_eq!(&*delivery.payload, br#"{"user_id":42}"#);
    assert_eq!(delivery.version, 7);
    assert_eq!(delivery.attempt, 1, "the first attempt is counted at the fetch");
    assert_eq!(delivery.max_attempts, 3);
    assert_eq!(delivery.rescues, 0);
    Ok(())
}

pub(super) async fn a_new_job_has_its_fields_in_the_store(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let before = subject.clock.now();
    let extra = Extra {
        tags: vec!["red".to_owned(), "blue".to_owned()],
        meta: [("trace".to_owned(), 7.into())].into_iter().collect(),
        ..Extra::default()
    };
    let payload = br#"{"user_id":42}"#.as_slice();
    let new =
        NewJob { payload: payload.into(), version: 7, priority: 3, max_attempts: 9, extra: Some(extra.clone().into()), ..job() };
    let id = subject.store(new).await;

    let row = inspect.job(id).await.expect("`job` works").expect("the pushed job is found");
    assert_eq!((row.id, row.kind.as_str(), row.queue.as_str()), (id, "Plain", QUEUE));
    assert_eq!((row.version, row.max_attempts, row.attempt, row.rescues), (7, 9, 0, 0));
    assert_eq!(row.state, JobState::Available);
    assert_eq!(row.payload.map(|payload| payload.get().to_owned()).as_deref(), Some(r#"{"user_id":42}"#));
    assert_eq!((row.tags, row.meta), (extra.tags, extra.meta));
    assert!(row.errors.is_empty() && row.progress.is_none() && row.worker.is_none());
    assert_eq!((row.started_at, row.finished_at), (None, None));
    if subject.capabilities().priorities == 256 {
        assert_eq!(row.priority, 3);
    }
    if !subject.capabilities().store_clock {
        assert!(row.created_at >= before && row.created_at <= subject.clock.now(), "it was made while it was pushed");
    }
    Ok(())
}

/// The reply of the first push was lost, so the engine pushes again.
pub(super) async fn a_repeated_push_stores_nothing_twice(subject: &Subject) -> Verdict {
    let jobs = vec![job(), job()];
    let first = subject.push_all(jobs.clone()).await;
    let second = subject.push_all(jobs.clone()).await;
    assert_eq!(first, second, "a repeated push is answered as the first one");
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 2, "two jobs were pushed, twice");
    Ok(())
}

pub(super) async fn a_push_repeated_within_a_batch_stores_nothing_twice(subject: &Subject) -> Verdict {
    let one = job();
    let results = subject.push_groups(&[group(vec![one.clone()]), group(vec![one.clone()])]).await;
    for result in results {
        assert_eq!(result.expect("it is stored"), [Pushed::stored(one.id)]);
    }
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 1);
    Ok(())
}

/// The job may be running or done before the push is repeated.
pub(super) async fn a_push_repeated_after_the_run_does_not_run_again(subject: &Subject) -> Verdict {
    let new = job();
    let delivery = subject.take_new(new.clone()).await;
    assert_eq!(subject.push(new.clone()).await, Pushed::stored(new.id));
    subject.assert_nothing_to_fetch("the job is running").await;

    subject.end(delivery.lease, Outcome::Complete).await;
    assert_eq!(subject.push(new.clone()).await, Pushed::stored(new.id));
    subject.assert_nothing_to_fetch("the job has completed").await;
    Ok(())
}

pub(super) async fn groups_are_answered_in_order(subject: &Subject) -> Verdict {
    let groups: Vec<_> = [1, 3, 2].map(|count| group((0..count).map(|_| job()).collect())).into();
    let results = subject.push_groups(&groups).await;
    for (result, group) in results.into_iter().zip(&groups) {
        let expected: Vec<_> = group.jobs.iter().map(|job| Pushed::stored(job.id)).collect();
        assert_eq!(result.expect("the group is stored"), expected);
    }
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 6);
    Ok(())
}

pub(super) async fn a_group_may_span_queues(subject: &Subject) -> Verdict {
    let all = subject.capabilities().atomic_push != AtomicPush::PerQueue;
    subject.needs(all, "groups over several queues")?;
    subject.push_all(vec![job_in("left"), job_in("right")]).await;
    let request = subject.request_of(&[("left", 5, 0), ("right", 5, 0)]);
    assert_eq!(subject.fetch_by(&request).await.len(), 2);
    Ok(())
}

pub(super) async fn a_large_group_is_stored_whole(subject: &Subject) -> Verdict {
    let count = match subject.capabilities().atomic_push {
        AtomicPush::Chunks(most) => most.min(3_000),
        _ => 3_000,
    };
    subject.push_all((0..count).map(|_| job()).collect()).await;
    let mut fetched = 0;
    loop {
        let some = subject.fetch(QUEUE, 1_000).await.len();
        if some == 0 {
            break;
        }
        fetched += some;
        assert!(fetched <= count, "a job was handed out more than once");
    }
    assert_eq!(fetched, count);
    Ok(())
}

pub(super) async fn empty_pushes_are_fine(subject: &Subject) -> Verdict {
    assert!(subject.driver.push(&[]).await.is_empty());
    let results = subject.push_groups(&[group(Vec::new()), group(vec![job()])]).await;
    let counts: Vec<_> = results.into_iter().map(|result| result.expect("it is stored").len()).collect();
    assert_eq!(counts, [0, 1]);
    Ok(())
}

/// A driver that waits leaves the groups to `push`; one that does not takes them.
pub(super) async fn push_now_takes_all_groups_or_leaves_them(subject: &Subject) -> Verdict {
    let mut groups = vec![group(vec![job()]), group(vec![job(), job()])];
    let expected: Vec<Vec<_>> =
        groups.iter().map(|group| group.jobs.iter().map(|job| Pushed::stored(job.id)).collect()).collect();
    let Some(results) = subject.driver.push_now(&mut groups) else {
        assert_eq!(groups.len(), 2, "`push_now` gave `None`, so it must leave the groups");
        assert!(subject.fetch(QUEUE, 10).await.is_empty(), "`push_now` gave `None`, so it must store nothing");
        return Err(Skip("`push_now` is not offered".to_owned()));
    };
    let results: Vec<_> = results.into_iter().map(|result| result.expect("it is stored")).collect();
    assert_eq!(results, expected);
    assert!(groups.is_empty(), "`push_now` stored the groups, so it must take them");
    assert_eq!(subject.fetch(QUEUE, 10).await.len(), 3);
    Ok(())
}

/// Jobs of a chain or batch wait until somebody lets them go.
pub(super) async fn a_held_job_is_not_fetched(subject: &Subject) -> Verdict {
    let held = NewJob { extra: Some(Box::new(Extra { held: true, ..Extra::default() })), ..job() };
    let id = subject.store(held).await;
    subject.maintain().await;
    subject.assert_nothing_to_fetch("the job is held").await;
    subject.assert_state(id, JobState::Held).await;
    Ok(())
}
