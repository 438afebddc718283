//! A process that pushes without awaiting, and ends; it says on standard output what became of that.

use std::io::Write as _;
use std::sync::Arc;

use queue::JobState;
use queue::prelude::*;
use queue_tests::gate::Gate;
use queue_tests::park;
use queue_tests::probe::PATIENCE;

#[derive(Queueable)]
struct Note {
    n: u32,
}

impl Job for Note {
    async fn handle(&self) -> JobResult {
        let _ = self.n;
        Ok(())
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// How many engines this process has.
fn engines() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a list of threads").filter_map(Result::ok);
    tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
        .filter(|name| name == "queue-engine\n")
        .count()
}

/// Waits until it has so many. Threads give no event, so they are counted again and again; only the patience is a time.
fn until_engines(count: usize) {
    let until = std::time::Instant::now() + PATIENCE;
    while engines() != count {
        assert!(std::time::Instant::now() < until, "there are {} engines, and not {count}", engines());
        std::thread::yield_now();
    }
}

fn main() {
    let how = std::env::args().nth(1).unwrap_or_default();
    if how == "env" {
        match Queue::from_env().wait() {
            Ok(queue) => say(&format!("{queue:?}")),
            Err(error) => say(&format!("{error:?}")),
        }
        return;
    }
    let gate = Gate::new();
    let queue = Queue::from_driver(Arc::<Gate>::clone(&gate)).install();
    for n in 0..500 {
        drop(Note::with(n).push());
    }
    match how.as_str() {
        "flush" => park::block_on(queue.flush()).expect("everything is stored"),
        "shutdown" => park::block_on(queue.shutdown()).expect("everything is stored"),
        "nothing" => {}
        // The last handle of a queue that is not the installed one.
        "drop" => {
            let other = Queue::from_driver(Gate::new());
            // A thread takes its name when it starts to run.
            until_engines(2);
            drop(other);
            until_engines(1);
            say("the thread has ended");
        }
        other => panic!("unknown: {other}"),
    }
    if how != "nothing" && how != "drop" {
        let counts = park::block_on(queue.counts()).expect("the store answers");
        say(&format!("stored {} closed {}", counts.total(JobState::Available), gate.closed()));
    }
    say("end of main");
}
