//! One caller that awaits each push before the next, beside one insert after the other.

use std::time::{Duration, Instant};

use queue::Queue;
use queue_benches::Rounds;

use super::greet::greet;
use super::options::Options;
use super::pushers::TURNS;
use super::server::{Ended, Server};
use super::{Done, rate, raw, report, runtime};

/// Pushes in a turn of each form.
const PUSHES: usize = 200;

pub(crate) fn measure(options: &Options, server: &Server) -> Done {
    let runtime = runtime()?;
    let [raw_database, our_database] = [runtime.block_on(server.database()), runtime.block_on(server.database())];
    let mut connection = runtime.block_on(raw_database.raw());
    let queue = runtime.block_on(our_database.queue(Ended::Kept));
    runtime.block_on(pushes(&queue));
    runtime.block_on(raw::insert_single(&mut connection, PUSHES));
    let [ours, raw, ratio] = Rounds { count: options.rounds.count * TURNS }.medians(|| {
        let started = Instant::now();
        runtime.block_on(raw::insert_single(&mut connection, PUSHES));
        let raw = rate(PUSHES, started.elapsed());
        let ours = rate(PUSHES, runtime.block_on(pushes(&queue)));
        [ours, raw, ours / raw]
    });
    report("one caller, one awaited push at a time", ours, raw, ratio, "none");
    runtime.block_on(queue.shutdown())?;
    runtime.block_on(server.drop(our_database));
    runtime.block_on(server.drop(raw_database));
    Ok(())
}

async fn pushes(queue: &Queue) -> Duration {
    let started = Instant::now();
    for user_id in 0..PUSHES {
        queue.dispatch(greet(user_id)).await.expect("push");
    }
    started.elapsed()
}
