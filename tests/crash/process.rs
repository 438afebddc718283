//! A real process of the suite: started, told, frozen, killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use queue_tests::ledger::{Event, Ledger};
use queue_tests::probe::PATIENCE;

/// How often it is looked whether something is so that gives no event.
const LOOK: Duration = Duration::from_micros(500);

/// A process, which is killed at the latest when this is dropped.
pub(crate) struct Process {
    child: Child,
    /// What it says on its standard output, until it ends.
    lines: Receiver<String>,
    number: u32,
    /// Where its end is noted.
    ledger: Arc<Ledger>,
    has_ended: bool,
}

impl Process {
    pub(crate) fn start(command: &mut Command, number: u32, ledger: Arc<Ledger>) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("its output is piped"));
        let (send, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, lines, number, ledger, has_ended: false }
    }

    /// Its number in the ledger.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Waits until it says this.
    pub(crate) fn expect(&self, wanted: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if line == wanted => return,
                Ok(_) => {}
                Err(why) => panic!("process {} did not say `{wanted}`: {why}", self.number),
            }
        }
    }

    /// Waits until it says something that begins so, and answers the rest.
    pub(crate) fn told(&self, beginning: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(beginning) {
                        return rest.to_owned();
                    }
                }
                Err(why) => panic!("process {} did not say `{beginning}`: {why}", self.number),
            }
        }
    }

    /// Lets it go on for so long, or until it ends by itself.
    pub(crate) fn go_on(&self, time: Duration) {
        let until = Instant::now() + time;
        while self.lines.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {}
    }

    /// Lets it go on until this is so, for so long at most, or until it ends by itself.
    pub(crate) fn go_on_until(&self, most: Duration, is_so: impl Fn() -> bool) {
        let until = Instant::now() + most;
        while !is_so() && Instant::now() < until {
            match self.lines.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Disconnected) => return,
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Sends a signal: `-TERM`, `-STOP`, `-CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill is there");
        assert!(status.success());
    }

    /// Kills it, at whatever it is. It may have ended well by itself before.
    pub(crate) fn kill(mut self) {
        let ended = self.child.try_wait().expect("it was started");
        assert!(ended.is_none_or(|status| status.success()), "process {} ended before it was killed: {ended:?}", self.number);
        self.end();
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) {
            let _ = self.child.kill();
            let _ = self.child.wait();
            self.ledger.write_of(self.number, Event::Ended);
        }
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("process {} did not end", self.number),
            }
        }
        let status = self.child.wait().expect("it was started");
        self.has_ended = true;
        self.ledger.write_of(self.number, Event::Ended);
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
