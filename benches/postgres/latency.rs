//! From the call of a push to the start of its handler, on an idle worker of the same process, beside a bare INSERT with NOTIFY, LISTEN and claim.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use queue::prelude::*;
use queue_benches::{percentile, say};
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::Notify;

use super::options::Options;
use super::raw::{self, Claimer};
use super::server::{Ended, Server};
use super::{Done, runtime};

const SAMPLES: usize = 500;
/// Between two samples, so that everything has gone to sleep.
pub(crate) const PAUSE: Duration = Duration::from_millis(30);

/// The channel of the raw form.
const CHANNEL: &str = "bare";

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

pub(crate) fn measure(options: &Options, server: &Server) -> Done {
    let runtime = runtime()?;
    let measured = options.rounds.medians(|| {
        let raw = runtime.block_on(bare(server));
        let ours = runtime.block_on(touches(server));
        let [p50, p99, raw50, raw99] = [(&ours, 50), (&ours, 99), (&raw, 50), (&raw, 99)].map(|(of, p)| percentile(of, p));
        [p50, p99, raw50, raw99, p50 / raw50, p99 / raw99]
    });
    say(&line("push to handler, one process", measured));
    Ok(())
}

/// A line of the report.
pub(crate) fn line(name: &str, [p50, p99, raw50, raw99, ratio50, ratio99]: [f64; 6]) -> String {
    format!(
        "{name:>44} | p50 {p50:.2} ms, p99 {p99:.2} ms | bare p50 {raw50:.2} ms, p99 {raw99:.2} ms | ratio {ratio50:.2}, {ratio99:.2} | goal 2, 4"
    )
}

/// The bare form: a statement that inserts and tells, one who listens, and then claims.
pub(crate) async fn bare(server: &Server) -> Vec<f64> {
    let database = server.database().await;
    let mut connection = database.raw().await;
    let mut claimer = Claimer::new(database.raw().await, Ended::Kept);
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(database.options());
    let mut listener = PgListener::connect_with(&pool).await.expect("a connection");
    listener.listen(CHANNEL).await.expect("a channel");
    let (claimed, mut claims) = tokio::sync::mpsc::unbounded_channel();
    let listening = tokio::spawn(async move {
        loop {
            listener.recv().await.expect("a notification");
            if claimer.exchange(10).await > 0 {
                let at = Instant::now();
                // Completes it.
                claimer.exchange(10).await;
                claimed.send(at).expect("somebody waits for it");
            }
        }
    });
    let mut millis = Vec::with_capacity(SAMPLES);
    for number in 0..SAMPLES {
        tokio::time::sleep(PAUSE).await;
        let before = Instant::now();
        raw::insert_one(&mut connection, number, CHANNEL).await;
        let at = claims.recv().await.expect("a claim");
        millis.push((at - before).as_secs_f64() * 1e3);
    }
    listening.abort();
    server.drop(database).await;
    millis
}

async fn touches(server: &Server) -> Vec<f64> {
    let database = server.database().await;
    let queue = database.queue(Ended::Kept).await;
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
    server.drop(database).await;
    millis
}
