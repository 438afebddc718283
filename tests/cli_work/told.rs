//! What other processes tell a worker. It hears of that when it renews its lease, every 10 s: these tests are slow.

use queue::drivers::WorkerState;

use crate::place::{Place, stored};
use crate::process::{Running, eventually, ran};

on_every_store!(a_worker_is_told_to_be_quiet_and_then_to_restart);

async fn a_worker_is_told_to_be_quiet_and_then_to_restart(place: Place) {
    place.push([stored("Waits", "{}")]).await;
    let mut told = Running::work(&place, &["--name", "told"]);
    told.until("waiting");
    let other = Running::work(&place, &["--name", "other", "--exclude", "mail"]);
    let queue = place.queue().await;
    let state = async |name: &str| queue.workers().await.unwrap().into_iter().find(|row| row.name == name).map(|row| row.state);
    eventually("both are listed", async || state("told").await.is_some() && state("other").await.is_some()).await;

    ran(&place, &["queue:quiet", "nobody"]).ends_with(3);
    ran(&place, &["queue:quiet", "told"]).ends_with(0).says(&format!("process {}", told.id()));
    eventually("it is quiet", async || state("told").await == Some(WorkerState::Quiet)).await;
    assert_eq!(state("other").await, Some(WorkerState::Running));
    // Nobody takes what is pushed now.
    place.push([stored("Waits", "{}"), queue::drivers::NewJob::new("Greet", "mail", br#"{"name":"x"}"#)]).await;
    told.signal("USR1");
    told.until("1 job running");

    ran(&place, &["queue:restart", "told"]).ends_with(0);
    told.until("stopping: told to restart");
    told.end().ends_with(0).complains("told to stop");
    other.signal("TERM");
    other.end().ends_with(0);
    queue.shutdown().await.unwrap();
    assert_eq!(place.states().await, "available 1, completed 2");
}
