//! A store, the processes that use it, and the ledgers that they keep.

use std::cell::Cell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use queue::drivers::{Driver, MaintainLimits};
use queue::{JobState, Queue};
use queue_tests::ledger::{Entry, Event, Ledger, read};
use queue_tests::postgres::Schema;
use queue_tests::store::Store;
use sqlx::{Connection as _, Executor as _};
use tempfile::TempDir;

use crate::checker::{Allowed, check};
use crate::dump::Dump;
use crate::process::Process;

/// How long the end of all jobs may take when the faults are over.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a store and the ledgers of those who use it.
pub(crate) struct Site {
    folder: TempDir,
    store: Store,
    /// Removed with the site.
    _schema: Option<Schema>,
    /// What the test itself does and knows.
    ledger: Arc<Ledger>,
    /// The number of the next process.
    next: Cell<u32>,
}

impl Site {
    /// A store that nobody has opened yet.
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("queue-crash-").unwrap();
        std::fs::create_dir(folder.path().join("ledgers")).unwrap();
        let ledger = Arc::new(Ledger::open(&folder.path().join("ledgers/0"), 0).unwrap());
        Self { store: Store::File(folder.path().join("jobs.db")), _schema: None, folder, ledger, next: Cell::new(1) }
    }

    /// The same with a store elsewhere.
    pub(crate) fn with_store(store: PathBuf) -> Self {
        Self { store: Store::File(store), ..Self::new() }
    }

    /// The same in a schema of Postgres, with the table of the marks.
    pub(crate) async fn in_schema(schema: Schema) -> Self {
        let mut connection = schema.connect().await;
        let name = schema.name();
        let made = format!("CREATE SCHEMA {name}; CREATE TABLE {name}.marks (what text, job bigint)");
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(made))).await.unwrap();
        connection.close().await.unwrap();
        let store = Store::Schema { server: schema.plain_url().to_owned(), name: name.to_owned() };
        Self { store, _schema: Some(schema), ..Self::new() }
    }

    /// The file of the store.
    pub(crate) fn store(&self) -> &Path {
        self.store.path()
    }

    /// What names the store on a command line.
    pub(crate) fn word(&self) -> String {
        self.store.word()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// How a process is started that has this role; what stands before is the program that starts it.
    pub(crate) fn command(&self, before: &[&str], role: &str, seed: u64, how: &[&str]) -> (Command, u32) {
        let number = self.next.replace(self.next.get() + 1);
        let child = env!("CARGO_BIN_EXE_crashes");
        let mut words = before.iter().copied().chain([child]);
        let mut command = Command::new(words.next().expect("the program at least"));
        command.args(words).arg(role).arg(self.store.word()).arg(self.folder.path().join(format!("ledgers/{number}")));
        command.arg(number.to_string()).arg(seed.to_string()).args(how);
        (command, number)
    }

    pub(crate) fn start(&self, role: &str, seed: u64, how: &[&str]) -> Process {
        let (mut command, number) = self.command(&[], role, seed, how);
        Process::start(&mut command, number, Arc::clone(&self.ledger))
    }

    /// Runs a role to its end; answers whether that was a good one, and what it said on its standard error.
    pub(crate) fn outcome(&self, before: &[&str], role: &str, how: &[&str]) -> (bool, String) {
        let (mut command, number) = self.command(before, role, 1, how);
        let output = command.output().expect("it starts");
        self.ledger.write_of(number, Event::Ended);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Waits until the ledgers say so. They give no event, so they are read again and again; only the patience is a time.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&[Entry]) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so(&self.entries()) {
            assert!(Instant::now() < until, "the ledgers never said: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How much a process has written into its ledger so far, in bytes.
    pub(crate) fn written(&self, process: &Process) -> u64 {
        std::fs::metadata(self.folder.path().join(format!("ledgers/{}", process.number()))).map_or(0, |metadata| metadata.len())
    }

    /// What all processes wrote so far.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        read(&self.folder.path().join("ledgers")).expect("ledgers can be read")
    }

    /// What was logged as a warning or an error and holds these words.
    pub(crate) fn logged(&self, words: &str) -> Vec<String> {
        let lines = self.entries().into_iter().filter_map(|entry| match entry.event {
            Event::Logged { line } => Some(line),
            _ => None,
        });
        lines.filter(|line| line.contains(words)).collect()
    }

    /// Opens the store in this process.
    pub(crate) async fn open(&self) -> (Arc<dyn Driver>, Queue) {
        let driver = self.store.open().await.expect("the store opens");
        (Arc::clone(&driver), Queue::from_driver(driver))
    }

    /// Lets a last process work until nothing is live, and takes the dump. The faults are over.
    pub(crate) async fn drain(&self) -> Dump {
        let worker = self.start("works", 0, &[]);
        let (driver, queue) = self.open().await;
        let until = Instant::now() + PATIENCE;
        loop {
            // A store has no event for "nothing is live", so it is asked again and again. What has expired is taken back at each look,
            // as one of many workers would do it.
            driver.maintain(&MaintainLimits::default()).await.unwrap();
            let counts = queue.counts().await.unwrap();
            let live: u64 = JobState::ALL.iter().filter(|state| !state.is_terminal()).map(|state| counts.total(*state)).sum();
            if live == 0 || Instant::now() > until {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut dump = Dump::of(&queue).await.unwrap();
        dump.look_into(&self.store).await.unwrap();
        let counts = queue.counts().await.unwrap();
        for state in JobState::ALL {
            let rows = dump.rows.iter().filter(|row| row.state == state).count();
            assert_eq!(counts.total(state), rows as u64, "how many jobs are {state}, as the store counts, and as it lists them");
        }
        queue.shutdown().await.unwrap();
        worker.expect("works");
        worker.signal("-TERM");
        assert!(worker.wait().success());
        dump
    }

    /// Lets everything end, and checks it. The folder stays when something does not hold.
    pub(crate) async fn settle(self, allowed: Allowed) -> Dump {
        let dump = self.drain().await;
        self.check(&dump, allowed);
        dump
    }

    /// Holds the ledgers against a dump.
    pub(crate) fn check(self, dump: &Dump, allowed: Allowed) {
        let entries = self.entries();
        let violations = check(&entries, dump, allowed);
        if violations.is_empty() {
            return;
        }
        let shown: Vec<_> = violations.iter().take(20).map(|violation| format!("  {violation}\n")).collect();
        let folder = self.folder.keep();
        panic!(
            "{} of {} entries do not hold; all is in {}:\n{}",
            violations.len(),
            entries.len(),
            folder.display(),
            shown.concat()
        );
    }
}

/// Says something that is seen although the test passes: libtest keeps what `println!` says.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
