//! Many jobs in one push, beside the same rows inserted 1,000 or 5,000 a transaction.

use std::time::{Duration, Instant};

use super::greet::greet;
use super::options::Options;
use super::server::{Ended, Server};
use super::{Done, rate, raw, report, runtime};

/// Jobs of a `dispatch_all`.
const JOBS: usize = 100_000;
/// How many rows the raw form inserts at once: whichever is faster is the limit.
const ROWS: [usize; 2] = [1_000, 5_000];

pub(crate) fn measure(options: &Options, server: &Server) -> Done {
    let runtime = runtime()?;
    let [ours, raw, ratio] = options.rounds.medians(|| {
        let raw = ROWS.map(|rows| rate(JOBS, runtime.block_on(insert(server, rows))));
        let raw = raw[0].max(raw[1]);
        let ours = rate(JOBS, runtime.block_on(dispatch_all(server)));
        [ours, raw, ours / raw]
    });
    report("bulk: dispatch_all of 100,000", ours, raw, ratio, "0.60");
    Ok(())
}

async fn insert(server: &Server, rows: usize) -> Duration {
    let database = server.database().await;
    let mut connection = database.raw().await;
    raw::insert_many(&mut connection, 1_000, rows).await;
    let started = Instant::now();
    raw::insert_many(&mut connection, JOBS, rows).await;
    let took = started.elapsed();
    server.drop(database).await;
    took
}

async fn dispatch_all(server: &Server) -> Duration {
    let database = server.database().await;
    let queue = database.queue(Ended::Kept).await;
    queue.dispatch_all((0..1_000).map(greet)).await.expect("push");
    let started = Instant::now();
    queue.dispatch_all((0..JOBS).map(greet)).await.expect("push");
    let took = started.elapsed();
    queue.shutdown().await.expect("nothing waits");
    server.drop(database).await;
    took
}
