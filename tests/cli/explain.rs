//! Why a job does not run: each reason, in a store that was made for it.

use std::sync::Arc;
use std::time::Duration;

use queue::Clock;
use queue::drivers::{Driver, Due, NewJob, WorkerRow, WorkerState};
use queue::job::Outcome;

use crate::place::{Place, inside, on_both};
use crate::store::{LONG, beat, dead, end, extra, fail, id, job, keyed, push, run, worker};

/// The words for programs, and the text and the remedies for people.
async fn reasons(place: &Place, driver: &Arc<dyn Driver>) -> (Vec<String>, String) {
    let reasons = of(place, 1);
    driver.close().await.unwrap();
    reasons
}

fn of(place: &Place, number: u128) -> (Vec<String>, String) {
    let explain = || place.craft("queue:explain").arg(id(number).to_string());
    let document = explain().env("QUEUE_OUTPUT", "json").run().code(0).json();
    let codes = document["reasons"].as_array().unwrap().iter().map(|reason| reason["code"].as_str().unwrap().to_owned());
    (codes.collect(), explain().run().done())
}

#[track_caller]
fn check((codes, text): (Vec<String>, String), wanted: &[&str], words: &[&str]) {
    assert_eq!(codes, wanted, "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in {text}");
    }
}

/// A store with this job, which a worker with free slots would run.
async fn served(place: &Place, job: NewJob) -> Arc<dyn Driver> {
    let driver = place.open().await;
    push(&driver, vec![job]).await;
    beat(&driver, &worker(1, &[("mail", 2)])).await;
    driver
}

on_both! {
    async fn a_scheduled_job_waits_for_its_time(place) {
        let driver = served(&place, NewJob { due: Due::In(LONG), ..job(1) }).await;
        check(reasons(&place, &driver).await, &["scheduled"], &["is scheduled", "due in 23h 59m"]);
    }

    async fn a_failed_attempt_waits_for_the_next(place) {
        let driver = served(&place, job(1)).await;
        end(&driver, id(1), Outcome::Retry { delay: LONG, error: "no".to_owned() }).await;
        check(reasons(&place, &driver).await, &["retry_waits"], &["attempt 1 of 3 failed", "due in 23h 59m"]);
    }

    async fn a_job_that_is_due_waits_to_be_made_available(place) {
        // The store knows a job as scheduled until a worker looks, and no worker looks here.
        let driver = served(&place, NewJob { due: Due::In(Duration::from_micros(1)), ..job(1) }).await;
        while std::time::SystemTime::now() <= crate::store::rows(&driver).await[0].due_at {}
        check(reasons(&place, &driver).await, &["not_promoted"], &["it is due"]);
    }

    async fn a_paused_queue_is_named_with_what_goes_on(place) {
        let driver = served(&place, job(1)).await;
        inside(&driver).pause("mail").await.unwrap();
        check(reasons(&place, &driver).await, &["paused", "in_turn"], &["`mail` is paused", "`craft queue:resume mail` goes on"]);
    }

    async fn without_a_worker_nothing_runs(place) {
        let driver = place.open().await;
        push(&driver, vec![job(1)]).await;
        beat(&driver, &dead(1, &[("mail", 1)])).await;
        check(reasons(&place, &driver).await, &["no_worker"], &["no worker lives", "`craft queue:work` starts one"]);
    }

    async fn a_queue_that_nobody_serves_has_the_near_name_said(place) {
        let driver = served(&place, NewJob { queue: "mial".into(), ..job(1) }).await;
        push(&driver, vec![NewJob { queue: "reports".into(), ..job(2) }]).await;
        check(of(&place, 2), &["queue_unserved"], &["serves the queue `reports`", "`craft queue:work --queue reports`"]);
        check(reasons(&place, &driver).await, &["queue_unserved"], &["serves the queue `mial`", "`mail` is served"]);
    }

    async fn a_kind_that_no_worker_knows_is_said(place) {
        let driver = served(&place, NewJob { kind: "Strange".into(), ..job(1) }).await;
        push(&driver, vec![NewJob { kind: "Purges".into(), ..job(2) }]).await;
        check(of(&place, 2), &["kind_unknown"], &["knows the kind `Purges`", "this program knows it"]);
        check(reasons(&place, &driver).await, &["kind_unknown"], &["knows the kind `Strange`", "renamed without an alias"]);
    }

    async fn quiet_workers_take_nothing(place) {
        let driver = served(&place, job(1)).await;
        beat(&driver, &WorkerRow { state: WorkerState::Quiet, ..worker(1, &[("mail", 2)]) }).await;
        check(reasons(&place, &driver).await, &["workers_quiet"], &["quiet or stopping"]);
    }

    async fn a_newer_version_waits_for_a_newer_program(place) {
        let driver = served(&place, NewJob { version: 9, ..job(1) }).await;
        check(reasons(&place, &driver).await, &["version_newer"], &["has version 9", "knows 1"]);
    }

    async fn arguments_that_cannot_be_read_are_told_before_they_fail(place) {
        let driver = served(&place, NewJob { payload: (*b"{}").into(), ..job(1) }).await;
        let words = ["cannot read its arguments", "missing field `name`", "craft check --store"];
        check(reasons(&place, &driver).await, &["undecodable", "in_turn"], &words);
    }

    async fn slots_can_be_taken(place) {
        let driver = served(&place, job(1)).await;
        push(&driver, vec![job(2), job(3)]).await;
        for number in [2, 3] {
            run(&driver, id(number), worker(1, &[]).id).await;
        }
        check(reasons(&place, &driver).await, &["slots_taken"], &["all 2 slots", "2 run", "1 are available", "more workers"]);
    }

    async fn a_job_that_nothing_holds_up_begins_in_its_turn(place) {
        let driver = served(&place, job(1)).await;
        push(&driver, vec![job(2)]).await;
        check(reasons(&place, &driver).await, &["in_turn"], &["in its turn", "2 are available"]);
    }

    async fn a_job_that_runs_has_its_worker_named(place) {
        let driver = served(&place, job(1)).await;
        run(&driver, id(1), worker(1, &[]).id).await;
        check(reasons(&place, &driver).await, &["running"], &["on worker 00000000-0000-4000-8000-000000000001 (web-1, process 4242)"]);
    }

    async fn a_dead_worker_is_said_to_be_so(place) {
        let driver = served(&place, job(1)).await;
        beat(&driver, &dead(2, &[("mail", 1)])).await;
        run(&driver, id(1), worker(2, &[]).id).await;
        check(reasons(&place, &driver).await, &["worker_dead"], &["not heard of any more", "handed out again"]);
    }

    async fn a_held_job_waits_for_others(place) {
        let driver = served(&place, NewJob { extra: extra(|extra| extra.held = true), ..job(1) }).await;
        check(reasons(&place, &driver).await, &["held"], &["its chain or its batch"]);
    }

    async fn an_ended_job_says_whether_it_can_be_retried(place) {
        let driver = served(&place, keyed(1, "ada")).await;
        end(&driver, id(1), fail("no")).await;
        let again = format!("`craft queue:retry {}` runs it again, unless a live job has its unique key by now", id(1));
        check(of(&place, 1), &["ended"], &["it is failed", &again]);
        push(&driver, vec![keyed(2, "ada"), job(3)]).await;
        // The store says it when it is tried.
        let refused = place.craft("queue:retry").arg(id(1).to_string()).run().code(3);
        assert!(refused.out.contains("unique key"), "{refused:?}");
        end(&driver, id(3), Outcome::Complete).await;
        let (codes, text) = of(&place, 3);
        assert!(!text.contains("retr"), "{text}");
        check((codes, text), &["ended"], &["it is completed"]);
        driver.close().await.unwrap();
    }

    async fn a_worker_whose_clock_is_ahead_lives(place) {
        let clock = Clock::manual();
        let driver = place.open_by(clock.clone()).await;
        push(&driver, vec![job(1)]).await;
        clock.advance(Duration::from_secs(3_600));
        beat(&driver, &worker(1, &[("mail", 2)])).await;
        check(reasons(&place, &driver).await, &["in_turn"], &["in its turn"]);
    }
}
