//! SIGTERM and SIGINT, to a real process.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};

use queue_tests::probe::PATIENCE;

/// What ends a process that aborts.
const SIGABRT: i32 = 6;

/// A worker in a process of its own; it is killed when the test ends, or is out of patience.
struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    _patience: Sender<()>,
}

impl Process {
    fn start(how: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_signalled")).arg(how).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        let (_patience, test_ends) = channel();
        let id = child.id();
        std::thread::spawn(move || {
            if test_ends.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                signal(id, "-KILL");
            }
        });
        Self { child, lines, _patience }
    }

    fn expect(&mut self, wanted: &str) {
        match self.lines.next() {
            Some(Ok(line)) => assert_eq!(line, wanted),
            other => panic!("expected `{wanted}`, and the process ended: {other:?}"),
        }
    }

    fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }
}

fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args([name, &process.to_string()]).status().expect("kill is there");
    assert!(status.success());
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
    process.expect("saw the stop");
    process.signal("-INT");
    process.expect("completed 0 released 0 abandoned 1");
    assert!(process.child.wait().expect("it ends").success());
}

#[test]
fn the_third_signal_aborts_a_stop_that_still_waits() {
    for signal in ["-TERM", "-INT"] {
        let mut process = Process::start("hang");
        process.expect("running");
        process.signal("-TERM");
        process.expect("saw the stop");
        process.signal("-INT");
        // What blocks was given up, and the stop waits for a service that never finds its end.
        process.expect("the services end");
        process.signal(signal);
        let status = process.child.wait().expect("it ends");
        assert_eq!(status.signal(), Some(SIGABRT), "{status}");
        assert!(process.lines.next().is_none(), "it says nothing more");
    }
}
