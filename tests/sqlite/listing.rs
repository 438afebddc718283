//! Lists of jobs: the same whichever index they are read from, and whole where a row is broken.

use std::time::Duration;

use queue::drivers::{Extra, NewJob, Sqlite};
use queue::job::filter::ArgIs;
use queue::job::{Filter, Outcome};
use queue::{JobId, JobRow, JobState};

use crate::store::{Place, Verbs, fail, job, run};

/// All pages of a filter.
async fn pages(driver: &Sqlite, filter: &Filter) -> Vec<JobRow> {
    let (mut filter, mut all) = (filter.clone(), Vec::new());
    loop {
        let page = driver.inside().jobs(&filter).await.unwrap();
        assert!(page.jobs.len() <= filter.page());
        all.extend(page.jobs);
        let Some(next) = page.next else { return all };
        filter.after = Some(next);
    }
}

#[tokio::test]
async fn pages_hold_what_fits_in_the_order_of_ids() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    let tagged = |tag: &str| Some(Box::new(Extra { tags: vec![tag.to_owned()], ..Extra::default() }));
    let all: Vec<_> = (0..240)
        .map(|nth| NewJob {
            kind: ["Known", "New"][nth % 2].into(),
            queue: ["mail", "images", "reports"][nth % 3].into(),
            extra: tagged(["red", "green"][nth / 2 % 2]),
            payload: format!(r#"{{"user_id":{},"to":{{"name":"Ada"}}}}"#, nth % 10).into_bytes().into(),
            ..job()
        })
        .collect();
    driver.store(all.clone()).await;
    let request = crate::store::request_of(&["mail", "images", "reports"], 70);
    let taken = queue::drivers::Driver::fetch(&driver, &request).await.unwrap();
    for (nth, one) in taken.into_iter().enumerate() {
        // Some are left running.
        if nth % 7 == 6 {
            continue;
        }
        let outcome = [fail(), Outcome::Complete, Outcome::Cancel { reason: None }, fail(), Outcome::Complete][nth % 5].clone();
        driver.end(&[one], outcome).await;
    }
    // One of each end is broken, and in nobody's way.
    run(&mut stranger, "UPDATE queue_jobs SET id = substr(id, 1, 15) WHERE place IN (20, 21, 22, 23, 24, 25, 100, 101, 102)")
        .await;
    let mut whole = Vec::new();
    for job in &all {
        whole.extend(driver.look(job.id).await);
    }
    assert_eq!(whole.len(), 231);
    let filters = filters(&whole);
    for filter in filters.iter().flat_map(|filter| [filter.clone(), filter.clone().newest_first()]) {
        let mut expected: Vec<_> = whole.iter().filter(|row| filter.fits(row)).map(|row| row.id).collect();
        if filter.newest_first {
            expected.reverse();
        }
        for limit in [1, 7, 1_000] {
            let filter = filter.clone().limit(limit);
            let listed: Vec<_> = pages(&driver, &filter).await.iter().map(|row| row.id).collect();
            assert_eq!(listed, expected, "{filter:?}");
        }
        // Its page does not count.
        let counted = driver.inside().count(&filter.clone().limit(1), 1_000_000).await.unwrap();
        let mut fitting = filter.clone();
        fitting.after = None;
        let all = whole.iter().filter(|row| fitting.fits(row)).count();
        // Of the nine broken ones those are counted that fit otherwise.
        let counts = if filter.reads_rows() { all..=all } else { all..=all + 9 };
        assert!(counted.is_all && counts.contains(&usize::try_from(counted.jobs).unwrap()), "{counted:?} of {all}: {filter:?}");
    }
    let last = driver.inside().jobs(&new().limit(231)).await.unwrap();
    assert_eq!((last.jobs.len(), last.next), (231, None), "there is nothing behind a full page that is the last");
}

fn new() -> Filter {
    Filter::new()
}

/// Filters of each sort, some of which fit nothing.
fn filters(whole: &[JobRow]) -> Vec<Filter> {
    use JobState::{Available, Cancelled, Completed, Failed, Running};
    let not = |change: fn(&mut Filter)| {
        let mut filter = new();
        change(&mut filter);
        filter
    };
    let since = whole[60].id.created_at();
    let mut late = new().state(Failed);
    late.since = Some(since);
    let mut early = new();
    early.until = Some(since + Duration::from_millis(1));
    let some = whole.iter().step_by(9).fold(new(), |filter, row| filter.id(row.id));
    let mut some_of = some.clone();
    some_of.args.push(ArgIs::new(["user_id"], ["8"]));
    vec![
        new(),
        new().state(Failed),
        new().state(Cancelled),
        new().state(Cancelled).state(Failed),
        new().state(Failed).state(Failed),
        new().state(Failed).state(Completed),
        new().state(Available),
        new().state(Running),
        new().state(Running).state(Cancelled).state(Failed),
        new().state(Running).queue("mail").after(whole[90].id),
        new().state(Failed).kind("New").kind("Other"),
        new().state(Failed).queue("mail").tag("red"),
        new().state(Cancelled).state(Failed).tag("green").tag("red").queue("images"),
        new().state(Failed).kind("Other"),
        new().state(Failed).after(whole[100].id),
        new().tag("green"),
        not(|filter| filter.not_kinds.push("New".to_owned())),
        not(|filter| filter.not_queues.extend(["mail".to_owned(), "images".to_owned()])),
        not(|filter| filter.not_tags.push("red".to_owned())).state(Failed).state(Running),
        not(|filter| filter.errors.push("NO HOPE".to_owned())),
        not(|filter| filter.errors.push("some hope".to_owned())),
        not(|filter| filter.args.push(ArgIs::new(["user_id"], ["3", "4"]))),
        not(|filter| filter.args.push(ArgIs::new(["to", "name"], ["Ada"]))).state(Failed).state(Running),
        not(|filter| filter.args.push(ArgIs::new(["user_id"], ["3"]))).state(Available).tag("red"),
        late,
        early,
        some.clone(),
        some.state(Available).after(whole[50].id),
        some_of,
        new().id(JobId::new()),
    ]
}
