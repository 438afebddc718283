//! A hundred callers, each of which awaits its push before the next: pushes made at the same time share a commit.

use std::time::{Duration, Instant};

use queue::Queue;
use queue_benches::Rounds;

use super::file::{self, File};
use super::greet::greet;
use super::options::Options;
use super::{Done, rate, raw, report, runtime};

const PUSHERS: usize = 100;
/// Pushes of each in a turn, and single inserts in a turn of the raw form.
const PUSHES: usize = 40;
const RAW: usize = 100;
/// How often they take turns in a round: the disk has other things to do, and each pair of turns has them alike.
pub(crate) const TURNS: usize = 20;

pub(crate) fn measure(options: &Options) -> Done {
    let runtime = runtime()?;
    let (raw_file, our_file) = (File::new(&options.folder), File::new(&options.folder));
    let mut connection = runtime.block_on(raw_file.raw());
    let queue = runtime.block_on(our_file.queue());
    runtime.block_on(pushers(&queue));
    runtime.block_on(raw::insert_single(&mut connection, RAW));
    let [ours, raw, ratio] = Rounds { count: options.rounds.count * TURNS }.medians(|| {
        let started = Instant::now();
        runtime.block_on(raw::insert_single(&mut connection, RAW));
        let raw = rate(RAW, started.elapsed());
        let ours = rate(PUSHERS * PUSHES, runtime.block_on(pushers(&queue)));
        [ours, raw, ours / raw]
    });
    report("100 pushers, each awaits its push", ours, raw, ratio, "20");
    runtime.block_on(file::close(connection));
    runtime.block_on(queue.shutdown())?;
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
