//! Fifty callers, each of which awaits its push before the next: pushes made at the same time share a commit.

use std::time::{Duration, Instant};

use queue::Queue;
use queue_benches::Rounds;

use super::greet::greet;
use super::options::Options;
use super::server::{Ended, Server};
use super::{Done, rate, raw, report, runtime};

const PUSHERS: usize = 50;
/// Pushes of each in a turn, and single inserts in a turn of the raw form.
const PUSHES: usize = 40;
const RAW: usize = 200;
/// How often they take turns in a round: the disk has other things to do, and each pair of turns has them alike.
pub(crate) const TURNS: usize = 10;

pub(crate) fn measure(options: &Options, server: &Server) -> Done {
    let runtime = runtime()?;
    let [raw_database, our_database] = [runtime.block_on(server.database()), runtime.block_on(server.database())];
    let mut connection = runtime.block_on(raw_database.raw());
    let queue = runtime.block_on(our_database.queue(Ended::Kept));
    runtime.block_on(pushers(&queue));
    runtime.block_on(raw::insert_single(&mut connection, RAW));
    let [ours, raw, ratio] = Rounds { count: options.rounds.count * TURNS }.medians(|| {
        let started = Instant::now();
        runtime.block_on(raw::insert_single(&mut connection, RAW));
        let raw = rate(RAW, started.elapsed());
        let ours = rate(PUSHERS * PUSHES, runtime.block_on(pushers(&queue)));
        [ours, raw, ours / raw]
    });
    report("50 pushers, each awaits its push", ours, raw, ratio, "5");
    runtime.block_on(queue.shutdown())?;
    runtime.block_on(server.drop(our_database));
    runtime.block_on(server.drop(raw_database));
    Ok(())
}

async fn pushers(queue: &Queue) -> Duration {
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
    started.elapsed()
}
