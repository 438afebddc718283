//! `queue:work` under a service manager.

#![cfg(target_os = "linux")]

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use queue_tests::probe::PATIENCE;

use crate::place::{Place, stored};
use crate::process::{Running, jobbed};

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, folder }
    }

    fn told(&self) -> String {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).trim_end().to_owned()
    }

    /// Whether there is nothing more.
    fn is_silent(&self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        self.socket.recv(&mut [0; 4096]).is_err()
    }

    /// A worker as the manager starts it; its watchdog is that of this process, or of another one.
    fn work(&self, place: &Place, watchdog: Option<&str>) -> Running {
        let mut command: Command = jobbed(place, &[]);
        let binary = command.get_program().to_owned();
        let shell = match watchdog {
            Some(process) => format!("WATCHDOG_USEC=100000 WATCHDOG_PID={process} exec \"$@\""),
            None => "exec \"$@\"".to_owned(),
        };
        command = Command::new("sh");
        command.args(["-c", &shell, "sh"]).arg(binary).args(["queue:work", "--shutdown-timeout", "1h"]);
        command.env("QUEUE_URL", place.url()).env("NOTIFY_SOCKET", self.folder.path().join("notify")).stdin(Stdio::null());
        Running::start(&mut command)
    }
}

on_every_store!(a_manager_is_told_that_it_is_ready_and_that_it_stops, the_watchdog_is_fed_while_the_worker_is_healthy);

async fn a_manager_is_told_that_it_is_ready_and_that_it_stops(place: Place) {
    for watchdog in [None, Some("1")] {
        place.push([stored("Waits", r#"{"deaf":true}"#)]).await;
        let manager = Manager::new();
        let mut worker = manager.work(&place, watchdog);
        worker.until("waiting");
        assert_eq!(manager.told(), "READY=1");
        worker.signal("TERM");
        assert_eq!(manager.told(), "STOPPING=1");
        worker.signal("TERM");
        worker.end().ends_with(143);
        assert!(manager.is_silent(), "nobody asked for a watchdog, or one of another process did");
    }
}

async fn the_watchdog_is_fed_while_the_worker_is_healthy(place: Place) {
    place.push([stored("Waits", r#"{"deaf":true}"#)]).await;
    let manager = Manager::new();
    let mut worker = manager.work(&place, Some("$$"));
    worker.until("waiting");
    let mut told: Vec<_> = (0..4).map(|_| manager.told()).collect();
    told.sort();
    assert_eq!(told, ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
    worker.signal("TERM");
    while manager.told() != "STOPPING=1" {}
    // A stop that takes long is no reason to kill it.
    while manager.told() != "WATCHDOG=1" {}
    worker.signal("TERM");
    worker.end().ends_with(143);
}

#[test]
fn a_manager_that_is_gone_is_none() {
    let place = Place::file();
    let manager = Manager::new();
    let socket = manager.folder.path().join("nobody");
    let mut command = jobbed(&place, &["queue:work", "--once"]);
    crate::process::run(command.env("NOTIFY_SOCKET", socket)).ends_with(0).complains("the service manager cannot be told");
}
