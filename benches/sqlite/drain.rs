//! How fast a worker drains a file of no-op jobs: timed until the last one is stored as completed.

use std::time::{Duration, Instant};

use queue::job::JobState;
use queue::prelude::*;
use queue_benches::{THREADS, say};

use super::file::{self, File};
use super::options::Options;
use super::raw::{self, As};
use super::{Done, greet, rate, report, runtime};

const CONCURRENCY: usize = 10;
const MILLION: usize = 1_000_000;

pub(crate) fn measure(options: &Options) -> Done {
    let mut rates = vec![one(options, options.jobs, 0)?];
    if options.has_history {
        rates.push(one(options, options.jobs, MILLION)?);
    }
    if options.is_long {
        rates.push(one(options, MILLION, 0)?);
    }
    if rates.len() > 1 {
        let [least, most] = [f64::min, f64::max].map(|of| rates.iter().copied().reduce(of).unwrap_or_default());
        say(&format!("{:>44} | {:.2}  | goal 0.80", "drain: the slowest of these to the fastest", least / most));
    }
    Ok(())
}

fn one(options: &Options, jobs: usize, history: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let runtime = runtime()?;
    let full = runtime.block_on(fill(options, jobs, history));
    let [ours, raw, ratio] = options.rounds.medians(|| {
        let limit = rate(jobs, runtime.block_on(raw_drain(options, &full, jobs)));
        let ours = rate(jobs, runtime.block_on(worker(options, &full, jobs, history)));
        [ours, limit, ours / limit]
    });
    report(&format!("drain of {jobs}, {history} finished"), ours, raw, ratio, "0.60");
    Ok(ours)
}

/// A file with so many waiting and finished jobs.
async fn fill(options: &Options, jobs: usize, history: usize) -> File {
    let full = File::new(&options.folder);
    let mut connection = full.raw().await;
    raw::insert_many(&mut connection, history, As::Completed).await;
    raw::insert_many(&mut connection, jobs, As::Available).await;
    raw::count(&mut connection, jobs, history).await;
    file::close(connection).await;
    full
}

async fn raw_drain(options: &Options, full: &File, jobs: usize) -> Duration {
    let file = full.copy(&options.folder);
    let mut connection = file.raw().await;
    let started = Instant::now();
    assert_eq!(raw::drain(&mut connection).await, jobs);
    let took = started.elapsed();
    file::close(connection).await;
    took
}

async fn worker(options: &Options, full: &File, jobs: usize, history: usize) -> Duration {
    let file = full.copy(&options.folder);
    let queue = file.queue().await;
    queue.pause("default").await.expect("pause");
    let container = Container::builder().build();
    let worker = Worker::builder(&queue, container).concurrency(CONCURRENCY).threads(THREADS).start().await.expect("start");
    greet::expect(jobs);
    let started = Instant::now();
    queue.resume("default").await.expect("resume");
    greet::reached().await;
    let all = (jobs + history) as u64;
    while queue.counts().await.expect("counts").total(JobState::Completed) < all {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = started.elapsed();
    worker.shutdown(Duration::from_secs(5)).await;
    queue.shutdown().await.expect("nothing waits");
    took
}
