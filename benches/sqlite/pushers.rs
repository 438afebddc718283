//! A hundred callers, each of which awaits its push before the next: pushes made at the same time share a commit.

use std::time::{Duration, Instant};

use super::file::{self, File};
use super::greet::greet;
use super::options::Options;
use super::{Done, rate, raw, report, runtime};

const PUSHERS: usize = 100;
/// Pushes of each.
const PUSHES: usize = 400;
const RAW: usize = 2_000;

pub(crate) fn measure(options: &Options) -> Done {
    let runtime = runtime()?;
    let [ours, raw, ratio] = options.rounds.medians(|| {
        let raw = rate(RAW, runtime.block_on(one_by_one(options, RAW)));
        let ours = rate(PUSHERS * PUSHES, runtime.block_on(pushers(options)));
        [ours, raw, ours / raw]
    });
    report("100 pushers, each awaits its push", ours, raw, ratio, "20");
    Ok(())
}

/// One transaction a push.
pub(crate) async fn one_by_one(options: &Options, jobs: usize) -> Duration {
    let file = File::new(&options.folder);
    let mut connection = file.raw().await;
    raw::insert_single(&mut connection, 100).await;
    let started = Instant::now();
    raw::insert_single(&mut connection, jobs).await;
    let took = started.elapsed();
    file::close(connection).await;
    took
}

async fn pushers(options: &Options) -> Duration {
    let file = File::new(&options.folder);
    let queue = file.queue().await;
    queue.dispatch(greet(0)).await.expect("push");
    let started = Instant::now();
    let pushers: Vec<_> = (0..PUSHERS)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move {
                for user_id in 0..PUSHES {
                    queue.dispatch(greet(user_id)).await.expect("push");
                }
            })
        })
        .collect();
    for pusher in pushers {
        pusher.await.expect("a pusher ends");
    }
    let took = started.elapsed();
    queue.shutdown().await.expect("nothing waits");
    took
}
