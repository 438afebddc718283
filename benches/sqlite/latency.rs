//! From the call of a push to the start of its handler, on an idle worker of the same process, beside one raw insert.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use queue::prelude::*;
use queue_benches::{percentile, say};
use tokio::sync::Notify;

use super::file::{self, File};
use super::options::Options;
use super::{Done, raw, runtime};

const SAMPLES: usize = 500;
/// Between two samples, so that everything has gone to sleep.
const PAUSE: Duration = Duration::from_millis(7);

static SEEN_AT: Mutex<Option<Instant>> = Mutex::new(None);
static SEEN: Notify = Notify::const_new();

#[derive(Queueable)]
struct Touch {
    number: u64,
}

impl Job for Touch {
    async fn handle(&self) -> JobResult {
        std::hint::black_box(self.number);
        *SEEN_AT.lock().expect("nothing panics") = Some(Instant::now());
        SEEN.notify_one();
        Ok(())
    }
}

pub(crate) fn measure(options: &Options) -> Done {
    let runtime = runtime()?;
    let [p50, p99, raw50, raw99] = options.rounds.medians(|| {
        let raw = runtime.block_on(inserts(options));
        let ours = runtime.block_on(touches(options));
        [percentile(&ours, 50), percentile(&ours, 99), percentile(&raw, 50), percentile(&raw, 99)]
    });
    say(&format!(
        "{:>44} | p50 {p50:.2} ms, p99 {p99:.2} ms | one raw insert p50 {raw50:.2} ms, p99 {raw99:.2} ms | ratio {:.2} | goal p50 1 ms",
        "push to handler, one process",
        p50 / raw50
    ));
    Ok(())
}

async fn inserts(options: &Options) -> Vec<f64> {
    let file = File::new(&options.folder);
    let mut connection = file.raw().await;
    let mut millis = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        tokio::time::sleep(PAUSE).await;
        let before = Instant::now();
        raw::insert_single(&mut connection, 1).await;
        millis.push(before.elapsed().as_secs_f64() * 1e3);
    }
    file::close(connection).await;
    millis
}

async fn touches(options: &Options) -> Vec<f64> {
    let file = File::new(&options.folder);
    let queue = file.queue().await;
    let worker = Worker::builder(&queue, Container::builder().build()).start().await.expect("start");
    let mut millis = Vec::with_capacity(SAMPLES);
    for number in 0..SAMPLES as u64 {
        tokio::time::sleep(PAUSE).await;
        let before = Instant::now();
        drop(queue.dispatch(Touch::with(number)));
        SEEN.notified().await;
        let seen = SEEN_AT.lock().expect("nothing panics").expect("it ran");
        millis.push((seen - before).as_secs_f64() * 1e3);
    }
    worker.shutdown(Duration::from_secs(1)).await;
    queue.shutdown().await.expect("nothing waits");
    millis
}
