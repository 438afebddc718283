//! A process that serves until it is told to end, and whose words are events.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::probe::PATIENCE;

/// A server that is ready, or has ended by itself.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
    /// Ends when no process of the server has its log open any more.
    lines: Receiver<String>,
    said: Arc<Mutex<Vec<String>>>,
}

/// How a server is started.
pub(super) struct Start<'a> {
    pub(super) command: Command,
    /// What it says when it is ready.
    pub(super) ready: &'a str,
    /// Where its words are kept besides, for who looks at the folder.
    pub(super) log: &'a Path,
}

impl Daemon {
    /// Starts it. `started` hears of the process before it is waited for.
    ///
    /// # Errors
    ///
    /// It ended, or was not ready in time; with what it said last.
    pub(super) fn start(start: Start<'_>, started: impl FnOnce(u32)) -> io::Result<Self> {
        let Start { mut command, ready, log } = start;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        let mut log = File::options().create(true).append(true).open(log)?;
        let mut child = command.spawn()?;
        started(child.id());
        let words = BufReader::new(child.stderr.take().expect("it is piped"));
        let said = Arc::new(Mutex::new(Vec::new()));
        let (send, lines) = channel();
        let kept = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in words.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                let _ = writeln!(log, "{line}");
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
                // Nobody may listen, and then the log goes on.
                let _ = send.send(line);
            }
        });
        let mut daemon = Self { child, lines, said };
        match daemon.hear(|line| line.contains(ready)) {
            Ok(()) => Ok(daemon),
            Err(why) => {
                daemon.signal("KILL");
                let _ = daemon.child.wait();
                let said = daemon.said();
                let last = said[said.len().saturating_sub(10)..].join("\n");
                Err(io::Error::other(format!("the server was not ready ({why}); it said last:\n{last}")))
            }
        }
    }

    /// Waits for a line.
    fn hear(&self, is_it: impl Fn(&str) -> bool) -> Result<(), RecvTimeoutError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now()))?;
            if is_it(&line) {
                return Ok(());
            }
        }
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it said since it was started.
    pub(super) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends it a signal: `TERM`, `STOP`.
    pub(super) fn signal(&self, name: &str) {
        signal(name, &[self.child.id()]);
    }

    /// Waits until it and all that it started have ended.
    ///
    /// # Errors
    ///
    /// They did not, in time.
    pub(super) fn wait(mut self) -> io::Result<ExitStatus> {
        match self.hear(|_| false) {
            Err(RecvTimeoutError::Disconnected) => self.child.wait(),
            _ => Err(io::Error::other(format!("the server did not end; it said {:#?}", self.said()))),
        }
    }
}

/// Sends a signal to processes; those that have ended are left out.
pub(super) fn signal(name: &str, processes: &[u32]) {
    // The one that every shell has built in: not every machine has it as a program.
    let mut kill = Command::new("sh");
    kill.args(["-c", r#"name=$1; shift; for process; do kill -s "$name" "$process"; done"#, "kill", name]);
    let _ = kill.args(processes.iter().map(ToString::to_string)).stderr(Stdio::null()).status();
}
