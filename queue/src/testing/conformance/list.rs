//! Listing jobs by filter and page.

use std::collections::BTreeSet;

use super::Verdict;
use super::subject::{QUEUE, Subject, fail, job, job_in};
use crate::JobId;
use crate::drivers::{Extra, NewJob};
use crate::job::{Filter, JobState, Outcome};

async fn list(subject: &Subject, filter: &Filter) -> Vec<JobId> {
    let inspect = subject.driver.inspect().expect("the rule asked for it");
    let rows = inspect.jobs(filter).await.expect("`jobs` works").jobs;
    for row in &rows {
        assert!(filter.fits(row), "{:?} does not fit {filter:?}", row.id);
    }
    rows.iter().map(|row| row.id).collect()
}

fn tagged(tags: &[&str]) -> NewJob {
    let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
    NewJob { extra: Some(Box::new(Extra { tags, ..Extra::default() })), ..job() }
}

pub(super) async fn a_job_that_is_not_there_is_none(subject: &Subject) -> Verdict {
    subject.inspect()?;
    subject.store(job()).await;
    assert!(subject.find(JobId::new()).await.is_none());
    Ok(())
}

pub(super) async fn an_empty_filter_lists_all_by_id(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let mut jobs: Vec<_> = (0..20).map(|index| job_in(if index % 2 == 0 { "a" } else { "b" })).collect();
    let expected: Vec<_> = jobs.iter().map(|job| job.id).collect();
    jobs.reverse();
    subject.push_all(jobs).await;
    assert_eq!(list(subject, &Filter::new()).await, expected);
    Ok(())
}

pub(super) async fn states_are_filtered(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let completed = subject.take_new(job()).await.lease;
    subject.end(completed, Outcome::Complete).await;
    let failed = subject.take_new(job()).await.lease;
    subject.end(failed, fail()).await;
    let running = subject.take_new(job()).await.lease.id;
    let available = subject.store(job()).await;
    let of = async |states: &[JobState]| {
        let filter = states.iter().fold(Filter::new(), |filter, &state| filter.state(state));
        list(subject, &filter).await
    };
    assert_eq!(of(&[JobState::Completed]).await, [completed.id]);
    assert_eq!(of(&[JobState::Failed]).await, [failed.id]);
    assert_eq!(of(&[JobState::Running]).await, [running]);
    assert_eq!(of(&[JobState::Available, JobState::Failed]).await, [failed.id, available]);
    assert!(of(&[JobState::Cancelled]).await.is_empty());
    Ok(())
}

pub(super) async fn kinds_queues_and_tags_are_filtered_together(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let plain = subject.store(job()).await;
    let other = subject.store(NewJob { kind: "Other".into(), ..job_in("mail") }).await;
    let red = subject.store(tagged(&["red", "round"])).await;
    let blue = subject.store(tagged(&["blue"])).await;
    assert_eq!(list(subject, &Filter::new().kind("Other")).await, [other]);
    assert_eq!(list(subject, &Filter::new().kind("Other").kind("Plain")).await, [plain, other, red, blue]);
    assert_eq!(list(subject, &Filter::new().queue("mail")).await, [other]);
    assert_eq!(list(subject, &Filter::new().tag("red")).await, [red]);
    assert_eq!(list(subject, &Filter::new().tag("red").tag("blue")).await, [red, blue], "any of them");
    assert_eq!(list(subject, &Filter::new().queue(QUEUE).kind("Plain").tag("round")).await, [red], "all that is said");
    assert!(list(subject, &Filter::new().queue("mail").tag("red")).await.is_empty());
    assert!(list(subject, &Filter::new().tag("re")).await.is_empty(), "a part of a tag is no tag");
    Ok(())
}

pub(super) async fn a_page_has_its_size(subject: &Subject) -> Verdict {
    subject.inspect()?;
    subject.push_all((0..150).map(|_| job()).collect()).await;
    assert_eq!(list(subject, &Filter::new()).await.len(), 100, "the default");
    assert_eq!(list(subject, &Filter::new().limit(7)).await.len(), 7);
    assert_eq!(list(subject, &Filter::new().limit(1_000)).await.len(), 150);
    Ok(())
}

/// Somebody looks through the pages while jobs are pushed, run and filtered out.
pub(super) async fn pages_are_complete_and_without_repeats_while_jobs_are_added(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let jobs: Vec<_> = (0..60).map(|index| job_in(if index % 3 == 0 { "a" } else { "b" })).collect();
    let expected: BTreeSet<_> = jobs.iter().filter(|job| &*job.queue == "b").map(|job| job.id).collect();
    let last = jobs[59].id;
    subject.push_all(jobs).await;

    let mut seen = Vec::new();
    let mut filter = Filter::new().queue("b").limit(7);
    loop {
        let page = list(subject, &filter).await;
        let Some(&end) = page.last() else { break };
        assert!(page.len() <= 7);
        seen.extend(page);
        if end > last {
            break;
        }
        filter = filter.after(end);
        subject.push_all(vec![job_in("a"), job_in("b")]).await;
    }
    assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]), "by id, and without repeats");
    let seen: BTreeSet<_> = seen.into_iter().collect();
    assert!(seen.is_superset(&expected), "{} of {} were listed", seen.intersection(&expected).count(), expected.len());
    Ok(())
}
