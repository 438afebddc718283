//! 500 jobs a second, from the push to the start of the handler: as ever, and while a snapshot is held and hundreds of thousands of rows are dead.

use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use queue::prelude::*;
use queue_benches::{percentile, say};

use super::greet::{self, greet};
use super::options::Options;
use super::server::{Ended, Server};
use super::{Done, runtime};

/// How many jobs are pushed at once, and how often.
const BATCH: usize = 50;
const EVERY: Duration = Duration::from_millis(100);

static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
static WAITS: Mutex<Vec<f64>> = Mutex::new(Vec::new());

#[derive(Queueable)]
struct Waited {
    pushed_micros: u64,
}

impl Job for Waited {
    async fn handle(&self) -> JobResult {
        let wait = now() - self.pushed_micros;
        WAITS.lock().expect("nothing panics").push(wait as f64 / 1e3);
        Ok(())
    }
}

fn now() -> u64 {
    u64::try_from(EPOCH.elapsed().as_micros()).expect("a bench ends")
}

pub(crate) fn measure(options: &Options, server: &Server) -> Done {
    let pushed = options.seconds * 10 * BATCH;
    let (clean, held) = runtime()?.block_on(async {
        let database = server.database().await;
        let queue = database.queue(Ended::Kept).await;
        let worker = Worker::builder(&queue, Container::builder().build()).start().await.expect("start");
        let clean = steady(&queue, pushed).await;
        let holder = database.hold().await;
        greet::expect(options.dead);
        queue.dispatch_all((0..options.dead).map(greet)).await.expect("it is stored");
        greet::reached().await;
        // Until the worker has looked after its jobs, and knows.
        tokio::time::sleep(Duration::from_secs(8)).await;
        let held = steady(&queue, pushed).await;
        worker.shutdown(Duration::from_secs(5)).await;
        queue.shutdown().await.expect("nothing waits");
        drop(holder);
        server.drop(database).await;
        (clean, held)
    });
    for (name, waits) in [("500 jobs/s", &clean), ("the same among dead rows", &held)] {
        let (p50, p99) = (percentile(waits, 50), percentile(waits, 99));
        say(&format!("{name:>44} | p50 {p50:.2} ms, p99 {p99:.2} ms | {} of {pushed} jobs ran", waits.len()));
    }
    let ratio = percentile(&held, 99) / percentile(&clean, 99);
    say(&format!("{:>44} | p99 {ratio:.2} of that without | goal 1.2", format!("{} dead", options.dead)));
    Ok(())
}

/// Pushes jobs at that rate; the milliseconds that each of them waited.
async fn steady(queue: &Queue, jobs: usize) -> Vec<f64> {
    WAITS.lock().expect("nothing panics").clear();
    let mut ticks = tokio::time::interval(EVERY);
    for _ in 0..jobs / BATCH {
        ticks.tick().await;
        drop(queue.dispatch_all((0..BATCH).map(|_| Waited::with(now()))));
    }
    queue.flush().await.expect("it is stored");
    let patience = Instant::now();
    while WAITS.lock().expect("nothing panics").len() < jobs && patience.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(EVERY).await;
    }
    WAITS.lock().expect("nothing panics").clone()
}
