//! Lists of jobs: the same whichever index they are read from, and whole where a row is broken.

use queue::JobState;
use queue::drivers::{Extra, NewJob, Sqlite};
use queue::job::{Filter, Outcome};

use crate::store::{Place, Verbs, fail, job, run};

/// All pages of a filter.
async fn pages(driver: &Sqlite, filter: &Filter) -> Vec<queue::JobRow> {
    let mut all: Vec<queue::JobRow> = Vec::new();
    loop {
        let mut filter = filter.clone();
        filter.after = all.last().map(|row| row.id).or(filter.after);
        let page = driver.inside().jobs(&filter).await.unwrap().jobs;
        let is_last = page.len() < filter.page();
        all.extend(page);
        if is_last {
            return all;
        }
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
            ..job()
        })
        .collect();
    driver.store(all.clone()).await;
    let request = crate::store::request_of(&["mail", "images", "reports"], 70);
    let taken = queue::drivers::Driver::fetch(&driver, &request).await.unwrap();
    for (nth, one) in taken.into_iter().enumerate() {
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
    let new = Filter::new;
    for filter in [
        new(),
        new().state(JobState::Failed),
        new().state(JobState::Cancelled),
        new().state(JobState::Cancelled).state(JobState::Failed),
        new().state(JobState::Failed).state(JobState::Failed),
        new().state(JobState::Failed).state(JobState::Completed),
        new().state(JobState::Available),
        new().state(JobState::Failed).kind("New").kind("Other"),
        new().state(JobState::Failed).queue("mail").tag("red"),
        new().state(JobState::Cancelled).state(JobState::Failed).tag("green").tag("red").queue("images"),
        new().state(JobState::Failed).kind("Other"),
        new().state(JobState::Failed).after(whole[100].id),
        new().tag("green"),
    ] {
        for limit in [1, 7, 1_000] {
            let filter = filter.clone().limit(limit);
            let expected: Vec<_> = whole.iter().filter(|row| filter.fits(row)).map(|row| row.id).collect();
            let listed: Vec<_> = pages(&driver, &filter).await.iter().map(|row| row.id).collect();
            assert_eq!(listed, expected, "{filter:?}");
        }
    }
}
