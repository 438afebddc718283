//! `queue:work`: what signals do to it.

use queue::JobState;
use queue::drivers::WorkerState;

use crate::place::{Place, stored};
use crate::process::{Running, eventually};

on_every_store!(
    the_first_signal_lets_what_runs_end,
    what_outlasts_the_grace_is_given_back_with_its_attempt,
    a_second_signal_gives_back_what_runs_at_once,
    a_quiet_worker_takes_no_more_and_goes_on_with_what_runs,
    it_says_what_runs_when_it_is_asked,
    a_terminal_that_goes_away_changes_nothing,
);

const DEAF: &str = r#"{"deaf":true}"#;

async fn the_first_signal_lets_what_runs_end(place: Place) {
    for (signal, states) in [("TERM", "completed 1"), ("INT", "completed 2")] {
        place.push([stored("Waits", "{}")]).await;
        let mut worker = Running::work(&place, &[]);
        worker.until("waiting");
        worker.signal(signal);
        worker.until("stopping: what runs may end; a second signal gives it back at once");
        worker.end().ends_with(0).complains("told to stop");
        assert_eq!(place.states().await, states);
    }
    // With nothing that runs it ends as well.
    let worker = Running::work(&place, &[]);
    worker.signal("TERM");
    worker.end().ends_with(0);
}

async fn what_outlasts_the_grace_is_given_back_with_its_attempt(place: Place) {
    place.push([stored("Waits", DEAF)]).await;
    let mut worker = Running::work(&place, &["--shutdown-timeout", "1s"]);
    worker.until("waiting");
    worker.signal("TERM");
    worker.end().ends_with(124).says("Given back").complains("0 completed meanwhile, 1 given back, 0 abandoned");
    let rows = place.rows().await;
    assert_eq!((rows[0].state, rows[0].attempt, rows[0].errors.len()), (JobState::Available, 0, 0));
}

async fn a_second_signal_gives_back_what_runs_at_once(place: Place) {
    for (signals, code) in [(["TERM", "TERM"], 143), (["INT", "INT"], 130), (["TERM", "INT"], 130)] {
        if code == 143 {
            place.push([stored("Waits", DEAF)]).await;
        }
        // By its own it would wait longer than a test may.
        let mut worker = Running::work(&place, &["--shutdown-timeout", "1h"]);
        worker.until("waiting");
        worker.signal(signals[0]);
        worker.until("stopping:");
        worker.signal(signals[1]);
        worker.end().ends_with(code).complains("a second signal: what runs is given back");
        let rows = place.rows().await;
        assert_eq!((rows[0].state, rows[0].attempt), (JobState::Available, 0));
    }
}

async fn a_quiet_worker_takes_no_more_and_goes_on_with_what_runs(place: Place) {
    place.push([stored("Waits", "{}")]).await;
    let mut worker = Running::work(&place, &[]);
    worker.until("waiting");
    worker.signal("TSTP");
    worker.until("quiet: it takes no more jobs");
    place.push([stored("Greet", r#"{"name":"x"}"#)]).await;
    let queue = place.queue().await;
    eventually("it is listed as quiet", || async {
        queue.workers().await.unwrap().iter().any(|row| row.state == WorkerState::Quiet)
    })
    .await;
    worker.signal("USR1");
    worker.until("1 job running");
    worker.signal("TERM");
    worker.end().ends_with(0).complains("told to stop");
    queue.shutdown().await.unwrap();
    let rows: Vec<_> = place.rows().await.into_iter().map(|row| (row.state, row.attempt)).collect();
    assert_eq!(rows, [(JobState::Completed, 1), (JobState::Available, 0)]);
}

async fn it_says_what_runs_when_it_is_asked(place: Place) {
    let ids = place.push([stored("Waits", "{}")]).await;
    let mut worker = Running::work(&place, &[]);
    worker.until("waiting");
    worker.signal("USR1");
    worker.until("1 job running");
    let line = worker.until(", attempt 1 of 20, for ");
    assert!(line.starts_with(&format!("  Waits {} in `default`, attempt 1 of 20, for ", ids[0])), "{line}");
    // Also while it stops.
    place.push([stored("Waits", DEAF)]).await;
    worker.until("waiting");
    worker.signal("TERM");
    worker.until("Done");
    worker.signal("USR1");
    worker.until("1 job running");
    worker.signal("TERM");
    worker.end().ends_with(143);
}

async fn a_terminal_that_goes_away_changes_nothing(place: Place) {
    place.push([stored("Waits", "{}")]).await;
    let mut worker = Running::work(&place, &[]);
    worker.until("waiting");
    worker.signal("HUP");
    worker.signal("USR1");
    worker.until("1 job running");
    place.push([stored("Greet", r#"{"name":"x"}"#)]).await;
    worker.until("hello x");
    worker.signal("TERM");
    worker.end().ends_with(0);
    assert_eq!(place.states().await, "completed 2");
}
