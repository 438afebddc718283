//! A store with something of everything, for what looks at it.

use std::sync::Arc;

use queue::drivers::{Driver, Due, NewJob, Renewal, Settlement, WorkerRow};
use queue::job::{Outcome, Progress};
use serde_json::json;

use crate::place::{Place, inside};
use crate::store::{LONG, beat, dead, end, extra, fail, id, job, push, run, worker};

/// What would move the cursor, set the title and ring, if a terminal were told.
pub(crate) const EVIL: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\revil";

/// A job in every state, a queue that is paused, a live and a dead worker, and names that would control a terminal.
pub(crate) async fn fill(place: &Place) -> Arc<dyn Driver> {
    let driver = place.open().await;
    let hold = |job: NewJob| NewJob { extra: extra(|extra| extra.held = true), queue: "reports".into(), ..job };
    let full = NewJob {
        priority: 5,
        version: 2,
        extra: extra(|extra| {
            extra.unique_key = Some("Greet:ada".to_owned());
            extra.tags = vec!["vip".to_owned(), "eu".to_owned()];
            extra.meta = json!({ "trace": "4bf92f35", "tenant": 7 }).as_object().unwrap().clone();
        }),
        ..job(3)
    };
    let evil = NewJob { id: id(11), ..NewJob::new(EVIL, EVIL, b"{}") };
    let kept = [job(4), job(5), job(6), job(7), job(8), job(9), job(10)];
    let mut jobs = vec![hold(job(1)), NewJob { due: Due::In(LONG), ..job(2) }, full];
    jobs.extend(kept.map(|job| NewJob { kind: "Fails".into(), payload: br#"{"code":500}"#[..].into(), ..job }));
    jobs.push(evil);
    push(&driver, jobs).await;
    let lives = WorkerRow { running: 1, ..worker(1, &[("mail", 4), ("default", 2)]) };
    beat(&driver, &lives).await;
    beat(&driver, &WorkerRow { name: EVIL.to_owned(), host: EVIL.to_owned(), ..dead(2, &[(EVIL, 1)]) }).await;
    let lease = run(&driver, id(4), lives.id).await;
    let progress = Some(Progress::new(40, "four of ten"));
    driver.renew(&lives, &[Renewal { lease, progress }]).await.unwrap();
    end(&driver, id(5), Outcome::Retry { delay: LONG, error: "the gateway answered 502".to_owned() }).await;
    end(&driver, id(6), Outcome::Complete).await;
    end(&driver, id(7), fail("user 42: timed out after 30s\ncaused by: connection reset")).await;
    end(&driver, id(8), fail("user 43: timed out after 31s\ncaused by: connection reset")).await;
    end(&driver, id(9), fail(&format!("{EVIL} {}", "long ".repeat(20)))).await;
    end(&driver, id(10), Outcome::Cancel { reason: Some("not wanted any more".to_owned()) }).await;
    inside(&driver).pause("reports").await.unwrap();
    driver
}

/// One more that failed, in a queue with a name for terminals.
pub(crate) async fn fail_evil(driver: &Arc<dyn Driver>) {
    let lease = run(driver, id(11), worker(2, &[]).id).await;
    driver.settle(&[Settlement::new(lease, fail(EVIL))]).await.unwrap();
}
