//! A private server of Postgres, in a folder of its own on a port of its own.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::account::Account;
use super::binaries::Binaries;
use super::daemon::{Daemon, Start, signal};
use super::port;
use super::server::say;
use super::warden::{End, Warden};

/// What tests need, unless they say otherwise: many connections, and no wait for a disk. A crash of the server loses nothing by it, only one
/// of the machine would.
const SETTINGS: [(&str, &str); 7] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("max_connections", "200"),
    ("fsync", "off"),
    ("full_page_writes", "off"),
    // In the folder of the server, where it goes with it, however that ends.
    ("dynamic_shared_memory_type", "mmap"),
    ("log_line_prefix", "%m [%p] %a: "),
];

/// The settings of a server that waits for its disk, as one in use does.
pub const DURABLE: &[(&str, &str)] = &[("fsync", "on"), ("full_page_writes", "on")];

/// Why there is no server.
#[derive(Debug)]
pub enum NoCluster {
    /// This machine has no `initdb` and `postgres`.
    Missing,
    /// It has them, and they did not work.
    Failed(io::Error),
}

impl std::fmt::Display for NoCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("`initdb` and `postgres` are not installed (Debian: `apt-get install postgresql`)"),
            Self::Failed(error) => write!(f, "no Postgres could be started: {error}"),
        }
    }
}

impl std::error::Error for NoCluster {}

impl From<io::Error> for NoCluster {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// How a server is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// When its last client has gone.
    Smart,
    /// Its clients are sent away.
    Fast,
    /// Its processes end at once, and it recovers at the next start.
    Immediate,
    /// It is killed, and its processes notice.
    Kill,
}

impl Stop {
    fn signal(self) -> &'static str {
        match self {
            Self::Smart => "TERM",
            Self::Fast => "INT",
            Self::Immediate => "QUIT",
            Self::Kill => "KILL",
        }
    }
}

/// A server that ends, with its folder, when this is dropped, and also when the test is killed.
#[derive(Debug)]
pub struct Cluster {
    binaries: Binaries,
    account: Account,
    port: u16,
    /// Until it is stopped.
    daemon: Option<Daemon>,
    frozen: Vec<u32>,
    warden: Warden,
}

impl Cluster {
    /// Makes a server and waits until it is ready. It has the settings of tests, and then these, as in `postgresql.conf`.
    ///
    /// # Errors
    ///
    /// There are no binaries, or they did not work.
    pub fn start(settings: &[(&str, &str)]) -> Result<Self, NoCluster> {
        let binaries = Binaries::find().ok_or(NoCluster::Missing)?;
        let (warden, account) = Warden::new()?;
        let mut cluster = Self { binaries, account, port: port::free(), daemon: None, frozen: Vec::new(), warden };
        cluster.make(settings)?;
        // Another process may have taken the port meanwhile.
        let mut tries = 0;
        while let Err(error) = cluster.serve() {
            tries += 1;
            if tries == 5 || !error.to_string().contains("Address already in use") {
                return Err(error.into());
            }
            cluster.port = port::free();
        }
        Ok(cluster)
    }

    /// The same for a test, which is left out loudly where there are no binaries.
    ///
    /// # Panics
    ///
    /// There are, and they did not work.
    #[must_use]
    pub fn for_test(settings: &[(&str, &str)]) -> Option<Self> {
        match Self::start(settings) {
            Ok(cluster) => Some(cluster),
            Err(missing @ NoCluster::Missing) => {
                let test = std::thread::current().name().unwrap_or("a test").to_owned();
                say(&format!("SKIPPED {test}: {missing}"));
                None
            }
            Err(failed) => panic!("{failed}"),
        }
    }

    /// Makes its files.
    fn make(&mut self, settings: &[(&str, &str)]) -> io::Result<()> {
        let data = self.warden.folder().join("data");
        let mut initdb = self.command(&self.binaries.initdb);
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"]).arg(&data);
        // Its words go to a file: it would end at the first one that nobody reads any more.
        let log = self.warden.folder().join("initdb");
        initdb.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?).process_group(0);
        let mut made = initdb.spawn().map_err(|error| {
            let (program, folder) = (self.binaries.initdb.display(), self.warden.folder().display());
            io::Error::other(format!(
                "`{program}` does not start in {folder}: {error}. Whom root runs it as must be able to enter that folder: see TMPDIR"
            ))
        })?;
        self.warden.watch(End::Await, made.id());
        let made = made.wait()?;
        self.warden.rest();
        if !made.success() {
            return Err(io::Error::other(format!("`initdb` failed: {}", std::fs::read_to_string(&log)?)));
        }
        let lines = SETTINGS.iter().chain(settings).map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''")));
        let path = data.join("postgresql.conf");
        let before = std::fs::read_to_string(&path)?;
        std::fs::write(&path, before + &lines.collect::<String>())
    }

    fn command(&self, program: &std::path::Path) -> Command {
        let mut command = self.account.command(program);
        command.current_dir(self.warden.folder());
        command
    }

    /// Starts the server on its files.
    fn serve(&mut self) -> io::Result<()> {
        let mut command = self.command(&self.binaries.postgres);
        command.arg("-D").arg(self.warden.folder().join("data")).args(["-p", &self.port.to_string()]);
        let log = self.warden.folder().join("log");
        let start = Start { command, ready: "database system is ready to accept connections", log: &log };
        let started = Daemon::start(start, |process| self.warden.watch(End::Quit, process));
        if started.is_err() {
            self.warden.rest();
        }
        self.daemon = Some(started?);
        Ok(())
    }

    /// The URL of its superuser.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Where it listens. It keeps it over a stop.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its files lie.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.warden.folder()
    }

    /// The lines that it logged since its last start.
    ///
    /// # Panics
    ///
    /// It is stopped.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.running().said()
    }

    /// A connection of the superuser.
    ///
    /// # Panics
    ///
    /// The server does not answer.
    pub async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = self.url().parse().expect("its URL is one");
        options.disable_statement_logging().connect().await.expect("the server answers")
    }

    /// Ends every other connection to it, as an administrator does; answers how many those were.
    ///
    /// # Panics
    ///
    /// The server does not answer.
    pub async fn terminate_backends(&self) -> usize {
        let mut admin = self.connect().await;
        let ended = sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
        );
        let ended = ended.fetch_all(&mut admin).await.expect("the superuser may").len();
        admin.close().await.expect("it was open");
        ended
    }

    fn running(&self) -> &Daemon {
        self.daemon.as_ref().expect("the server is running")
    }

    /// Tells it to end, and does not wait for that.
    ///
    /// # Panics
    ///
    /// It is stopped.
    pub fn tell(&self, how: Stop) {
        self.running().signal(how.signal());
    }

    /// Ends it, and waits until all its processes have ended. [`Stop::Smart`] waits for the clients, which must not need this thread.
    ///
    /// # Panics
    ///
    /// It is stopped already, or does not end.
    pub fn stop(&mut self, how: Stop) {
        if let Err(error) = self.end(how) {
            panic!("{error}");
        }
    }

    fn end(&mut self, how: Stop) -> io::Result<()> {
        self.thaw();
        let daemon = self.daemon.take().expect("the server is running");
        daemon.signal(how.signal());
        daemon.wait()?;
        self.warden.rest();
        Ok(())
    }

    /// Starts it again after a stop, on the same port and files.
    ///
    /// # Panics
    ///
    /// It is running, or does not start.
    pub fn start_again(&mut self) {
        assert!(self.daemon.is_none(), "the server is running");
        if let Err(error) = self.serve() {
            panic!("{error}");
        }
    }

    /// Ends it and starts it again.
    ///
    /// # Panics
    ///
    /// It is stopped, does not end, or does not start.
    pub fn restart(&mut self, how: Stop) {
        self.stop(how);
        self.start_again();
    }

    /// Stops every process of it where it is: the connections stay open, and nothing is answered.
    ///
    /// # Panics
    ///
    /// It is stopped, or `ps` is not there.
    pub fn freeze(&mut self) {
        // The first makes no more of them from then on.
        self.frozen = vec![self.running().process()];
        signal("STOP", &self.frozen);
        self.frozen.extend(children(self.frozen[0]));
        signal("STOP", &self.frozen);
    }

    /// Lets it go on.
    pub fn thaw(&mut self) {
        if !self.frozen.is_empty() {
            signal("CONT", &std::mem::take(&mut self.frozen));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.daemon.is_some() {
            // Where it does not end, the warden sees to it.
            let _ = self.end(Stop::Immediate);
        }
    }
}

/// The processes that one has started.
fn children(process: u32) -> Vec<u32> {
    let output = Command::new("ps").args(["-A", "-o", "ppid=", "-o", "pid="]).output().expect("`ps` is there");
    let listed = String::from_utf8(output.stdout).expect("numbers are text");
    let pairs = listed.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    pairs.filter(|(parent, _)| *parent == process).map(|(_, child)| child).collect()
}
