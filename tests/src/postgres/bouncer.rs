//! A real pgbouncer in front of a server.

use std::io;

use super::binaries;
use super::cluster::Cluster;
use super::daemon::{Daemon, Start};
use super::port;
use super::server::say;
use super::warden::{End, Warden};

/// As users run it: a client has a server's connection for one transaction. `max_prepared_statements` is not set, so that a statement that was
/// prepared is not there in the next one.
///
/// sqlx names `extra_float_digits` when it connects, unless it is told `.extra_float_digits(None)`; pgbouncer refuses a connection
/// that names a setting which it does not know, unless it is told to ignore that one.
const SETTINGS: [(&str, &str); 7] = [
    ("listen_addr", "127.0.0.1"),
    ("unix_socket_dir", ""),
    ("pool_mode", "transaction"),
    ("auth_type", "trust"),
    ("admin_users", "postgres"),
    ("max_client_conn", "200"),
    ("ignore_startup_parameters", "extra_float_digits"),
];

/// A pooler that ends when this is dropped, and also when the test is killed.
#[derive(Debug)]
pub struct Bouncer {
    port: u16,
    /// Until it is dropped.
    daemon: Option<Daemon>,
    warden: Warden,
}

impl Bouncer {
    /// One in front of a server, with its superuser as the only user. It has the settings of tests, and then these, as in the section
    /// `pgbouncer` of its file. A test is left out loudly where the program is missing.
    ///
    /// # Panics
    ///
    /// It is there, and did not work.
    #[must_use]
    pub fn for_test(cluster: &Cluster, settings: &[(&str, &str)]) -> Option<Self> {
        match Self::start(cluster, settings) {
            Ok(Some(bouncer)) => Some(bouncer),
            Ok(None) => {
                let test = std::thread::current().name().unwrap_or("a test").to_owned();
                say(&format!("SKIPPED {test}: `pgbouncer` is not installed (Debian: `apt-get install pgbouncer`)"));
                None
            }
            Err(error) => panic!("no pgbouncer could be started: {error}"),
        }
    }

    fn start(cluster: &Cluster, settings: &[(&str, &str)]) -> io::Result<Option<Self>> {
        let Some(program) = binaries::pgbouncer() else { return Ok(None) };
        let port = port::free();
        // Its connections need no good end, and what TERM and QUIT mean differs by its version.
        let (mut warden, account) = Warden::new()?;
        let folder = warden.folder();
        let (file, users, log) = (folder.join("pgbouncer.ini"), folder.join("users"), folder.join("log"));
        std::fs::write(&users, "\"postgres\" \"\"\n")?;
        let lines = SETTINGS.iter().chain(settings).map(|(name, value)| format!("{name} = {value}\n"));
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_port = {port}\nauth_file = {}\n{}",
            cluster.port(),
            users.display(),
            lines.collect::<String>()
        );
        std::fs::write(&file, text)?;
        let mut command = account.command(&program);
        command.arg(&file).current_dir(folder);
        let start = Start { command, ready: "process up", log: &log };
        let daemon = Daemon::start(start, |process| warden.watch(End::Kill, process))?;
        Ok(Some(Self { port, daemon: Some(daemon), warden }))
    }

    /// The URL of the server's superuser, by way of the pooler.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its files lie.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.warden.folder()
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.signal("KILL");
            if daemon.wait().is_ok() {
                self.warden.rest();
            }
        }
    }
}
