//! Another process on the file of a test.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A process that has the file open until it is dropped.
pub(crate) struct Peer {
    process: Child,
    verbs: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts one, which opens the file meanwhile.
    pub(crate) fn start(file: &Path, folder: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_sqlite_peer"));
        process.arg(file).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = process.spawn().unwrap();
        let verbs = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, verbs, answers }
    }

    /// One that has opened the file.
    pub(crate) fn open(file: &Path) -> Self {
        let mut peer = Self::start(file, Path::new("."));
        assert_eq!(peer.answer(), "open");
        peer
    }

    /// The next line that it says.
    pub(crate) fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Has it do something; answers the line that it says then.
    pub(crate) fn say(&mut self, verb: &str) -> String {
        writeln!(self.verbs.as_mut().unwrap(), "{verb}").unwrap();
        self.answer()
    }

    /// Has it do something that it can; answers what came of it.
    pub(crate) fn ask(&mut self, verb: &str) -> String {
        let answer = self.say(verb);
        answer.strip_prefix("ok ").or((answer == "ok").then_some("")).unwrap_or_else(|| panic!("{verb}: {answer}")).to_owned()
    }

    /// Ends it as one that is done.
    pub(crate) fn end(mut self) {
        self.verbs = None;
        assert!(self.process.wait().unwrap().success());
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
