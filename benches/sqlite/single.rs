//! One caller that awaits each push before the next, beside one insert after the other.

use std::time::{Duration, Instant};

use super::file::File;
use super::greet::greet;
use super::options::Options;
use super::pushers::one_by_one;
use super::{Done, rate, report, runtime};

const PUSHES: usize = 2_000;

pub(crate) fn measure(options: &Options) -> Done {
    let runtime = runtime()?;
    let [ours, raw, ratio] = options.rounds.medians(|| {
        let raw = rate(PUSHES, runtime.block_on(one_by_one(options, PUSHES)));
        let ours = rate(PUSHES, runtime.block_on(pushes(options)));
        [ours, raw, ours / raw]
    });
    report("one caller, one awaited push at a time", ours, raw, ratio, "0.75");
    Ok(())
}

async fn pushes(options: &Options) -> Duration {
    let file = File::new(&options.folder);
    let queue = file.queue().await;
    for user_id in 0..100 {
        queue.dispatch(greet(user_id)).await.expect("push");
    }
    let started = Instant::now();
    for user_id in 0..PUSHES {
        queue.dispatch(greet(user_id)).await.expect("push");
    }
    let took = started.elapsed();
    queue.shutdown().await.expect("nothing waits");
    took
}
