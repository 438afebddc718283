//! Rows that a stranger wrote past the driver: none of them stops the driver or the jobs beside it.

use std::time::Duration;

use queue::drivers::{Driver as _, MaintainLimits};
use queue::job::{Filter, Outcome};
use queue::{ErrorKind, JobId, JobState};
use queue_tests::errors::chain;
use sqlx::SqliteConnection;

use crate::store::{LEASE, Place, Verbs, fail, ids, job, job_in, jobs, number, request_of, run};

/// Columns of a row and what a stranger wrote into them.
const BROKEN: [(&str, &str); 26] = [
    ("id", "x'010203'"),
    ("id", "x''"),
    ("id", "zeroblob(64)"),
    ("kind", "CAST(x'ff' AS TEXT)"),
    ("kind", "''"),
    ("payload", "5"),
    ("payload", "1.5"),
    ("payload", "x'ff00fe'"),
    ("payload", "CAST(x'7b22ff' AS TEXT)"),
    ("payload", "''"),
    ("version", "-1"),
    ("version", "9223372036854775807"),
    ("priority", "-1"),
    ("priority", "100000"),
    ("due_at", "-9223372036854775808"),
    ("attempt", "-1"),
    ("attempt", "9223372036854775807"),
    ("max_attempts", "-1"),
    ("budget", "-1"),
    ("rescues", "-1"),
    ("rescues", "9223372036854775807"),
    ("token", "-1"),
    ("token", "9223372036854775807"),
    ("created_at", "-1"),
    ("place", "-1"),
    ("unique_key", "CAST(x'ff' AS TEXT)"),
];

/// Columns that only those read who look.
const ODD: [(&str, &str); 14] = [
    ("tags", "'no json'"),
    ("tags", "'{\"a\":1}'"),
    ("tags", "CAST(x'ff' AS TEXT)"),
    ("meta", "'[1'"),
    ("meta", "'[]'"),
    ("errors", "'no json'"),
    ("errors", "'{\"a\":1}'"),
    ("errors", "'[1,[],null]'"),
    ("errors", "'5'"),
    ("errors", "CAST(x'ff' AS TEXT)"),
    ("progress", "'[999,1]'"),
    ("progress", "'no json'"),
    ("worker", "x'01'"),
    ("started_at", "-9223372036854775808"),
];

/// Writes into the row of a job.
async fn forge(stranger: &mut SqliteConnection, id: JobId, column: &str, value: &str) {
    let sql = format!("UPDATE queue_jobs SET {column} = {value} WHERE id = x'{:032x}'", id.as_u128());
    run(stranger, &sql).await;
}

/// Each broken row waits before and among good ones, which all come and end.
#[tokio::test]
async fn a_broken_row_that_waits_does_not_hold_up_the_others() {
    for (column, value) in BROKEN.into_iter().chain(ODD) {
        let what = format!("{column} = {value}");
        let place = Place::new();
        let (driver, mut stranger) = (place.open().await, place.stranger().await);
        let all = jobs(5);
        driver.store(all.clone()).await;
        forge(&mut stranger, all[0].id, column, value).await;
        let again = match column {
            "id" => "x'04'",
            "place" => "-2",
            "unique_key" => "CAST(x'fe' AS TEXT)",
            _ => value,
        };
        forge(&mut stranger, all[2].id, column, again).await;
        let mut ended = Vec::new();
        for _ in 0..3 {
            let taken = driver.take(2).await;
            driver.end(&taken, Outcome::Complete).await;
            ended.extend(ids(&taken));
        }
        for good in [1, 3, 4] {
            assert!(ended.contains(&all[good].id), "{what}: job {good} did not come");
            assert_eq!(driver.look(all[good].id).await.unwrap().state, JobState::Completed, "{what}");
        }
        let listed = driver.inside().jobs(&Filter::new()).await.unwrap().jobs;
        assert!(listed.iter().filter(|row| row.state == JobState::Completed).count() >= 3, "{what}");
        assert_eq!(
            number(&mut stranger, "SELECT count(*) FROM queue_jobs WHERE state IN ('available', 'running')").await,
            0,
            "{what}"
        );
        crate::counting::check(&driver, &mut stranger, &what).await;
    }
}

/// The same for rows that wait for a time, run, or have ended.
#[tokio::test]
async fn a_broken_row_does_not_hold_up_maintenance() {
    for (column, value) in BROKEN.into_iter().chain(ODD).chain([("queue", "CAST(x'ff' AS TEXT)"), ("lease_expires_at", "-1")]) {
        let what = format!("{column} = {value}");
        let place = Place::new();
        let (driver, mut stranger) = (place.open().await, place.stranger().await);
        let all = jobs(8);
        driver.store(all.clone()).await;
        let taken = driver.take(6).await;
        driver.end(&taken[..2], Outcome::Complete).await;
        let delay = LEASE;
        driver.end(&taken[2..4], Outcome::Retry { delay, error: "once".to_owned() }).await;
        for (nth, number) in [(0, 1), (2, 2), (4, 3)] {
            let value = match column {
                "id" => format!("x'{number:02}'"),
                "place" => format!("-{number}"),
                "unique_key" => format!("CAST(x'fe{number:02}' AS TEXT)"),
                _ => value.to_owned(),
            };
            forge(&mut stranger, all[nth].id, column, &value).await;
        }
        for _ in 0..8 {
            place.clock.advance(Duration::from_secs(10));
            driver.tend().await;
        }
        assert_eq!(driver.look(all[3].id).await.unwrap().state, JobState::Available, "{what}: it was due");
        assert_eq!(driver.look(all[5].id).await.unwrap().rescues, 1, "{what}: its worker is dead");
        place.clock.advance(Duration::from_secs(25 * 3600));
        for _ in 0..4 {
            driver.tend().await;
        }
        assert!(driver.look(all[1].id).await.is_none(), "{what}: it ended a day ago");
        driver.inside().jobs(&Filter::new()).await.unwrap();
        driver.inside().counts().await.unwrap();
    }
}

/// A row that cannot be handed out is failed, once, and says why.
#[tokio::test]
async fn a_row_that_cannot_be_handed_out_fails_and_says_why() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    let broken = job();
    driver.store(vec![broken.clone(), job()]).await;
    forge(&mut stranger, broken.id, "payload", "5").await;
    assert_eq!(driver.take(5).await.len(), 1);
    let row = driver.look(broken.id).await.unwrap();
    assert_eq!((row.state, row.errors.len()), (JobState::Failed, 1));
    assert!(row.errors[0].message.contains("payload"), "{}", row.errors[0].message);
    assert!(row.finished_at.is_some());
    crate::counting::check(&driver, &mut stranger, "failed").await;
}

/// A running row whose id is none, and shall be cancelled, does not keep the file from being opened or watched.
#[tokio::test]
async fn a_broken_row_does_not_stop_those_who_watch() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    driver.store(jobs(1)).await;
    driver.take(1).await;
    run(&mut stranger, "UPDATE queue_jobs SET cancel_requested = 1, id = x'01'").await;
    let other = place.open().await;
    let queues = ["mail".into()];
    let wake = other.wake(&queues);
    run(&mut stranger, "UPDATE queue_jobs SET id = x'0202'").await;
    driver.store(jobs(1)).await;
    assert!(wake.await.unwrap().work);
}

/// A queue whose name is no text is left where it is, and the others are served.
#[tokio::test]
async fn a_queue_whose_name_is_no_text_does_not_hide_the_others() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    driver.store(vec![job_in("good")]).await;
    run(&mut stranger, "INSERT INTO queue_queues (name, available) VALUES (CAST(x'61ff' AS TEXT), 1)").await;
    run(
        &mut stranger,
        "INSERT INTO queue_workers VALUES (x'01', CAST(x'ff' AS TEXT), '', -1, -1, -1, 'x', -1, -1, 'odd', 'odd', 'no list')",
    )
    .await;
    let names: Vec<_> = driver.queues().await.unwrap().into_iter().map(|row| row.name.to_string()).collect();
    assert!(names.contains(&"good".to_owned()), "{names:?}");
    assert_eq!(driver.inside().counts().await.unwrap().queues["good"].state(JobState::Available), 1);
    assert_eq!(driver.inside().workers().await.unwrap().len(), 1);
    assert_eq!(driver.fetch(&request_of(&["good"], 5)).await.unwrap().len(), 1);
}

/// Who acts on a row of an unknown state is told so, and nobody else is concerned.
#[tokio::test]
async fn an_unknown_state_is_an_error_of_its_row_alone() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    let all = jobs(3);
    driver.store(all.clone()).await;
    forge(&mut stranger, all[0].id, "state", "'pondering'").await;
    for error in [
        driver.inside().cancel(all[0].id).await.unwrap_err(),
        driver.inside().retry(all[0].id).await.unwrap_err(),
        driver.inside().forget(all[0].id).await.unwrap_err(),
        driver.inside().job(all[0].id).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(chain(&error).contains("`pondering` is no state of a job"), "{error:?}");
    }
    assert_eq!(driver.inside().jobs(&Filter::new()).await.unwrap().jobs.len(), 2, "the others are listed");
    assert_eq!(driver.take(5).await.len(), 2);
}

/// Times of the store that lie far ahead or behind keep the jobs of the dead for no longer than a step of the clock does.
#[tokio::test]
async fn times_of_the_store_that_were_forged_keep_nobody_alive() {
    for (column, value) in
        [("rescue_from", i64::MAX), ("rescue_from", i64::MIN), ("heard_at", i64::MAX), ("heard_at", i64::MIN), ("heard_at", -1)]
    {
        let place = Place::new();
        let (driver, mut stranger) = (place.open().await, place.stranger().await);
        driver.store(jobs(1)).await;
        driver.take(1).await;
        driver.tend().await;
        run(&mut stranger, &format!("UPDATE queue_store SET {column} = {value}")).await;
        let mut rescued = 0;
        for _ in 0..9 {
            place.clock.advance(Duration::from_secs(5));
            rescued += driver.tend().await.rescued;
        }
        assert_eq!(rescued, 1, "{column} = {value}");
    }
}

/// Whoever empties the tables by hand has an empty queue that works, dead workers included.
#[tokio::test]
async fn tables_that_were_emptied_by_hand_go_on() {
    let place = Place::new();
    let (driver, mut stranger) = (place.open().await, place.stranger().await);
    driver.store(jobs(3)).await;
    for table in ["jobs", "queues", "workers", "ticks", "store"] {
        run(&mut stranger, &format!("DELETE FROM queue_{table}")).await;
    }
    driver.store(jobs(2)).await;
    place.open().await;
    assert_eq!(driver.take(2).await.len(), 2);
    for _ in 0..9 {
        place.clock.advance(Duration::from_secs(10));
        driver.tend().await;
    }
    assert_eq!(driver.take(5).await.len(), 2, "their worker is dead");
    driver.inside().pause("mail").await.unwrap();
    crate::counting::check(&driver, &mut stranger, "emptied").await;
}

/// What went wrong in a run is kept, whatever a stranger wrote before it.
#[tokio::test]
async fn errors_are_kept_behind_what_a_stranger_wrote() {
    for (value, kept) in [
        ("'no json'", 1),
        ("'{\"a\":1}'", 1),
        ("'5'", 1),
        ("'[1,[],null]'", 1),
        ("'[[1,5,\"old\"],3]'", 2),
        ("CAST(x'ff' AS TEXT)", 1),
    ] {
        let place = Place::new();
        let (driver, mut stranger) = (place.open().await, place.stranger().await);
        let all = jobs(2);
        driver.store(all.clone()).await;
        let taken = driver.take(2).await;
        run(&mut stranger, &format!("UPDATE queue_jobs SET errors = {value}")).await;
        driver.end(&taken[..1], fail()).await;
        let mut limits = MaintainLimits::default();
        limits.max_rescues = 1;
        let mut failed = 0;
        for _ in 0..6 {
            place.clock.advance(Duration::from_secs(10));
            failed += driver.maintain(&limits).await.unwrap().failed.len();
        }
        assert_eq!(failed, 1, "{value}");
        for id in [all[0].id, all[1].id] {
            let errors = driver.look(id).await.unwrap().errors;
            assert_eq!(errors.len(), kept, "{value}: {errors:?}");
        }
    }
}
