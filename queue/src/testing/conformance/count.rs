//! How many jobs fit.

use super::Verdict;
use super::subject::{QUEUE, Subject, fail, job, job_in};
use crate::drivers::{Count, Inspect, NewJob};
use crate::job::filter::ArgIs;
use crate::job::{Filter, JobState};

async fn count(inspect: &dyn Inspect, filter: &Filter, most: u64) -> Count {
    inspect.count(filter, most).await.expect("`count` works")
}

pub(super) async fn few_jobs_are_all_counted(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    assert_eq!(count(inspect, &Filter::new(), 1_000).await, Count::new(0, true), "an empty store");
    let lease = subject.take_new(NewJob { payload: (*br#"{"a":1}"#).into(), ..job() }).await.lease;
    subject.end(lease, fail()).await;
    subject.push_all((0..250).map(|index| job_in(if index < 20 { "a" } else { QUEUE })).collect()).await;
    let by_field = Filter { args: vec![ArgIs::new(["a"], ["1"])], ..Filter::new() };
    let by_error = Filter { errors: vec!["no hope".to_owned()], ..Filter::new() };
    let not_default = Filter { not_queues: vec![QUEUE.to_owned()], ..Filter::new() };
    for (filter, jobs) in [
        (Filter::new(), 251),
        (Filter::new().queue("a"), 20),
        (Filter::new().state(JobState::Failed), 1),
        (Filter::new().kind("Plain").state(JobState::Available), 250),
        (Filter::new().kind("Other"), 0),
        (Filter::new().id(lease.id), 1),
        (by_field, 1),
        (by_error, 1),
        (not_default, 20),
    ] {
        assert_eq!(count(inspect, &filter, 1_000).await, Count::new(jobs, true), "{filter:?}");
    }
    Ok(())
}

pub(super) async fn the_page_of_a_filter_does_not_count(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    let jobs: Vec<_> = (0..120).map(|_| job()).collect();
    let middle = jobs[60].id;
    subject.push_all(jobs).await;
    for filter in [Filter::new(), Filter::new().kind("Plain")] {
        let paged = filter.after(middle).limit(7);
        assert_eq!(count(inspect, &paged, 1_000).await, Count::new(120, true), "{paged:?}");
        let newest = paged.newest_first();
        assert_eq!(count(inspect, &newest, 1_000).await, Count::new(120, true), "{newest:?}");
    }
    Ok(())
}

/// It says whether those are all.
pub(super) async fn a_count_may_end_at_its_most(subject: &Subject) -> Verdict {
    let inspect = subject.inspect()?;
    subject.push_all((0..300).map(|_| job()).collect()).await;
    for filter in [Filter::new(), Filter::new().kind("Plain")] {
        for most in [0, 1, 100, 299, 300, 301] {
            let Count { jobs, is_all } = count(inspect, &filter, most).await;
            assert!(jobs <= 300, "{jobs} were counted, and there are 300");
            let is_enough = if is_all { jobs == 300 } else { jobs >= most };
            assert!(is_enough, "{jobs} of 300 were counted, {most} are asked for, and `is_all` is {is_all}");
        }
        assert_eq!(count(inspect, &filter, 301).await, Count::new(300, true), "less than the most");
    }
    Ok(())
}
