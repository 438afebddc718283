//! A worker in a process of its own, for the tests that send it signals. It says on standard output how far it is.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use queue::prelude::*;

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// Runs until it is told to end; how it takes that is its payload.
#[derive(Queueable)]
struct Runs {
    #[inject]
    context: JobContext,
    how: String,
}

struct SaysWhenDropped;

impl Drop for SaysWhenDropped {
    fn drop(&mut self) {
        say("dropped");
    }
}

impl Job for Runs {
    async fn handle(&self) -> JobResult {
        let _guard = SaysWhenDropped;
        say("running");
        if self.how == "deaf" {
            std::future::pending::<()>().await;
        }
        while !self.context.is_stopping() {
            tokio::task::yield_now().await;
        }
        say("saw the stop");
        Ok(())
    }
}

fn block_for_good() -> ! {
    loop {
        std::thread::park();
    }
}

#[derive(Queueable)]
#[queueable(blocking)]
struct BlocksForGood {
    #[inject]
    context: JobContext,
}

impl BlockingJob for BlocksForGood {
    fn handle(&self) -> JobResult {
        say("running");
        while !self.context.is_stopping() {
            std::thread::yield_now();
        }
        say("saw the stop");
        block_for_good()
    }
}

/// A service that never finds its end, and so holds the stop up.
struct NeverEnds;

impl NeverEnds {
    async fn end(_service: Arc<Self>) {
        say("the services end");
        block_for_good()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let how = std::env::args().nth(1).unwrap_or_default();
    let queue = Queue::connect("memory:").await?;
    let container = match how.as_str() {
        "hang" => Container::builder().instance(Arc::new(NeverEnds)).on_shutdown::<NeverEnds>(NeverEnds::end).build(),
        _ => Container::builder().build(),
    };
    let worker = Worker::builder(&queue, container).grace(Duration::from_secs(3600)).start().await?;
    let mut run = Box::pin(worker.run());
    // Signals count from the first poll on, so nothing runs before it that would make a test send one.
    assert!(futures_util::poll!(&mut run).is_pending());
    match how.as_str() {
        "block" | "hang" => drop(queue.dispatch(BlocksForGood::with()).await?),
        _ => drop(queue.dispatch(Runs::with(how)).await?),
    }
    let report = run.await?;
    say(&format!("completed {} released {} abandoned {}", report.completed, report.released, report.abandoned));
    Ok(())
}
