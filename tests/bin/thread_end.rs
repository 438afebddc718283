//! A process whose threads push while their thread-locals are dropped; it says on standard output what became of that.

use std::cell::RefCell;
use std::io::Write as _;

use queue::prelude::*;
use queue::{JobState, Pending};
use queue_tests::gate::Gate;
use queue_tests::park;

#[derive(Queueable)]
#[queueable(unique, tags = ["late"])]
struct LastWords {
    n: u32,
    text: Option<String>,
}

impl Job for LastWords {
    async fn handle(&self) -> JobResult {
        let _ = (self.n, &self.text);
        Ok(())
    }
}

fn words(n: u32) -> Pending<LastWords> {
    LastWords::with(n, None).queue("late").meta("from", "a destructor")
}

/// Pushes when it is dropped.
struct Speaks(u32);

impl Drop for Speaks {
    fn drop(&mut self) {
        words(self.0).push().wait().expect("it is stored");
        drop(words(self.0 + 1).push());
    }
}

thread_local! {
    static SPEAKS: RefCell<Option<Speaks>> = const { RefCell::new(None) };
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn main() {
    let queue = match std::env::args().nth(1).as_deref() {
        Some("memory") => Queue::connect("memory:").wait().expect("a store in memory").install(),
        Some("engine") => Queue::from_driver(Gate::new()).install(),
        other => panic!("unknown: {other:?}"),
    };
    let speak = |n| SPEAKS.with_borrow_mut(|speaks| *speaks = Some(Speaks(n)));
    // What a thread makes last goes first: with `speak` first, all that pushes keep for the thread is gone when it pushes.
    type Speak<'a> = &'a dyn Fn(u32);
    let threads: [fn(Speak<'_>); 3] = [
        |speak| speak(10),
        |speak| {
            speak(20);
            drop(words(22).push());
        },
        |speak| {
            drop(words(32).push());
            speak(30);
        },
    ];
    for thread in threads {
        std::thread::spawn(move || thread(&speak)).join().expect("it ends");
    }
    park::block_on(queue.flush()).expect("the engine lives");
    let counts = park::block_on(queue.counts()).expect("the store answers");
    say(&format!("stored {}", counts.total(JobState::Available)));
}
