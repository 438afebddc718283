//! How fast a worker drains the memory driver, beside the raw forms of the same work in the same run.
//!
//! The raw forms take a prefilled channel of JSON payloads on as many threads: one spawns a task a job behind a semaphore of ten, one
//! has ten tasks that loop. Both decode the payload and count. The worker fetches, leases, decodes, injects, runs, and settles.
//! All are timed from the first job to the last: how a backlog is let go is not what is measured.
//!
//! `cargo bench -p queue-benches --bench drain`

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use queue::prelude::*;
use queue_benches::{Rounds, THREADS, say};
use tokio::sync::{Notify, Semaphore};

/// How many jobs each figure drains in all, so that the small backlogs are measured as well as the large one.
const JOBS: usize = 1_000_000;
const CONCURRENCY: usize = 10;

static DONE: AtomicUsize = AtomicUsize::new(0);
static GOAL: AtomicUsize = AtomicUsize::new(0);
static REACHED: Notify = Notify::const_new();
/// When the first job of a backlog ran, and the last.
static SPAN: [Mutex<Option<Instant>>; 2] = [const { Mutex::new(None) }; 2];

fn one_more() {
    let before = DONE.fetch_add(1, Ordering::AcqRel);
    if before == 0 {
        note(0);
    }
    if before + 1 == GOAL.load(Ordering::Acquire) {
        note(1);
        REACHED.notify_one();
    }
}

fn note(end: usize) {
    *SPAN[end].lock().expect("nothing panics") = Some(Instant::now());
}

fn expect(jobs: usize) {
    DONE.store(0, Ordering::Release);
    GOAL.store(jobs, Ordering::Release);
}

/// How long the expected jobs took, from the first to the last.
async fn reached() -> Duration {
    REACHED.notified().await;
    let [first, last] = [0, 1].map(|end| SPAN[end].lock().expect("nothing panics").expect("it ran"));
    last - first
}

#[derive(Queueable)]
struct Greet {
    user_id: u64,
    to: String,
}

impl Job for Greet {
    async fn handle(&self) -> JobResult {
        std::hint::black_box((self.user_id, &self.to));
        one_more();
        Ok(())
    }
}

fn greet(user_id: usize) -> queue::Pending<Greet> {
    Greet::with(user_id as u64, "someone@example.com".to_owned())
}

fn payloads(jobs: usize) -> Vec<Arc<[u8]>> {
    (0..jobs).map(|user_id| Arc::from(format!(r#"{{"user_id":{user_id},"to":"someone@example.com"}}"#).as_bytes())).collect()
}

fn decode(payload: &[u8]) {
    let args: GreetArgs = serde_json::from_slice(payload).expect("a payload that this program made");
    std::hint::black_box((args.user_id, &args.to));
    one_more();
}

/// A prefilled channel, and a task a job behind a semaphore.
async fn raw_spawn(jobs: usize) -> Duration {
    let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
    payloads(jobs).into_iter().for_each(|payload| drop(send.send(payload)));
    drop(send);
    expect(jobs);
    let slots = Arc::new(Semaphore::new(CONCURRENCY));
    let feeder = tokio::spawn(async move {
        while let Some(payload) = receive.recv().await {
            let slot = Arc::clone(&slots).acquire_owned().await.expect("the semaphore stays open");
            tokio::spawn(async move {
                decode(&payload);
                drop(slot);
            });
        }
    });
    let took = reached().await;
    feeder.await.expect("the feeder ends");
    took
}

/// A prefilled channel, and ten tasks that loop.
async fn raw_loops(jobs: usize) -> Duration {
    let (send, receive) = flume::unbounded();
    payloads(jobs).into_iter().for_each(|payload| drop(send.send(payload)));
    drop(send);
    expect(jobs);
    let loops: Vec<_> = (0..CONCURRENCY)
        .map(|_| {
            let receive = receive.clone();
            tokio::spawn(async move {
                while let Ok(payload) = receive.recv_async().await {
                    decode(&payload);
                    tokio::task::coop::consume_budget().await;
                }
            })
        })
        .collect();
    let took = reached().await;
    for task in loops {
        task.await.expect("a loop ends");
    }
    took
}

/// The worker: pushed while the queue is paused.
async fn worker(queue: &Queue, jobs: usize) -> Duration {
    queue.pause("default").await.expect("pause");
    queue.dispatch_all((0..jobs).map(greet)).await.expect("push");
    expect(jobs);
    queue.resume("default").await.expect("resume");
    reached().await
}

/// The backlogs to measure: all, or the one given by `--waiting N`.
fn backlogs() -> Vec<usize> {
    let mut args = std::env::args().skip_while(|arg| arg != "--waiting");
    args.nth(1).and_then(|waiting| waiting.parse().ok()).map_or_else(|| vec![1_000, 10_000, 100_000, 1_000_000], |one| vec![one])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let rounds = Rounds::from_args(5);
    say(&format!(
        "no-op jobs drained at concurrency {CONCURRENCY} on {THREADS} threads, jobs/s (median of {} rounds)",
        rounds.count
    ));
    say("  waiting |   worker | raw, a spawn a job | ratio | raw, ten loops | ratio");
    let queue = runtime.block_on(async { Queue::connect("memory:").await })?;
    let started = Worker::builder(&queue, Container::builder().build()).concurrency(CONCURRENCY).threads(THREADS).start();
    let started = runtime.block_on(started)?;
    for waiting in backlogs() {
        let repeats = JOBS / waiting;
        let rate = |took: Duration| (repeats * waiting) as f64 / took.as_secs_f64();
        // Pairs: the machine's speed drifts, and each round measures all three within it.
        let [ours, spawn, loops] = rounds.medians(|| {
            runtime.block_on(async {
                let mut times = [Duration::ZERO; 3];
                for _ in 0..repeats {
                    times[0] += worker(&queue, waiting).await;
                    times[1] += raw_spawn(waiting).await;
                    times[2] += raw_loops(waiting).await;
                }
                times.map(rate)
            })
        });
        say(&format!(
            "{waiting:>9} | {ours:>8.0} | {spawn:>18.0} | {:>5.2} | {loops:>14.0} | {:>5.2}",
            ours / spawn,
            ours / loops
        ));
    }
    runtime.block_on(started.shutdown(Duration::from_secs(5)));
    Ok(())
}
