//! Eight processes on one file: nobody hears that it is busy.

use std::time::Duration;

use queue_tests::ledger::Event;

use crate::checker::Allowed;
use crate::site::{Site, say};

/// For how long they go on. `QUEUE_CRASH_SECONDS` says otherwise, for more than CI has time for.
const SECONDS: u64 = 8;
/// What a transaction of the user answers when his runtime ends around it: the connection is his.
const USERS_END: &str = "A Tokio 1.x context was found, but it is being shutdown";
/// The lease of the workers, in milliseconds: that of real ones.
const LEASE: &str = "30000";

#[tokio::test]
async fn eight_processes_share_a_file() {
    share(Site::new()).await;
}

/// Eight processes go on for a while, and end or are killed.
pub(crate) async fn share(site: Site) {
    let seconds =
        std::env::var("QUEUE_CRASH_SECONDS").map_or(SECONDS, |text| text.parse().expect("`QUEUE_CRASH_SECONDS` is a number"));
    let roles = ["does-both", "does-both", "does-both", "does-both", "works", "works", "pushes", "acts"];
    let how = |role| if role == "works" { ["200", LEASE] } else { ["1000000", LEASE] };
    let processes: Vec<_> = (1..).zip(roles).map(|(seed, role)| site.start(role, seed, &how(role))).collect();
    for process in &processes {
        process.expect("opened");
    }
    processes[0].go_on(Duration::from_secs(seconds));
    // They end while the others go on.
    for (process, role) in processes.into_iter().zip(roles) {
        match role {
            "does-both" | "works" => {
                process.signal("-TERM");
                assert!(process.wait().success(), "`{role}` ends well");
            }
            _ => process.kill(),
        }
    }
    let entries = site.entries();
    let confirmed = entries.iter().filter(|entry| matches!(entry.event, Event::PushConfirmed { .. })).count();
    say(&format!("{confirmed} pushes were confirmed in {seconds} s"));
    assert!(confirmed > 100, "{confirmed} pushes only were confirmed");
    let heard: Vec<_> = ["locked", "busy"].iter().flat_map(|word| site.logged(word)).collect();
    assert!(heard.is_empty(), "{heard:?}");
    let refused = entries.iter().filter_map(|entry| match &entry.event {
        Event::PushRefused { error, .. } => Some(error),
        _ => None,
    });
    let refused: Vec<_> = refused.filter(|error| !error.contains("closed") && !error.contains(USERS_END)).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let dump = site.settle(Allowed { refusals: true, ..Allowed::default() }).await;
    let rescued: Vec<_> = dump.rows.iter().filter(|row| row.rescues > 0).collect();
    assert!(rescued.is_empty(), "no worker died, and its jobs were taken back: {rescued:?}");
}
