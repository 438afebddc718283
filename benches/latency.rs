//! From the push to the start of the handler on an idle worker, beside the wake-up of an idle tokio task in the same run.
//!
//! `cargo bench -p queue-benches --bench latency`

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use queue::prelude::*;
use queue_benches::{percentile, say};
use tokio::sync::Notify;

const SAMPLES: usize = 2_000;
/// Between two samples, so that everything has gone to sleep.
const PAUSE: Duration = Duration::from_millis(3);

static STARTED: OnceLock<Instant> = OnceLock::new();
static AT: AtomicU64 = AtomicU64::new(0);
static SEEN: Notify = Notify::const_new();

fn now() -> u64 {
    u64::try_from(STARTED.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn seen() {
    AT.store(now(), Ordering::Release);
    SEEN.notify_one();
}

#[derive(Queueable)]
struct Touch {
    number: u64,
}

impl Job for Touch {
    async fn handle(&self) -> JobResult {
        std::hint::black_box(self.number);
        seen();
        Ok(())
    }
}

async fn sample(mut push: impl FnMut(u64)) -> Vec<f64> {
    let mut micros = Vec::with_capacity(SAMPLES);
    for number in 0..SAMPLES as u64 {
        tokio::time::sleep(PAUSE).await;
        let before = now();
        push(number);
        SEEN.notified().await;
        micros.push((AT.load(Ordering::Acquire) - before) as f64 / 1_000.0);
    }
    micros
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let caller = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    say(&format!("from the push to the start of the handler, idle worker, {SAMPLES} samples, µs"));
    caller.block_on(async {
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel::<u64>();
        runtime.spawn(async move {
            while let Some(number) = receive.recv().await {
                std::hint::black_box(number);
                seen();
            }
        });
        let raw = sample(|number| send.send(number).expect("the task lives")).await;

        let queue = Queue::connect("memory:").await?;
        let worker = Worker::builder(&queue, Container::builder().build()).start().await?;
        let ours = sample(|number| drop(queue.dispatch(Touch::with(number)))).await;
        worker.shutdown(Duration::from_secs(1)).await;

        for (name, micros) in [("raw: a task on a channel", &raw), ("push to handler", &ours)] {
            say(&format!("{name:>26} | p50 {:>6.1} | p99 {:>6.1}", percentile(micros, 50), percentile(micros, 99)));
        }
        say(&format!(
            "{:>26} | p50 {:>6.2} | p99 {:>6.2}",
            "ratio",
            percentile(&ours, 50) / percentile(&raw, 50),
            percentile(&ours, 99) / percentile(&raw, 99)
        ));
        Ok(())
    })
}
