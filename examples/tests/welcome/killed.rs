//! The example, killed: whatever it is at, the next run goes on where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use queue::job::Filter;
use queue::{JobState, Queue};

use crate::smtp::{Reply, Server};
use crate::{GOOD, letters, outbox, stderr, stdout, welcome};

/// Numbers that are the same in each run of the tests (xorshift).
struct Dice(u64);

impl Dice {
    /// A number below a bound.
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// A run of the example that shall be killed.
struct Run {
    child: Child,
    /// Closed when the run ends.
    output: Receiver<()>,
}

impl Run {
    fn start(folder: &Path, server: Option<&Server>) -> Self {
        let mut command = welcome(folder);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(server) = server {
            command.env("SMTP_URL", server.url());
        }
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let (sender, output) = channel();
        thread::spawn(move || {
            let _ = stdout.read_to_end(&mut Vec::new());
            drop(sender);
        });
        Self { child, output }
    }

    /// Lets it run for a time, or to its end; answers whether it still runs.
    fn runs_on(&self, time: Duration) -> bool {
        self.output.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Runs it to its end, and looks at what it left.
fn assert_ends_well(folder: &Path, server: Option<&Server>) {
    let mut command = welcome(folder);
    if let Some(server) = server {
        command.env("SMTP_URL", server.url());
    }
    let output = command.output().unwrap();
    assert!(output.status.success() && stdout(&output).contains("0 failed"), "{} {}", stdout(&output), stderr(&output));
    tokio::runtime::Runtime::new().unwrap().block_on(assert_store(folder));
}

/// No row is imported twice, and each has one job, which has completed.
async fn assert_store(folder: &Path) {
    let queue = Queue::connect(&format!("sqlite:{}", folder.join("welcome.db").display())).await.unwrap();
    let counts = queue.counts().await.unwrap();
    let rows = queue.jobs(&Filter::new().limit(1_000)).await.unwrap();
    assert_eq!((rows.len(), counts.total(JobState::Completed)), (GOOD, GOOD as u64));
    let users: BTreeSet<&str> = rows.iter().map(|row| row.payload.as_ref().unwrap().get()).collect();
    assert_eq!(users.len(), GOOD, "a job for each user");
    queue.shutdown().await.unwrap();
}

/// Kills at random moments of a run, and at random numbers of messages in the outbox.
fn kill_and_go_on(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(seed);
    for _ in 0..4 {
        let run = Run::start(folder.path(), None);
        run.runs_on(Duration::from_micros(dice.roll(100_000)));
        run.kill();
    }
    let sent = || if outbox(&folder).exists() { messages(folder.path()) } else { 0 };
    let mut in_the_middle = 0;
    for _ in 0..3 {
        let until = sent() + 1 + usize::try_from(dice.roll(40)).unwrap();
        let run = Run::start(folder.path(), None);
        while sent() < until && run.runs_on(Duration::from_micros(200)) {}
        run.kill();
        in_the_middle += usize::from(sent() < GOOD);
    }
    assert!(in_the_middle > 0, "seed {seed}: no run was killed while it was sending");

    assert_ends_well(folder.path(), None);
    let letters = letters(&outbox(&folder));
    let mut each = BTreeMap::<&str, usize>::new();
    for letter in &letters {
        *each.entry(&letter.to).or_default() += 1;
    }
    assert_eq!((each.len(), letters.len()), (GOOD, GOOD), "seed {seed}: each address has one message");
}

/// How many whole messages lie in the outbox.
fn messages(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder.join("outbox")).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "eml")).count()
}

#[test]
fn killed_at_random_moments_it_goes_on_where_it_was() {
    thread::scope(|scope| {
        for seed in [0x51ED_2705, 0x2545_F491_4F6C_DD1D, 0x9E37_79B9_7F4A_7C15] {
            scope.spawn(move || kill_and_go_on(seed));
        }
    });
}

/// A mail server does not know a message again, so between the message and its settlement a kill sends it twice, with one id.
#[test]
fn killed_between_the_message_and_its_settlement_it_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, _| Reply::Accept);
    for _ in 0..2 {
        let before = server.received().len();
        let run = Run::start(folder.path(), Some(&server));
        while server.received().len() < before + 10 && run.runs_on(Duration::from_micros(200)) {}
        run.kill();
    }
    assert_ends_well(folder.path(), Some(&server));
    let letters: Vec<_> = server.received().iter().map(|(_, text)| crate::Letter::parse(text)).collect();
    let mut ids = BTreeMap::<&str, Vec<&str>>::new();
    for letter in &letters {
        ids.entry(&letter.to).or_default().push(&letter.message_id);
    }
    assert_eq!(ids.len(), GOOD, "nobody was forgotten");
    for (address, ids) in ids {
        assert!(ids.len() <= 3, "{address} got {} messages of two killed runs and a whole one", ids.len());
        assert!(ids.iter().all(|id| *id == ids[0]), "{address} cannot tell that it is one message");
    }
}
