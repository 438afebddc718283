//! One caller that awaits each push before the next, beside one insert after the other.

use std::time::{Duration, Instant};

use queue::Queue;
use queue_benches::Rounds;

use super::file::{self, File};
use super::greet::greet;
use super::options::Options;
use super::pushers::TURNS;
use super::{Done, rate, raw, report, runtime};

/// Pushes in a turn of each form.
const PUSHES: usize = 100;

pub(crate) fn measure(options: &Options) -> Done {
    let runtime = runtime()?;
    let (raw_file, our_file) = (File::new(&options.folder), File::new(&options.folder));
    let mut connection = runtime.block_on(raw_file.raw());
    let queue = runtime.block_on(our_file.queue());
    runtime.block_on(pushes(&queue));
    runtime.block_on(raw::insert_single(&mut connection, PUSHES));
    let [ours, raw, ratio] = Rounds { count: options.rounds.count * TURNS }.medians(|| {
        let started = Instant::now();
        runtime.block_on(raw::insert_single(&mut connection, PUSHES));
        let raw = rate(PUSHES, started.elapsed());
        let ours = rate(PUSHES, runtime.block_on(pushes(&queue)));
        [ours, raw, ours / raw]
    });
    report("one caller, one awaited push at a time", ours, raw, ratio, "0.75");
    runtime.block_on(file::close(connection));
    runtime.block_on(queue.shutdown())?;
    Ok(())
}

async fn pushes(queue: &Queue) -> Duration {
    let started = Instant::now();
    for user_id in 0..PUSHES {
        queue.dispatch(greet(user_id)).await.expect("push");
    }
    started.elapsed()
}
