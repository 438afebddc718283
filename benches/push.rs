//! How fast jobs are pushed, in bulk and one by one, and what a waiting one costs in memory.
//!
//! The raw limit encodes the same arguments, makes an id, and appends both to a `VecDeque` behind a mutex.
//!
//! `cargo bench -p queue-benches --bench push`

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use queue::job::payload;
use queue::prelude::*;
use queue::{JobId, job::Payload};
use queue_benches::{Rounds, resident_bytes, say};

const JOBS: usize = 1_000_000;

#[derive(Queueable)]
struct Greet {
    user_id: u64,
    to: String,
}

impl Job for Greet {
    async fn handle(&self) -> JobResult {
        std::hint::black_box((self.user_id, &self.to));
        Ok(())
    }
}

fn greet(user_id: usize) -> queue::Pending<Greet> {
    Greet::with(user_id as u64, "someone@example.com".to_owned())
}

fn raw() -> Duration {
    let lane: Mutex<VecDeque<(JobId, Payload)>> = Mutex::new(VecDeque::new());
    let started = Instant::now();
    for user_id in 0..JOBS {
        let args = GreetArgs { user_id: user_id as u64, to: "someone@example.com".to_owned() };
        let payload = payload::encode(&args).expect("plain data");
        lane.lock().expect("nobody panics").push_back((JobId::new(), payload));
    }
    started.elapsed()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Before anything else: later the allocator would answer from what other rounds have freed. A first push loads what is loaded once.
    let queue = Queue::connect("memory:").wait()?;
    queue.dispatch_all((0..1_000).map(greet)).wait()?;
    let before = resident_bytes();
    queue.dispatch_all((0..JOBS).map(greet)).wait()?;
    let held = resident_bytes().saturating_sub(before) as f64 / JOBS as f64;
    let payload = payload::encode(&GreetArgs { user_id: 500_000, to: "someone@example.com".to_owned() })?.len();
    say(&format!("memory of a waiting job | {held:.0} bytes, of which {payload} are its payload"));
    drop(queue);

    let rounds = Rounds::from_args(5);
    let rate = |took: Duration| JOBS as f64 / took.as_secs_f64();
    let [bulk, single, limit] = rounds.medians(|| {
        let queue = Queue::connect("memory:").wait().expect("a store in memory");
        let started = Instant::now();
        queue.dispatch_all((0..JOBS).map(greet)).wait().expect("push");
        let bulk = started.elapsed();
        drop(queue);
        let queue = Queue::connect("memory:").wait().expect("a store in memory");
        let started = Instant::now();
        (0..JOBS).for_each(|user_id| drop(queue.dispatch(greet(user_id))));
        let single = started.elapsed();
        drop(queue);
        [rate(bulk), rate(single), rate(raw())]
    });
    say(&format!("pushes of a small job on one thread, jobs/s (median of {} rounds)", rounds.count));
    say(&format!("                bulk | {bulk:>9.0} | ratio to raw {:.2}", bulk / limit));
    say(&format!("          one by one | {single:>9.0} | ratio to raw {:.2}", single / limit));
    say(&format!("raw: encode, id, append | {limit:>6.0} |"));

    Ok(())
}
