//! Many jobs in one push, beside the same rows inserted 1,000 a transaction.

use std::time::{Duration, Instant};

use super::file::{self, File};
use super::greet::greet;
use super::options::Options;
use super::raw::{self, As};
use super::{Done, rate, report, runtime};

/// Jobs of a `dispatch_all`, and how many of those.
const JOBS: usize = 20_000;
const PUSHES: usize = 5;

pub(crate) fn measure(options: &Options) -> Done {
    let runtime = runtime()?;
    let all = JOBS * PUSHES;
    let [ours, raw, ratio] = options.rounds.medians(|| {
        let raw = rate(all, runtime.block_on(insert(options, all)));
        let ours = rate(all, runtime.block_on(dispatch_all(options)));
        [ours, raw, ours / raw]
    });
    report("bulk: dispatch_all of 20,000", ours, raw, ratio, "0.50");
    Ok(())
}

async fn insert(options: &Options, jobs: usize) -> Duration {
    let file = File::new(&options.folder);
    let mut connection = file.raw().await;
    raw::insert_many(&mut connection, 1_000, As::Available).await;
    let started = Instant::now();
    raw::insert_many(&mut connection, jobs, As::Available).await;
    let took = started.elapsed();
    file::close(connection).await;
    took
}

async fn dispatch_all(options: &Options) -> Duration {
    let file = File::new(&options.folder);
    let queue = file.queue().await;
    queue.dispatch_all((0..1_000).map(greet)).await.expect("push");
    let started = Instant::now();
    for _ in 0..PUSHES {
        queue.dispatch_all((0..JOBS).map(greet)).await.expect("push");
    }
    let took = started.elapsed();
    queue.shutdown().await.expect("nothing waits");
    took
}
