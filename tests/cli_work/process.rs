//! The binary: run to its end, or watched while it runs.

use std::io::{BufRead as _, BufReader, PipeWriter, Read, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use queue_tests::probe::PATIENCE;

use crate::place::Place;

/// The program on a store, whatever the environment of the tests says.
pub(crate) fn jobbed(place: &Place, words: &[&str]) -> Command {
    let mut command = bare(words);
    command.env("QUEUE_URL", place.url());
    command
}

/// The program without a store.
pub(crate) fn bare(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobbed"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["QUEUE_", "TEST_", "NO_COLOR", "CLICOLOR", "CARGO_TERM", "RUST_LOG", "NOTIFY_", "WATCHDOG_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command.args(words).stdin(Stdio::null());
    command
}

/// What a run of the binary came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// None where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Panics where it did not end with this code.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }

    /// Panics where standard error does not say this.
    #[track_caller]
    pub(crate) fn complains(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no `{text}` in:\n{}", self.err);
        self
    }

    /// Panics where standard output does not say this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.out.contains(text), "no `{text}` in:\n{}", self.out);
        self
    }

    /// Its lines of JSON.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs it to its end.
pub(crate) fn run(command: &mut Command) -> Ran {
    Running::start(command).end()
}

/// Runs it on the jobs of a store to its end.
pub(crate) fn ran(place: &Place, words: &[&str]) -> Ran {
    run(&mut jobbed(place, words))
}

/// Runs it to its end, with this on standard input.
pub(crate) fn run_on(command: &mut Command, input: &[u8]) -> Ran {
    let mut running = Running::start(command.stdin(Stdio::piped()));
    let mut stdin = running.input();
    let input = input.to_vec();
    // It may end before it has read all.
    let feeding = thread::spawn(move || drop(stdin.write_all(&input)));
    let ran = running.end();
    feeding.join().unwrap();
    ran
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

/// The binary while it runs. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<(Stream, String)>,
    said: Vec<(Stream, String)>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = channel();
        read(Stream::Out, child.stdout.take().unwrap(), send.clone());
        read(Stream::Err, child.stderr.take().unwrap(), send);
        Self { child, lines, said: Vec::new() }
    }

    /// With its standard output going elsewhere.
    pub(crate) fn deaf(command: &mut Command, out: PipeWriter) -> Self {
        let mut child = command.stdout(out).stderr(Stdio::piped()).spawn().unwrap();
        // What it was given, which holds the other end open.
        command.stdout(Stdio::null());
        let (send, lines) = channel();
        read(Stream::Err, child.stderr.take().unwrap(), send);
        Self { child, lines, said: Vec::new() }
    }

    /// A worker, as soon as it takes jobs.
    pub(crate) fn work(place: &Place, words: &[&str]) -> Self {
        let mut running = Self::start(&mut jobbed(place, &[&["queue:work"], words].concat()));
        running.until("serves the queues");
        running
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Waits until a line of either stream has this text, and answers that line. What was read before does not count.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if line.1.contains(text) {
                        return line.1;
                    }
                }
                Err(_) => panic!("it never said `{text}`; it said:\n{}", self.all()),
            }
        }
    }

    fn all(&self) -> String {
        self.said.iter().map(|(_, line)| format!("{line}\n")).collect()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until it ends.
    pub(crate) fn end(mut self) -> Ran {
        let end = Instant::now() + PATIENCE;
        // Both streams end when it does.
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.push(line),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("it never ended; it said:\n{}", self.all()),
            }
        }
        let status = self.child.wait().unwrap();
        let of =
            |stream| self.said.iter().filter(|(of, _)| *of == stream).map(|(_, line)| format!("{line}\n")).collect::<String>();
        Ran { code: status.code(), out: of(Stream::Out), err: of(Stream::Err) }
    }
}

fn read(stream: Stream, from: impl Read + Send + 'static, to: Sender<(Stream, String)>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if to.send((stream, line)).is_err() {
                return;
            }
        }
    });
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until something is so, which has no event that another process could see; only the patience is a time.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let end = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < end, "it never was so: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
