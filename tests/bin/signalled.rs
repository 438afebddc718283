//! A worker in a process of its own, for the tests that send it signals. It says on standard output how far it is.

use std::io::Write as _;
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

#[derive(Queueable)]
#[queueable(blocking)]
struct BlocksForGood;

impl BlockingJob for BlocksForGood {
    fn handle(&self) -> JobResult {
        say("running");
        loop {
            std::thread::park();
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let how = std::env::args().nth(1).unwrap_or_default();
    let queue = Queue::connect("memory:").await?;
    let worker = Worker::builder(&queue, Container::builder().build()).grace(Duration::from_secs(3600)).start().await?;
    if how == "block" {
        queue.dispatch(BlocksForGood::with()).await?;
    } else {
        queue.dispatch(Runs::with(how)).await?;
    }
    let report = worker.run().await?;
    say(&format!("completed {} released {} abandoned {}", report.completed, report.released, report.abandoned));
    Ok(())
}
