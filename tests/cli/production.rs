//! In production what removes or stops is confirmed by that word.

use crate::craft::Craft;
use crate::place::Place;
use crate::store::{beat, id, states, worker};
use crate::terminal::{answer, three_failed};

fn production(craft: Craft) -> Craft {
    craft.env("QUEUE_ENV", "production")
}

#[tokio::test]
async fn a_yes_is_not_enough_in_production() {
    let place = Place::file();
    let driver = three_failed(&place).await;
    beat(&driver, &worker(1, &[("mail", 1)])).await;
    let named = format!("queue:forget {}", id(1));
    for words in ["queue:retry all --yes", &named, "queue:prune --failed 0s --yes", "queue:clear mail -y --confirm prod"] {
        let said = ["this is production", "write --confirm production"];
        if words.contains("clear") {
            // Nothing waits there: nothing is asked.
            production(place.craft(words)).run().code(0).says(&["no job fits"]);
        } else {
            production(place.craft(words)).run().refused(2, &said);
            place.craft(words).arg("--env=production").run().refused(2, &said);
        }
    }
    production(place.craft("queue:restart --all")).run().refused(2, &["this is production", "tell 1 worker?"]);
    assert_eq!(states(&driver).await, ["failed"; 3]);
    production(place.craft("queue:retry all --dry-run")).run().code(0).says(&["would retry 3 jobs"]);
    production(place.craft("queue:retry all --yes --confirm staging")).run().refused(2, &["this is production"]);
    let done = production(place.craft("queue:retry all --confirm production")).run().done();
    assert_eq!(done, "retried 3 jobs\n");
    driver.close().await.unwrap();
}

#[tokio::test]
async fn a_production_is_known_however_it_is_written() {
    let place = Place::file();
    let driver = three_failed(&place).await;
    for label in ["Production", "PROD", " production "] {
        let craft = place.craft("queue:retry all --yes").env("QUEUE_ENV", label);
        craft.run().refused(2, &["write --confirm"]);
    }
    assert_eq!(states(&driver).await, ["failed"; 3]);
    driver.close().await.unwrap();
}

#[tokio::test]
async fn a_production_is_known_by_either_word_and_a_staging_is_none() {
    let place = Place::file();
    let driver = three_failed(&place).await;
    place.craft("queue:retry all --yes").env("QUEUE_ENV", "prod").run().refused(2, &["this is prod", "--confirm prod"]);
    assert_eq!(place.craft("queue:retry all --yes").env("QUEUE_ENV", "staging").run().done(), "retried 3 jobs\n");
    driver.close().await.unwrap();
}

#[tokio::test]
async fn workers_of_production_are_told_with_the_word() {
    let place = Place::file();
    let driver = place.open().await;
    beat(&driver, &worker(1, &[("mail", 1)])).await;
    let told = production(place.craft("queue:quiet --all --confirm production")).run().done();
    assert!(told.starts_with("told "), "{told}");
    driver.close().await.unwrap();
}

#[tokio::test]
async fn on_a_terminal_the_word_itself_is_asked_for() {
    let place = Place::file();
    let driver = three_failed(&place).await;
    let variables = [("QUEUE_ENV", "production")];
    let question = "This is production. retry 3 jobs (state:failed)? Write `production` to do it: ";
    for wrong in ["y", "yes", "Production"] {
        let Some((seen, code)) = answer(&place, "queue:retry all --yes", &variables, question, wrong) else { return };
        assert!(seen.contains("nothing was done") && code == 1, "{seen}");
    }
    assert_eq!(states(&driver).await, ["failed"; 3]);
    let done = answer(&place, "queue:retry all", &variables, question, "production");
    assert!(done.is_some_and(|(_, code)| code == 0));
    assert_eq!(states(&driver).await, ["available"; 3]);
    driver.close().await.unwrap();
}
