//! What the memory driver costs: the time of push, fetch and settle a job, by backlog, and the memory of a waiting job.
//!
//! `cargo bench -p queue-benches --bench memory_driver`
//!
//! Beside each figure stands the raw form in the same run: a `VecDeque` of the same structs behind the same kind of lock.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::any::Any;
use std::collections::VecDeque;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use queue::JobId;
use queue::drivers::{Driver, Due, FetchRequest, Group, Memory, NewJob, QueueRequest, Settlement, WorkerId};
use queue::job::Outcome;

/// Jobs of a push.
const PUSH: usize = 1_000;
/// Jobs of a fetch and of a settlement.
const FETCH: usize = 256;
/// Jobs that each figure is taken over, at least.
const JOBS: usize = 2_000_000;

const PAYLOAD: &[u8] = br#"{"user_id":123456789,"template":"welcome-mail"}"#;

fn main() {
    // Each fill is measured in a process of its own, which has no memory to use again.
    if let Some(fill) = std::env::args().find_map(|argument| argument.strip_prefix("--fill=").map(str::to_owned)) {
        return print_bytes(if fill == "raw" { fill_raw } else { fill_memory });
    }
    println!("bytes a waiting job at 1,000,000, with {} of payload and 16 of its counters:", PAYLOAD.len());
    for (name, fill) in [("raw VecDeque", "raw"), ("memory", "memory")] {
        println!("{name:>16} {:>6}", bytes_of(fill).unwrap_or_else(|| "-".to_owned()));
    }
    println!();
    println!("ns a job, median of the batches: push by {PUSH}, fetch and settle by {FETCH}, one thread");
    println!("{:>10} {:>16} {:>8} {:>8} {:>8} {:>8} {:>8}", "waiting", "", "push", "fetch", "settle", "sum", "of raw");
    for backlog in [1_000, 100_000, 1_000_000] {
        let (raw, memory) = (raw(backlog), memory(backlog));
        print_row(backlog, "raw VecDeque", &raw, &raw);
        print_row(backlog, "memory", &memory, &raw);
    }
}

/// What this program says when it is started to fill one store.
fn bytes_of(fill: &str) -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let output = std::process::Command::new(program).arg(format!("--fill={fill}")).output().ok()?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
}

fn print_bytes(fill: fn() -> Box<dyn Any>) {
    let before = resident();
    let filled = fill();
    println!("{}", resident().saturating_sub(before) / 1_000_000);
    drop(filled);
}

/// Time a job, in nanoseconds.
struct Cost {
    push: f64,
    fetch: f64,
    settle: f64,
}

impl Cost {
    fn sum(&self) -> f64 {
        self.push + self.fetch + self.settle
    }
}

fn print_row(backlog: usize, name: &str, cost: &Cost, raw: &Cost) {
    let Cost { push, fetch, settle } = cost;
    let (sum, ratio) = (cost.sum(), cost.sum() / raw.sum());
    println!("{backlog:>10} {name:>16} {push:>8.0} {fetch:>8.0} {settle:>8.0} {sum:>8.0} {ratio:>8.1}");
}

/// Times a job of each batch: their median does not mind that the machine has other things to do.
#[derive(Default)]
struct Times {
    push: Vec<f64>,
    fetch: Vec<f64>,
    settle: Vec<f64>,
    jobs: usize,
}

impl Times {
    fn cost(self) -> Cost {
        let median = |mut times: Vec<f64>| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        Cost { push: median(self.push), fetch: median(self.fetch), settle: median(self.settle) }
    }
}

/// Fills the driver with a backlog and drains it, as often as it takes.
fn memory(backlog: usize) -> Cost {
    let driver = Memory::new();
    let source = Source::new();
    let request = FetchRequest {
        worker: WorkerId::now_v7(),
        lease: Duration::from_secs(30),
        queues: vec![QueueRequest { queue: Arc::clone(&source.queue), free: FETCH, ahead: 0 }],
        except: Vec::new(),
    };
    let mut times = Times::default();
    while times.jobs < JOBS {
        for _ in 0..backlog / PUSH {
            let mut groups = vec![Group { jobs: source.jobs(), tick: None }];
            times.push.push(timed(PUSH, || driver.push_now(&mut groups)).1);
        }
        loop {
            let (deliveries, time) = timed(FETCH, || ready(driver.fetch(&request)).expect("the memory driver answers"));
            if deliveries.is_empty() {
                break;
            }
            times.jobs += deliveries.len();
            let done: Vec<_> = deliveries.iter().map(|delivery| Settlement::new(delivery.lease, Outcome::Complete)).collect();
            let (_, settling) = timed(FETCH, || ready(driver.settle(&done)).expect("the memory driver answers"));
            if deliveries.len() == FETCH {
                times.fetch.push(time);
                times.settle.push(settling);
            }
        }
    }
    times.cost()
}

/// The same with nothing but a queue behind a lock: no ids, no order, no leases, no states.
fn raw(backlog: usize) -> Cost {
    let waiting = Mutex::new(VecDeque::new());
    let source = Source::new();
    let mut times = Times::default();
    while times.jobs < JOBS {
        for _ in 0..backlog / PUSH {
            let jobs = source.jobs();
            times.push.push(timed(PUSH, || waiting.lock().expect("nobody panics").extend(jobs)).1);
        }
        loop {
            let (jobs, time) = timed(FETCH, || {
                let mut waiting = waiting.lock().expect("nobody panics");
                let count = waiting.len().min(FETCH);
                waiting.drain(..count).collect::<Vec<NewJob>>()
            });
            if jobs.is_empty() {
                break;
            }
            let count = jobs.len();
            times.jobs += count;
            let (_, settling) = timed(FETCH, || drop(black_box(jobs)));
            if count == FETCH {
                times.fetch.push(time);
                times.settle.push(settling);
            }
        }
    }
    times.cost()
}

fn fill_memory() -> Box<dyn Any> {
    let driver = Memory::new();
    let source = Source::new();
    for _ in 0..1_000 {
        driver.push_now(&mut vec![Group { jobs: source.jobs(), tick: None }]);
    }
    Box::new(driver)
}

fn fill_raw() -> Box<dyn Any> {
    let source = Source::new();
    let mut waiting = VecDeque::new();
    for _ in 0..1_000 {
        waiting.extend(source.jobs());
    }
    Box::new(waiting)
}

/// Makes jobs as a pusher does: names interned, a payload each.
struct Source {
    kind: Arc<str>,
    queue: Arc<str>,
}

impl Source {
    fn new() -> Self {
        Self { kind: "SendWelcomeEmail".into(), queue: "mail".into() }
    }

    fn jobs(&self) -> Vec<NewJob> {
        let job = |_| NewJob {
            id: JobId::new(),
            kind: Arc::clone(&self.kind),
            queue: Arc::clone(&self.queue),
            payload: PAYLOAD.into(),
            version: 1,
            priority: 100,
            max_attempts: 20,
            due: Due::Now,
            extra: None,
        };
        (0..PUSH).map(job).collect()
    }
}

/// An answer, and the time that it took for each of so many jobs, in nanoseconds.
fn timed<T>(jobs: usize, act: impl FnOnce() -> T) -> (T, f64) {
    let begin = Instant::now();
    let answer = act();
    (answer, begin.elapsed().as_secs_f64() * 1e9 / jobs as f64)
}

/// The answer of a future that does not wait.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("the memory driver never waits"),
    }
}

/// Memory of this process that is in use, in bytes; zero where there is no `/proc`.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages: Option<usize> = pages.and_then(|text| text.split(' ').nth(1)?.parse().ok());
    pages.unwrap_or(0) * 4096
}
