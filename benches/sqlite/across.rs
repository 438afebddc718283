//! From the call of a push in one process to the start of its handler in another one, which looks at the file every 20 ms.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use queue::prelude::*;
use queue_benches::{percentile, say};
use tokio::sync::Notify;

use super::file::File;
use super::options::Options;
use super::{Done, runtime};

const SAMPLES: usize = 500;

static MILLIS: Mutex<Vec<f64>> = Mutex::new(Vec::new());
static LEFT: AtomicUsize = AtomicUsize::new(0);
static ALL: Notify = Notify::const_new();

/// Says when it was pushed, in microseconds on the clock that both processes share.
#[derive(Queueable)]
struct Letter {
    sent_at: u64,
}

impl Job for Letter {
    async fn handle(&self) -> JobResult {
        MILLIS.lock().expect("nothing panics").push(micros().saturating_sub(self.sent_at) as f64 / 1e3);
        if LEFT.fetch_sub(1, Ordering::AcqRel) == 1 {
            ALL.notify_one();
        }
        Ok(())
    }
}

fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    u64::try_from(since.as_micros()).expect("the clock is before the year 586,000")
}

pub(crate) fn measure(options: &Options) -> Done {
    let runtime = runtime()?;
    let [p50, p99] = options.rounds.medians(|| {
        let millis = runtime.block_on(letters(options));
        [percentile(&millis, 50), percentile(&millis, 99)]
    });
    say(&format!(
        "{:>44} | p50 {p50:.2} ms, p99 {p99:.2} ms | poll 20 ms | goal p99 25 ms",
        "push to handler, from another process"
    ));
    Ok(())
}

async fn letters(options: &Options) -> Vec<f64> {
    let file = File::new(&options.folder);
    let queue = file.queue().await;
    let worker = Worker::builder(&queue, Container::builder().build()).start().await.expect("start");
    LEFT.store(SAMPLES, Ordering::Release);
    let program = std::env::current_exe().expect("this program has a path");
    let mut child = std::process::Command::new(program).arg("--child").arg(file.path()).spawn().expect("it starts once more");
    ALL.notified().await;
    assert!(child.wait().expect("a child").success(), "the child pushed");
    worker.shutdown(Duration::from_secs(1)).await;
    queue.shutdown().await.expect("nothing waits");
    std::mem::take(&mut *MILLIS.lock().expect("nothing panics"))
}

/// The other process: pushes, with pauses that do not keep step with the other's looks.
pub(crate) fn push(path: &Path) -> Done {
    runtime()?.block_on(async {
        let queue = Queue::from_driver(std::sync::Arc::new(queue::drivers::Sqlite::open(path).await?));
        for number in 0..SAMPLES as u64 {
            tokio::time::sleep(Duration::from_micros(21_000 + number * 7_919 % 20_000)).await;
            queue.dispatch(Letter::with(micros())).await?;
        }
        queue.shutdown().await?;
        Ok(())
    })
}
