//! Its jobs.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use queue::prelude::*;

/// A service that every release has.
pub(crate) struct Clock;

/// A service that prints on standard error, so that standard output is the command line's.
pub(crate) struct Printer;

impl Printer {
    fn say(&self, line: &str) {
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "{line}");
    }
}

#[derive(Queueable)]
#[queueable(queue = "mail")]
struct Greet {
    #[inject]
    printer: Arc<Printer>,
    #[inject]
    _clock: Arc<Clock>,
    name: String,
}

impl Job for Greet {
    async fn handle(&self) -> JobResult {
        self.printer.say(&format!("hello {}", self.name));
        Ok(())
    }
}

/// Fails as often as it is told, and for good where it says so.
#[derive(Queueable)]
#[queueable(max_attempts = 3, backoff = "fixed(1h)", tags = ["trouble"])]
struct Fails {
    #[inject]
    printer: Arc<Printer>,
    #[serde(default)]
    for_good: bool,
    #[serde(default)]
    code: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("the gateway answered {code}")]
struct Refused {
    code: u64,
    #[source]
    source: std::io::Error,
}

impl Job for Fails {
    async fn handle(&self) -> JobResult {
        tracing::info!("about to fail");
        let source = std::io::Error::other("connection reset");
        let error = Refused { code: self.code, source };
        if self.for_good { Err(JobError::fail(error)) } else { Err(error.into()) }
    }

    async fn failed(&self, _error: &JobError) {
        self.printer.say("it failed for good");
    }
}

/// Pushes others.
#[derive(Queueable)]
struct Spreads {
    to: Vec<String>,
}

impl Job for Spreads {
    async fn handle(&self) -> JobResult {
        for name in &self.to {
            Greet::with(name.clone()).push().await?;
        }
        Ok(())
    }
}

/// Runs until it is told to end; whether it then ends is its payload.
#[derive(Queueable)]
#[queueable(timeout = "none")]
struct Waits {
    #[inject]
    context: JobContext,
    #[inject]
    printer: Arc<Printer>,
    #[serde(default)]
    deaf: bool,
}

impl Job for Waits {
    async fn handle(&self) -> JobResult {
        self.printer.say("waiting");
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while self.deaf || !self.context.is_stopping() {
            tick.tick().await;
        }
        self.printer.say("told to stop");
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(unique)]
struct Rebuilds {
    index: String,
}

impl Job for Rebuilds {
    async fn handle(&self) -> JobResult {
        tracing::info!(self.index, "rebuilt");
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(blocking)]
struct Purges;

impl BlockingJob for Purges {
    fn handle(&self) -> JobResult {
        Ok(())
    }
}
