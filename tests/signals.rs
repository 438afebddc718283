//! SIGTERM and SIGINT, to a real process.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A worker in a process of its own; it is killed when the test ends.
struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(how: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_signalled")).arg(how).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        Self { child, lines }
    }

    fn expect(&mut self, wanted: &str) {
        match self.lines.next() {
            Some(Ok(line)) => assert_eq!(line, wanted),
            other => panic!("expected `{wanted}`, and the process ended: {other:?}"),
        }
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill is there");
        assert!(status.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_signal_lets_running_jobs_end() {
    for signal in ["-TERM", "-INT"] {
        let mut process = Process::start("polite");
        process.expect("running");
        process.signal(signal);
        process.expect("saw the stop");
        process.expect("dropped");
        process.expect("completed 1 released 0 abandoned 0");
    }
}

#[test]
fn the_second_signal_gives_back_what_runs_at_once() {
    let mut process = Process::start("deaf");
    process.expect("running");
    process.signal("-TERM");
    process.signal("-INT");
    process.expect("dropped");
    process.expect("completed 0 released 1 abandoned 0");
    assert!(process.child.wait().expect("it ends").success());
}

#[test]
fn a_blocking_handler_does_not_hold_the_process_after_the_second_signal() {
    let mut process = Process::start("block");
    process.expect("running");
    process.signal("-TERM");
    process.signal("-INT");
    process.expect("completed 0 released 0 abandoned 1");
}
