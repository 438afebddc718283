//! What tables look like, on both stores the same.

use crate::filled::{fail_evil, fill};
use crate::place::on_both;
use crate::snapshot::alike;
use crate::store::id;

/// The name of a snapshot, and the words of the command.
const TABLES: [(&str, &str); 12] = [
    ("table-list", "queue:list"),
    ("table-show", "queue:show mail"),
    ("table-show-paused", "queue:show reports"),
    ("table-jobs", "queue:jobs"),
    ("table-jobs-oldest", "queue:jobs --oldest-first -n 3"),
    ("table-failed", "queue:failed"),
    ("table-failed-wide", "queue:failed --wide"),
    ("table-failed-group", "queue:failed --group"),
    ("table-workers", "queue:workers"),
    ("table-workers-alive", "queue:workers --alive"),
    ("table-stats", "stats"),
    ("table-migrate-status", "migrate --status"),
];

/// What would end in a terminal as it is.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || !c.is_control())
}

on_both! {
    async fn tables_are_the_same_on_every_store_and_control_no_terminal(place) {
        let driver = fill(&place).await;
        driver.close().await.unwrap();
        for (name, words) in TABLES {
            let ran = place.craft(words).run().code(0);
            assert!(is_plain(&ran.out) && is_plain(&ran.err), "{words}: {ran:?}");
            alike(name, &format!("{}{}", ran.out, ran.err));
        }
    }

    async fn a_job_is_shown_with_all_that_is_known_of_it(place) {
        let driver = fill(&place).await;
        for (name, number) in [("job-full", 3), ("job-running", 4), ("job-completed", 6), ("job-failed", 7), ("job-evil", 9)] {
            let out = place.craft("queue:job").arg(id(number).to_string()).run().done();
            assert!(is_plain(&out), "{out:?}");
            alike(name, &out);
        }
        driver.close().await.unwrap();
    }

    async fn a_monitor_says_which_limits_are_passed_and_ends_with_code_4(place) {
        let driver = fill(&place).await;
        fail_evil(&driver).await;
        driver.close().await.unwrap();
        let ran = place.craft("queue:monitor --max-size 2 --max-failed 1").run().code(4);
        assert!(is_plain(&ran.out), "{ran:?}");
        alike("table-monitor", &ran.out);
        let out = place.craft("queue:monitor mail nowhere --max-size 10 --max-failed 10").run().done();
        alike("table-monitor-well", &out);
        place.craft("queue:monitor mail --max-age 0s").run().code(4);
    }

    async fn an_explanation_is_lines_for_people(place) {
        let driver = fill(&place).await;
        driver.close().await.unwrap();
        for (name, number) in [("explain-held", 1), ("explain-scheduled", 2), ("explain-failed", 7), ("explain-evil", 11)] {
            let out = place.craft("queue:explain").arg(id(number).to_string()).run().done();
            assert!(is_plain(&out), "{out:?}");
            alike(name, &out);
        }
    }

    async fn what_is_not_there_is_said_with_code_3(place) {
        let driver = fill(&place).await;
        driver.close().await.unwrap();
        place.craft("queue:show mial").run().refused(3, &["error: there is no queue `mial`", "hint: did you mean `mail`?"]);
        place.craft("queue:show x\u{1b}y").run().refused(2, &["no control characters"]);
        for command in ["queue:job", "queue:explain"] {
            let unknown = id(99).to_string();
            place.craft(command).arg(&unknown).run().refused(3, &["there is no job", &unknown, "hint: "]);
        }
        let nothing = place.craft("queue:jobs kind:Nobody").run().code(0).says(&["no job fits"]);
        assert_eq!(nothing.out.lines().count(), 1, "the head alone");
    }
}
