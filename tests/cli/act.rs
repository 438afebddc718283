//! What changes jobs: by their ids, by a filter, and all.

use queue::drivers::NewJob;
use queue::job::Outcome;

use crate::place::{Place, on_both};
use crate::store::{end, fail, id, job, jobs, push, rows, run, states, worker};

/// 1 and 2 failed, 3 waits, 4 runs, 5 waits elsewhere.
async fn five(place: &Place) -> std::sync::Arc<dyn queue::drivers::Driver> {
    let driver = place.open().await;
    push(&driver, jobs(1..=4)).await;
    push(&driver, vec![NewJob { queue: "images".into(), ..job(5) }]).await;
    end(&driver, id(1), fail("no")).await;
    end(&driver, id(2), fail("no")).await;
    run(&driver, id(4), worker(1, &[]).id).await;
    driver
}

const BEFORE: [&str; 5] = ["failed", "failed", "available", "running", "available"];

on_both! {
    async fn jobs_that_are_named_need_no_yes(place) {
        let driver = five(&place).await;
        let named = |words: &str, number: u128| place.craft(words).arg(id(number).to_string());
        assert_eq!(named("queue:retry", 1).run().done(), "retried 1 job\n");
        assert_eq!(named("queue:forget", 2).run().done(), "forgot 1 job\n");
        assert_eq!(named("queue:cancel", 3).run().done(), "cancelled 1 job\n");
        let told = named("queue:cancel", 4).run().done();
        assert_eq!(told, "cancelled 1 job\nof these still running, and told to end: 1\n");
        assert_eq!(states(&driver).await, ["available", "cancelled", "running", "available"]);
        driver.close().await.unwrap();
    }

    async fn a_job_that_is_unknown_or_refuses_ends_with_code_3(place) {
        let driver = five(&place).await;
        let ran = place.craft("queue:retry").arg(id(1).to_string()).arg(id(3).to_string()).arg(id(99).to_string()).run().code(3);
        assert!(ran.out.starts_with("retried 1 job\nskipped 2 jobs\n"), "{}", ran.out);
        assert_eq!(states(&driver).await[0], "available");
        let ran = place.craft("queue:forget -o json").arg(id(3).to_string()).run().code(3).json();
        assert_eq!((&ran["done"], &ran["skipped"], &ran["skipped_jobs"][0]["id"]), (&0.into(), &1.into(), &id(3).to_string().into()));
        driver.close().await.unwrap();
    }

    async fn all_and_a_filter_are_done_with_yes(place) {
        let driver = five(&place).await;
        assert_eq!(place.craft("queue:retry all --yes").run().done(), "retried 2 jobs\n");
        assert_eq!(states(&driver).await, ["available", "available", "available", "running", "available"]);
        assert_eq!(place.craft("queue:cancel queue:images --yes").run().done(), "cancelled 1 job\n");
        assert_eq!(place.craft("queue:clear mail -y").run().done(), "cancelled 3 jobs\n");
        assert_eq!(states(&driver).await, ["cancelled", "cancelled", "cancelled", "running", "cancelled"]);
        let forgot = place.craft("queue:forget all --yes").run().code(0).says(&["no job fits state:failed"]);
        assert_eq!(forgot.out, "forgot 0 jobs\n");
        assert_eq!(place.craft("queue:forget state:cancelled --yes").run().done(), "forgot 4 jobs\n");
        assert_eq!(states(&driver).await, ["running"]);
        driver.close().await.unwrap();
    }

    async fn a_dry_run_changes_nothing(place) {
        let driver = five(&place).await;
        let before = format!("{:?}", rows(&driver).await);
        let one = id(1).to_string();
        for (words, said) in [
            ("queue:retry all --dry-run", "would retry 2 jobs (state:failed)"),
            ("queue:forget all --dry-run", "would forget 2 jobs"),
            ("queue:cancel all --dry-run --yes", "would cancel 3 jobs"),
            ("queue:clear mail --dry-run", "would cancel 1 job"),
            (&format!("queue:retry {one} {} --dry-run", id(99)), "would retry 1 of the 2 jobs that are named"),
        ] {
            let ran = place.craft(words).run().code(0).says(&[said]);
            assert!(ran.out.contains("Greet"), "{ran:?}");
        }
        assert_eq!(format!("{:?}", rows(&driver).await), before);
        driver.close().await.unwrap();
    }

    async fn where_nobody_can_be_asked_nothing_is_done(place) {
        let driver = five(&place).await;
        for words in ["queue:retry all", "queue:forget all", "queue:cancel kind:Greet", "queue:clear mail", "queue:prune"] {
            place.craft(words).run().refused(2, &["nobody can be asked here", "--yes"]);
        }
        assert_eq!(states(&driver).await, BEFORE);
        driver.close().await.unwrap();
    }

    async fn queues_are_paused_and_go_on(place) {
        let driver = five(&place).await;
        let paused = || place.craft("queue:list -o jsonl").run().json_lines().iter().filter(|queue| queue["paused"] == true).count();
        assert_eq!(place.craft("queue:pause mail later").run().done(), "paused `mail`\npaused `later`\n");
        assert_eq!(paused(), 2, "one that does not exist yet is paused, too");
        assert_eq!(place.craft("queue:pause all -o json").run().json()["paused"], serde_json::json!(["images", "later", "mail"]));
        assert_eq!(paused(), 3);
        assert_eq!(place.craft("queue:resume images").run().done(), "resumed `images`\n");
        assert_eq!(paused(), 2);
        place.craft("queue:resume all").run().done();
        assert_eq!(paused(), 0);
        driver.close().await.unwrap();
    }

    async fn old_jobs_are_pruned_by_their_age(place) {
        let clock = queue::Clock::manual();
        let driver = place.open_by(clock.clone()).await;
        push(&driver, jobs(1..=4)).await;
        end(&driver, id(1), Outcome::Complete).await;
        end(&driver, id(2), fail("no")).await;
        clock.advance(std::time::Duration::from_secs(3_600));
        // To the clock of the command it ends in an hour.
        end(&driver, id(3), Outcome::Complete).await;
        place.craft("queue:prune --yes").run().done();
        assert_eq!(states(&driver).await, ["completed", "failed", "completed", "available"]);
        assert_eq!(place.craft("queue:prune --completed 0s --yes").run().done(), "removed 1 job\n");
        assert_eq!(states(&driver).await, ["failed", "completed", "available"]);
        assert_eq!(place.craft("queue:prune --failed 0s --completed 0s -y -o json").run().json()["pruned"], 1);
        assert_eq!(states(&driver).await, ["completed", "available"]);
        place.craft("queue:prune --failed 5 --yes").run().refused(2, &["`5` is no span of time"]);
        driver.close().await.unwrap();
    }
}

#[test]
fn which_jobs_are_meant_has_to_be_said() {
    for command in ["queue:retry", "queue:forget", "queue:cancel"] {
        crate::craft::craft(&format!("{command} --yes")).run().refused(2, &["ID… | all | FILTER"]);
    }
}
