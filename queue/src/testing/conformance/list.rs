//! Listing jobs by filter and page.

use std::collections::BTreeSet;

use super::Verdict;
use super::subject::{QUEUE, Subject, fail, hours, job, job_after, job_in, retry};
use crate::JobId;
use crate::drivers::{Extra, NewJob, Page};
use crate::job::filter::ArgIs;
use crate::job::{Filter, JobState, Outcome};

/// One look, of which every job fits, is in order, and is before where the next look begins.
pub(super) async fn look(subject: &Subject, filter: &Filter) -> Page {
    let inspect = subject.driver.inspect().expect("the rule asked for it");
    let page = inspect.jobs(filter).await.expect("`jobs` works");
    assert!(page.jobs.len() <= filter.page(), "a page of {} has {} jobs", filter.page(), page.jobs.len());
    for row in &page.jobs {
        assert!(filter.fits(row), "{:?} does not fit {filter:?}", row.id);
    }
    let ids: Vec<_> = page.jobs.iter().map(|row| row.id).collect();
    let is_before = |a: JobId, b: JobId| if filter.newest_first { a > b } else { a < b };
    assert!(ids.windows(2).all(|pair| is_before(pair[0], pair[1])), "in order and without repeats: {ids:?}");
    if let Some(next) = page.next {
        assert!(filter.after.is_none_or(|after| is_before(after, next)), "the next page begins where this one did");
        assert!(ids.last().is_none_or(|&last| last == next || is_before(last, next)), "the next page repeats jobs of this one");
    }
    page
}

/// All jobs that fit, page by page to the end. A page may be short, as long as it says where to look on.
pub(super) async fn list(subject: &Subject, filter: &Filter) -> Vec<JobId> {
    let (mut filter, mut listed) = (filter.clone(), Vec::new());
    loop {
        let page = look(subject, &filter).await;
        listed.extend(page.jobs.iter().map(|row| row.id));
        let Some(next) = page.next else { return listed };
        filter.after = Some(next);
    }
}

pub(super) fn tagged(tags: &[&str]) -> NewJob {
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
    for (filter, size) in [(Filter::new(), 100), (Filter::new().limit(7), 7), (Filter::new().limit(1_000), 150)] {
        assert_eq!(look(subject, &filter).await.jobs.len(), size, "every job fits {filter:?}");
    }
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
        let page = look(subject, &filter).await;
        seen.extend(page.jobs.iter().map(|row| row.id));
        let Some(next) = page.next.filter(|next| *next <= last) else { break };
        filter = filter.after(next);
        subject.push_all(vec![job_in("a"), job_in("b")]).await;
    }
    assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]), "by id, and without repeats");
    let seen: BTreeSet<_> = seen.into_iter().collect();
    assert!(seen.is_superset(&expected), "{} of {} were listed", seen.intersection(&expected).count(), expected.len());
    Ok(())
}

/// A job with an id of its own, which is what its place in a list goes by.
fn job_at(place: u128) -> NewJob {
    NewJob { id: JobId::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + place), ..job() }
}

pub(super) async fn the_newest_come_first_where_that_is_said(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let failed = subject.take_new(job()).await.lease;
    subject.end(failed, fail()).await;
    let running = subject.take_new(job()).await.lease.id;
    let scheduled = subject.store(job_after(hours(1))).await;
    let mail = subject.store(job_in("mail")).await;
    let available = subject.store(job()).await;
    let newest = Filter::new().newest_first();
    assert_eq!(list(subject, &newest).await, [available, mail, scheduled, running, failed.id]);
    assert_eq!(list(subject, &newest.clone().queue(QUEUE).state(JobState::Available)).await, [available]);
    assert_eq!(look(subject, &newest.limit(2)).await.jobs.len(), 2, "every job fits");
    Ok(())
}

/// Whatever the size of a page, and wherever the jobs are kept.
pub(super) async fn pages_in_both_orders_hold_every_job_once_to_the_end(subject: &Subject) -> Verdict {
    subject.inspect()?;
    for outcome in [Outcome::Complete, fail(), retry(hours(1)), Outcome::Cancel { reason: None }] {
        for queue in ["a", "b"] {
            let delivery = subject.take_new(job_in(queue)).await;
            subject.end(delivery.lease, outcome.clone()).await;
        }
    }
    subject.take_new(job_in("a")).await;
    subject.push_all((0..10).map(|index| job_in(if index % 3 == 0 { "a" } else { "b" })).collect()).await;
    subject.store(job_after(hours(1))).await;
    let filters = [(Filter::new(), 20), (Filter::new().queue("a"), 9), (Filter::new().queue("b").state(JobState::Available), 6)];
    for (filter, count) in filters {
        let all = list(subject, &filter.clone().limit(1_000)).await;
        assert_eq!(all.len(), count, "{filter:?}");
        let reversed: Vec<_> = all.iter().rev().copied().collect();
        for limit in [1, 2, 3, all.len(), all.len() + 1] {
            assert_eq!(list(subject, &filter.clone().limit(limit)).await, all, "{filter:?} by pages of {limit}");
            assert_eq!(
                list(subject, &filter.clone().limit(limit).newest_first()).await,
                reversed,
                "{filter:?} by pages of {limit}"
            );
        }
    }
    Ok(())
}

/// It may be forgotten by then.
pub(super) async fn a_page_goes_on_behind_an_id_that_no_job_has(subject: &Subject) -> Verdict {
    subject.inspect()?;
    subject.push_all([10, 20, 30].map(job_at).to_vec()).await;
    let of = |places: &[u128]| places.iter().map(|&place| job_at(place).id).collect::<Vec<_>>();
    for (after, later, earlier) in
        [(5, &[10, 20, 30][..], &[][..]), (15, &[20, 30], &[10]), (20, &[30], &[10]), (35, &[], &[30, 20, 10])]
    {
        let filter = Filter::new().after(job_at(after).id);
        assert_eq!(list(subject, &filter).await, of(later), "behind {after}");
        assert_eq!(list(subject, &filter.newest_first()).await, of(earlier), "before {after}");
    }
    Ok(())
}

/// There are more than one look goes over. A page that is short, or empty, says where to look on.
pub(super) async fn rare_jobs_are_found_among_many(subject: &Subject) -> Verdict {
    subject.inspect()?;
    let count = Filter::LOOK as u128 + 200;
    let is_rare = |place: u128| [0, 5_000, count - 1].contains(&place);
    let rare = |place| NewJob { kind: "Rare".into(), payload: (*br#"{"a":[1]}"#).into(), ..job_at(place) };
    let mut jobs: Vec<_> = (0..count).map(|place| if is_rare(place) { rare(place) } else { job_at(place) }).collect();
    while !jobs.is_empty() {
        let rest = jobs.split_off(jobs.len().min(1_000));
        subject.push_all(jobs).await;
        jobs = rest;
    }
    let expected = [job_at(0).id, job_at(5_000).id, job_at(count - 1).id];
    let reversed = [expected[2], expected[1], expected[0]];
    let by_field = Filter { args: vec![ArgIs::new(["a", "0"], ["1"])], ..Filter::new() };
    for filter in [Filter::new().kind("Rare"), by_field] {
        assert_eq!(list(subject, &filter).await, expected, "{filter:?}");
        assert_eq!(list(subject, &filter.clone().newest_first()).await, reversed, "{filter:?}, the newest first");
    }
    Ok(())
}
