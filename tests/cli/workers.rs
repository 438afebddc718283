//! Telling workers something.

use queue::drivers::Told;

use crate::place::on_both;
use crate::store::{beat, dead, worker};

on_both! {
    async fn workers_read_what_they_are_told(place) {
        let driver = place.open().await;
        let (one, two, gone) = (worker(1, &[("mail", 1)]), worker(2, &[("mail", 1)]), dead(3, &[("mail", 1)]));
        for worker in [&one, &two, &gone] {
            beat(&driver, worker).await;
        }
        let ran = place.craft("queue:quiet web-1").run().done();
        assert_eq!(ran, format!("told {} (web-1 on here, process 4242)\n", one.id));
        assert_eq!(driver.renew(&one, &[]).await.unwrap().told, Some(Told::Quiet));
        assert_eq!(driver.renew(&two, &[]).await.unwrap().told, None);
        place.craft("queue:restart").arg(two.id.to_string()).run().done();
        assert_eq!(driver.renew(&two, &[]).await.unwrap().told, Some(Told::Restart));
        let told = place.craft("queue:restart --all -o json").run().json();
        assert_eq!(told["told"].as_array().unwrap().len(), 2, "a dead one hears nothing");
        assert_eq!(driver.renew(&one, &[]).await.unwrap().told, Some(Told::Restart));
        assert_eq!(place.craft("queue:quiet here").run().done().lines().count(), 2, "by host");
        driver.close().await.unwrap();
    }

    async fn a_worker_that_is_not_there_ends_with_code_3(place) {
        let driver = place.open().await;
        beat(&driver, &dead(3, &[("mail", 1)])).await;
        for words in ["queue:quiet web-3", "queue:restart --all", "queue:quiet nobody"] {
            place.craft(words).run().refused(3, &["no live worker is meant", "`queue:workers` lists them"]);
        }
        driver.close().await.unwrap();
    }
}

#[test]
fn which_workers_are_meant_has_to_be_said() {
    crate::craft::craft("queue:quiet").run().refused(2, &["--all"]);
    crate::craft::craft("queue:quiet --all web-1").run().refused(2, &["--all"]);
}
