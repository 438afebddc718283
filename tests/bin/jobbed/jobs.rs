//! Its jobs.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use queue::prelude::*;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

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

/// Fails, and for good where it says so, until the gateway is up: `TEST_GATEWAY`.
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
        if std::env::var("TEST_GATEWAY").is_ok_and(|word| word == "up") {
            return Ok(());
        }
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

/// Says nothing of attempts, pauses and times: what a worker says instead is seen by it.
#[derive(Queueable)]
struct Plain {
    #[inject]
    printer: Arc<Printer>,
    #[serde(default)]
    then: String,
}

impl Job for Plain {
    async fn handle(&self) -> JobResult {
        match self.then.as_str() {
            "fail" => Err("it was told to".into()),
            "wait" => {
                self.printer.say("waiting for ever");
                std::future::pending().await
            }
            _ => Ok(()),
        }
    }
}

/// Has a time that it never keeps.
#[derive(Queueable)]
#[queueable(max_attempts = 1, timeout = "50ms")]
struct Hurries;

impl Job for Hurries {
    async fn handle(&self) -> JobResult {
        std::future::pending().await
    }
}

/// Had a `name` in its first version.
#[derive(Queueable)]
#[queueable(version = 2, upgrade = upgrade)]
struct Named {
    #[inject]
    printer: Arc<Printer>,
    full_name: String,
}

fn upgrade(mut payload: serde_json::Value, _from: u16) -> Result<serde_json::Value, std::convert::Infallible> {
    payload["full_name"] = payload["name"].take();
    Ok(payload)
}

impl Job for Named {
    async fn handle(&self) -> JobResult {
        self.printer.say(&format!("named {}", self.full_name));
        Ok(())
    }
}

/// Stores an effect, pushes and completes itself in one transaction of the SQLite file that `QUEUE_URL` names.
#[derive(Queueable)]
#[queueable(max_attempts = 1)]
struct Books {
    #[inject]
    context: JobContext,
}

impl Job for Books {
    async fn handle(&self) -> JobResult {
        let url = std::env::var("QUEUE_URL")?;
        let options = SqliteConnectOptions::new().filename(url.trim_start_matches("sqlite:"));
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("CREATE TABLE IF NOT EXISTS booked (at INTEGER)").execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO booked VALUES (1)").execute(&mut *transaction).await?;
        Greet::with("booked".to_owned()).push_in(&mut transaction).await?;
        self.context.complete_in(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}
