//! No look goes over more than so many rows: it comes back short, and says from where to look on.

use std::sync::Arc;

use queue::drivers::{Count, Page, Sqlite};
use queue::job::Filter;
use queue::job::filter::ArgIs;
use queue::{JobId, JobState};
use sqlx::SqliteConnection;

use crate::store::{Place, Verbs, run};

const LOOK: usize = Filter::LOOK;

/// So many jobs with the ids from 1 on; the one behind each look, and the last one, are rare.
async fn fill(stranger: &mut SqliteConnection, jobs: usize, state: &str) {
    let rare = format!("(n % {LOOK} = 1 AND n > 1) OR n = {jobs}");
    let sql = format!(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {jobs})
        INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, payload, tags, errors,
            finished_at, lease_expires_at)
        SELECT unhex(printf('%032x', n)), iif({rare}, 'Rare', 'Known'), 1, 'mail', '{state}', 1, 0, 3, 3, 0, iif({rare}, '{{\"rare\":1}}', '{{}}'),
            iif({rare}, '[\"rare\"]', NULL), iif({rare}, '[[1, 0, \"rare\"]]', NULL), 0, 9
        FROM number"
    );
    run(stranger, &sql).await;
}

fn id(number: usize) -> JobId {
    JobId::from_u128(number as u128)
}

/// The ids of a page, and where the next one begins.
async fn look(driver: &Sqlite, filter: &Filter) -> (Vec<JobId>, Option<JobId>) {
    let Page { jobs, next, .. } = driver.inside().jobs(filter).await.unwrap();
    (jobs.iter().map(|job| job.id).collect(), next)
}

/// Each way to look for what is rare.
fn rare() -> [Filter; 5] {
    let of = |change: fn(&mut Filter)| {
        let mut filter = Filter::new();
        change(&mut filter);
        filter
    };
    [
        Filter::new().kind("Rare"),
        Filter::new().tag("rare"),
        of(|filter| filter.not_kinds.push("Known".to_owned())),
        of(|filter| filter.args.push(ArgIs::new(["rare"], ["1"]))),
        of(|filter| filter.errors.push("Rare".to_owned())),
    ]
}

#[tokio::test]
async fn a_look_for_what_is_rare_comes_back_short_and_going_on_finds_it() {
    let jobs = 2 * LOOK + 500;
    for (state, states) in [("available", &[][..]), ("available", &[JobState::Available]), ("failed", &[JobState::Failed])] {
        let place = Place::new();
        let driver = place.open().await;
        fill(&mut place.stranger().await, jobs, state).await;
        for mut filter in rare() {
            filter.states = states.to_vec();
            assert_eq!(look(&driver, &filter).await, (vec![], Some(id(LOOK))), "{filter:?}");
            let filter = filter.after(id(LOOK));
            assert_eq!(look(&driver, &filter).await, (vec![id(LOOK + 1)], Some(id(2 * LOOK))), "{filter:?}");
            let filter = filter.after(id(2 * LOOK));
            assert_eq!(look(&driver, &filter).await, (vec![id(2 * LOOK + 1), id(jobs)], None), "{filter:?}");

            // From the other end the looks are others.
            let mut filter = filter.newest_first();
            filter.after = None;
            assert_eq!(look(&driver, &filter).await, (vec![id(jobs), id(2 * LOOK + 1)], Some(id(LOOK + 501))), "{filter:?}");
            let filter = filter.after(id(LOOK + 501));
            assert_eq!(look(&driver, &filter).await, (vec![id(LOOK + 1)], Some(id(501))), "{filter:?}");
            assert_eq!(look(&driver, &filter.clone().after(id(501))).await, (vec![], None), "{filter:?}");
        }
    }
}

#[tokio::test]
async fn a_look_that_ends_with_the_last_job_says_so() {
    let place = Place::new();
    let driver = place.open().await;
    fill(&mut place.stranger().await, LOOK, "completed").await;
    assert_eq!(look(&driver, &Filter::new().kind("Rare")).await, (vec![id(LOOK)], None));
    assert_eq!(look(&driver, &Filter::new().kind("None").newest_first()).await, (vec![], None));
}

#[tokio::test]
async fn many_that_run_are_looked_for_among_all() {
    let place = Place::new();
    let driver = place.open().await;
    fill(&mut place.stranger().await, LOOK + 1, "running").await;
    let filter = Filter::new().state(JobState::Running).state(JobState::Failed).kind("Rare");
    assert_eq!(look(&driver, &filter).await, (vec![], Some(id(LOOK))));
    assert_eq!(look(&driver, &filter.after(id(LOOK))).await, (vec![id(LOOK + 1)], None));
}

/// The failed and the cancelled jobs lie in two parts of an index: what one look has not reached yet is not passed over.
#[tokio::test]
async fn where_several_looks_are_taken_the_page_ends_with_the_shortest() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    fill(&mut stranger, 2 * LOOK, "failed").await;
    let few = format!("id IN (unhex(printf('%032x', 7)), unhex(printf('%032x', {})))", LOOK + 5);
    run(&mut stranger, &format!("UPDATE queue_jobs SET state = 'cancelled', kind = 'Rare' WHERE {few}")).await;
    let filter = Filter::new().kind("Rare").state(JobState::Failed).state(JobState::Cancelled);
    // One of the first ones is cancelled.
    assert_eq!(look(&driver, &filter).await, (vec![id(7), id(LOOK + 1)], Some(id(LOOK + 1))));
    let rest = (vec![id(LOOK + 5), id(2 * LOOK)], None);
    assert_eq!(look(&driver, &filter.clone().after(id(LOOK + 1))).await, rest);
    let filter = filter.newest_first();
    let newest = (vec![id(2 * LOOK), id(LOOK + 5), id(LOOK + 1)], Some(id(LOOK)));
    assert_eq!(look(&driver, &filter).await, newest);
    assert_eq!(look(&driver, &filter.after(id(LOOK))).await, (vec![id(7)], None));
}

#[tokio::test]
async fn more_ids_than_one_look_takes_are_looked_up_in_several() {
    let place = Place::new();
    let driver = place.open().await;
    fill(&mut place.stranger().await, LOOK + 10, "available").await;
    let mut filter = Filter::new().kind("Rare");
    filter.ids = (1..=LOOK + 10).map(id).collect();
    assert_eq!(look(&driver, &filter).await, (vec![], Some(id(LOOK))));
    let newest = (vec![id(LOOK + 10), id(LOOK + 1)], Some(id(11)));
    assert_eq!(look(&driver, &filter.clone().newest_first()).await, newest);
    let rest = (vec![id(LOOK + 1), id(LOOK + 10)], None);
    assert_eq!(look(&driver, &filter.clone().after(id(LOOK))).await, rest);
    assert_eq!(driver.inside().count(&filter, 100).await.unwrap(), Count::new(2, true));
}

#[tokio::test]
async fn a_count_takes_ten_looks_at_most_and_stops_when_it_has_enough() {
    let place = Place::new();
    let driver = Arc::new(place.open().await);
    fill(&mut place.stranger().await, 10 * LOOK, "completed").await;
    let count = async |filter: &Filter, most| driver.inside().count(filter, most).await.unwrap();
    for filter in rare() {
        assert_eq!(count(&filter, u64::MAX).await, Count::new(10, true), "{filter:?}");
        assert_eq!(count(&filter, 3).await, Count::new(3, false), "{filter:?}");
    }
    assert_eq!(count(&Filter::new().kind("Known"), 10).await, Count::new(LOOK as u64, false), "a look is counted whole");
    run(
        &mut place.stranger().await,
        "INSERT INTO queue_jobs (id, kind, version, queue, state, priority, due_at, max_attempts, budget, created_at, payload)
        VALUES (unhex(printf('%032x', 1000000)), 'Rare', 1, 'mail', 'available', 1, 0, 3, 3, 0, '{\"rare\":1}')",
    )
    .await;
    for filter in rare() {
        assert!(!count(&filter, u64::MAX).await.is_all, "{filter:?}");
    }
}
