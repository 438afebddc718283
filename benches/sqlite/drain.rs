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

/// How often the small backlog is drained in a round, which takes a moment.
const REPEATS: usize = 5;

pub(crate) fn measure(options: &Options) -> Done {
    let runtime = runtime()?;
    let small = Case { jobs: options.jobs, history: 0, repeats: REPEATS };
    let all = [
        Some(small),
        options.has_history.then_some(Case { history: MILLION, ..small }),
        options.is_long.then_some(Case { jobs: MILLION, history: 0, repeats: 1 }),
    ];
    let full = all.map(|case| case.map(|case| (case, runtime.block_on(fill(options, case)))));
    // All of them in each round: they are compared with one another.
    let measured = options.rounds.medians(|| {
        let mut figures = [0.0; 12];
        for (nth, (case, full)) in full.iter().flatten().enumerate() {
            let mut took = [Duration::ZERO; 2];
            for _ in 0..case.repeats {
                took[0] += runtime.block_on(worker(options, full, *case));
                took[1] += runtime.block_on(raw_drain(options, full, *case));
            }
            let [ours, raw] = took.map(|took| rate(case.jobs * case.repeats, took));
            figures[nth * 4..][..3].copy_from_slice(&[ours, raw, ours / raw]);
            figures[nth * 4 + 3] = ours / figures[0];
        }
        figures
    });
    for (nth, (case, _)) in full.iter().flatten().enumerate() {
        let &[ours, raw, ratio, of_small] = &measured[nth * 4..][..4] else { continue };
        report(&format!("drain of {}, {} finished", case.jobs, case.history), ours, raw, ratio, "0.60");
        if nth > 0 {
            say(&format!("{:>44} | {of_small:>9.2} of the first | goal 0.80", ""));
        }
    }
    Ok(())
}

/// What is drained.
#[derive(Debug, Clone, Copy)]
struct Case {
    jobs: usize,
    /// How many finished jobs lie in the file.
    history: usize,
    repeats: usize,
}

/// A file with so many waiting and finished jobs.
async fn fill(options: &Options, Case { jobs, history, .. }: Case) -> File {
    let full = File::new(&options.folder);
    let mut connection = full.raw().await;
    raw::insert_many(&mut connection, history, As::Completed).await;
    raw::insert_many(&mut connection, jobs, As::Available).await;
    raw::count(&mut connection, jobs, history).await;
    file::close(connection).await;
    full
}

async fn raw_drain(options: &Options, full: &File, case: Case) -> Duration {
    let file = full.copy(&options.folder);
    let mut connection = file.raw().await;
    let started = Instant::now();
    assert_eq!(raw::drain(&mut connection).await, case.jobs);
    let took = started.elapsed();
    file::close(connection).await;
    took
}

async fn worker(options: &Options, full: &File, Case { jobs, history, .. }: Case) -> Duration {
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
