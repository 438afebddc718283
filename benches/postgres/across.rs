//! From the call of a push in one process to the start of its handler in another one, which the server tells of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use queue::prelude::*;
use queue_benches::{percentile, say};
use tokio::sync::Notify;

use super::options::Options;
use super::server::{Ended, Server};
use super::{Done, latency, runtime};

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

pub(crate) fn measure(options: &Options, server: &Server) -> Done {
    let runtime = runtime()?;
    let measured = options.rounds.medians(|| {
        let raw = runtime.block_on(latency::bare(server));
        let ours = runtime.block_on(letters(server));
        let [p50, p99, raw50, raw99] = [(&ours, 50), (&ours, 99), (&raw, 50), (&raw, 99)].map(|(of, p)| percentile(of, p));
        [p50, p99, raw50, raw99, p50 / raw50, p99 / raw99]
    });
    say(&latency::line("push to handler, from another process", measured));
    Ok(())
}

async fn letters(server: &Server) -> Vec<f64> {
    let database = server.database().await;
    let queue = database.queue(Ended::Kept).await;
    let worker = Worker::builder(&queue, Container::builder().build()).start().await.expect("start");
    LEFT.store(SAMPLES, Ordering::Release);
    let program = std::env::current_exe().expect("this program has a path");
    let mut child = std::process::Command::new(program).arg("--child").arg(database.url()).spawn().expect("it starts once more");
    ALL.notified().await;
    assert!(child.wait().expect("a child").success(), "the child pushed");
    worker.shutdown(Duration::from_secs(1)).await;
    queue.shutdown().await.expect("nothing waits");
    server.drop(database).await;
    std::mem::take(&mut *MILLIS.lock().expect("nothing panics"))
}

/// The other process: pushes, with pauses in which everything goes to sleep.
pub(crate) fn push(url: &str) -> Done {
    runtime()?.block_on(async {
        let driver = queue::drivers::Postgres::from_options(url.parse()?).await?;
        let queue = Queue::from_driver(std::sync::Arc::new(driver));
        // The worker of the other process has started by then.
        tokio::time::sleep(Duration::from_millis(500)).await;
        for _ in 0..SAMPLES {
            tokio::time::sleep(latency::PAUSE).await;
            queue.dispatch(Letter::with(micros())).await?;
        }
        queue.shutdown().await?;
        Ok(())
    })
}
