//! The thread of a queue, with its own runtime: it stores pushes, and the queue's workers live on it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use tokio::runtime::Handle;

use crate::drivers::{Driver, Group, PushError, PushResult};
use crate::error::{Error, ErrorKind};
use crate::telemetry;

use super::intake::{Intake, Ticket};

/// How many jobs are stored in one commit, if they come as many pushes.
const BATCH: usize = 1_000;
/// For how long a push is tried again while the store is away.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait after the first failure; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How long to wait at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The thread, seen from the handles.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) handle: Handle,
    pub(super) intake: Arc<Intake>,
    is_driver_closed: Arc<AtomicBool>,
}

impl Engine {
    /// Starts the thread; it ends when [`close`](Engine::close) was called and everything is stored.
    pub(super) fn start(driver: &Arc<dyn Driver>) -> Result<Self, Error> {
        let broken =
            |error: std::io::Error| Error::new(ErrorKind::Worker, "cannot start the engine of the queue").with_source(error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(broken)?;
        let engine =
            Self { handle: runtime.handle().clone(), intake: Arc::default(), is_driver_closed: Arc::new(AtomicBool::new(false)) };
        let (driver, intake, is_closed) = (Arc::clone(driver), Arc::clone(&engine.intake), Arc::clone(&engine.is_driver_closed));
        std::thread::Builder::new()
            .name("queue-engine".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    store(&*driver, &intake).await;
                    close_driver(&*driver, &is_closed).await;
                });
                // Here and not in a handle: a runtime that is dropped inside another one panics.
                runtime.shutdown_background();
            })
            .map_err(broken)?;
        Ok(engine)
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.intake.close();
    }

    /// Closes the driver, once.
    pub(super) async fn close_driver(&self, driver: Arc<dyn Driver>) {
        let is_closed = Arc::clone(&self.is_driver_closed);
        // On the engine, where the driver's connections live. An engine that has ended has closed it.
        drop(self.handle.spawn(async move { close_driver(&*driver, &is_closed).await }).await);
    }
}

async fn close_driver(driver: &dyn Driver, is_closed: &AtomicBool) {
    if !is_closed.swap(true, Ordering::AcqRel)
        && let Err(error) = driver.close().await
    {
        tracing::error!(error = %crate::error::chain(&error), "closing the driver failed");
    }
}

/// Stores what arrives, whatever has gathered in one commit, until the intake is closed and empty.
async fn store(driver: &dyn Driver, intake: &Intake) {
    let (mut groups, mut tickets) = (Vec::new(), Vec::new());
    let (mut pause, mut away_since) = (FIRST_PAUSE, None);
    loop {
        intake.take(BATCH, &mut groups, &mut tickets);
        if groups.is_empty() {
            if intake.is_done() {
                return;
            }
            intake.arrived().await;
            continue;
        }
        let results = push(driver, &groups).await;
        let now = driver.clock().now();
        if answer(intake, &mut groups, &mut tickets, results, now, away_since) {
            away_since = None;
            pause = FIRST_PAUSE;
            // A store in memory never waits, and the engine has other tasks.
            tokio::task::coop::consume_budget().await;
            continue;
        }
        if away_since.is_none() {
            tracing::warn!("the store is away; pushes are tried again for {PATIENCE:?}");
            away_since = Some(now);
        }
        driver.clock().sleep(pause.mul_f64(0.75 + 0.5 * fastrand::f64())).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One push, whatever the driver does: a panic is an error, and a missing answer too.
async fn push(driver: &dyn Driver, groups: &[Group]) -> Vec<PushResult> {
    let broken = |text: String| PushError::Store(text.into());
    let mut results = match AssertUnwindSafe(async { driver.push(groups).await }).catch_unwind().await {
        Ok(results) => results,
        Err(_) => groups.iter().map(|_| Err(broken(format!("the driver `{}` panicked", driver.name())))).collect(),
    };
    while results.len() < groups.len() {
        results.push(Err(broken(format!("the driver `{}` did not answer for each group", driver.name()))));
    }
    results
}

/// Gives the answers out. What the store could not take because it is away stays, in order, for a while. Answers whether nothing stayed.
fn answer(
    intake: &Intake,
    groups: &mut Vec<Group>,
    tickets: &mut Vec<Ticket>,
    results: Vec<PushResult>,
    now: SystemTime,
    away_since: Option<SystemTime>,
) -> bool {
    let is_patient = away_since.is_none_or(|since| now.duration_since(since).unwrap_or_default() < PATIENCE);
    let mut kept = (Vec::new(), Vec::new());
    for ((group, ticket), result) in groups.drain(..).zip(tickets.drain(..)).zip(results) {
        match result {
            Err(PushError::Unavailable(_)) if is_patient => {
                kept.0.push(group);
                kept.1.push(ticket);
            }
            result => {
                if let Ok(pushed) = &result {
                    metrics::counter!(telemetry::JOBS_PUSHED).increment(pushed.len() as u64);
                }
                // First the room, then the answer: whoever is woken by it may push again.
                intake.finish(&ticket);
                ticket.reply.answer(result);
            }
        }
    }
    (*groups, *tickets) = kept;
    groups.is_empty()
}
