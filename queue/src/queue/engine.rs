//! The thread of a queue, with its own runtime: it stores pushes, and the queue's workers live on it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use futures_util::FutureExt;
use tokio::runtime::Handle;

use crate::drivers::{Driver, Group, PushError, PushResult};
use crate::error::{Error, ErrorKind};

use super::intake::{Intake, Room, Ticket};

/// How many jobs are stored in one commit, if they come as many pushes.
const BATCH: usize = 1_000;
/// For how long a push is tried again while the store is away.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait after the first failure; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How long to wait at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long those who were just answered together may take to push again before the next commit goes without them.
const GATHERING: Duration = Duration::from_millis(1);

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
                let ends = Ends(intake);
                runtime.block_on(async {
                    store(&*driver, &ends.0).await;
                    close_driver(&*driver, &is_closed).await;
                });
                // Here and not in a handle: a runtime that is dropped inside another one panics.
                runtime.shutdown_background();
            })
            .map_err(broken)?;
        Ok(engine)
    }

    /// Nobody is left who could push.
    pub(super) fn close(&self) {
        self.intake.close();
    }

    /// Closes the driver, once.
    pub(super) async fn close_driver(&self, driver: Arc<dyn Driver>) {
        let is_closed = Arc::clone(&self.is_driver_closed);
        // On the engine, where the driver's connections live. An engine that has ended has closed it.
        drop(self.handle.spawn(async move { close_driver(&*driver, &is_closed).await }).await);
    }

    pub(super) fn is_driver_closed(&self) -> bool {
        self.is_driver_closed.load(Ordering::Acquire)
    }
}

/// However the thread ends, nobody waits for it in vain.
struct Ends(Arc<Intake>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

async fn close_driver(driver: &dyn Driver, is_closed: &AtomicBool) {
    if is_closed.swap(true, Ordering::AcqRel) {
        return;
    }
    match AssertUnwindSafe(async { driver.close().await }).catch_unwind().await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(error = %crate::error::chain(&error), "closing the driver failed"),
        Err(_) => tracing::error!(driver = driver.name(), "closing the driver panicked"),
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
        let (started, pushers) = (Instant::now(), groups.len());
        let results = push(driver, &groups).await;
        let took = started.elapsed();
        let now = driver.clock().now();
        let away = results.iter().filter(|result| matches!(result, Err(PushError::Unavailable(_)))).count();
        if away < groups.len() {
            // Where some groups are stored, the others must not hold up what comes after them.
            pause = FIRST_PAUSE;
        }
        if away == 0 {
            if away_since.take().is_some() {
                tracing::info!("the store is back");
            }
        } else if away_since.is_none() {
            let cause = results.iter().find_map(|result| match result {
                Err(PushError::Unavailable(cause)) => Some(crate::error::chain(&**cause)),
                _ => None,
            });
            tracing::warn!(error = cause, "the store is away; each push is tried again for {PATIENCE:?}");
            away_since = Some(now);
        }
        answer(driver, intake, &mut groups, &mut tickets, results, &Outage { now, since: away_since.unwrap_or(now) });
        if groups.is_empty() {
            // A store in memory never waits, and the engine has other tasks.
            tokio::task::coop::consume_budget().await;
            gather(intake, pushers, took).await;
            continue;
        }
        driver.clock().sleep(pause.mul_f64(0.75 + 0.5 * fastrand::f64())).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Waits for those who were answered together, and push again, for a fraction of what the last commit took: else the first of them goes into
/// a commit of its own, which all others wait for.
async fn gather(intake: &Intake, pushers: usize, took: Duration) {
    if pushers < 2 {
        return;
    }
    let (started, patience) = (Instant::now(), (took / 4).min(GATHERING));
    while intake.waiting() < pushers && started.elapsed() < patience {
        tokio::task::yield_now().await;
        // The pushers may need this core.
        std::thread::yield_now();
    }
}

/// One push, whatever the driver does: a panic is an error, and a missing answer too.
async fn push(driver: &dyn Driver, groups: &[Group]) -> Vec<PushResult> {
    let mut results = match AssertUnwindSafe(async { driver.push(groups).await }).catch_unwind().await {
        Ok(results) => results,
        Err(_) => groups.iter().map(|_| Err(panicked(driver))).collect(),
    };
    while results.len() < groups.len() {
        results.push(Err(silent(driver)));
    }
    results
}

/// The error of a driver that panicked.
pub(super) fn panicked(driver: &dyn Driver) -> PushError {
    PushError::Store(format!("the driver `{}` panicked", driver.name()).into())
}

/// The error of a driver that gave no answer for a group, or not one for each of its jobs.
pub(super) fn silent(driver: &dyn Driver) -> PushError {
    PushError::Store(format!("the driver `{}` did not answer for each job of the push", driver.name()).into())
}

/// For how long the store has been away.
struct Outage {
    now: SystemTime,
    since: SystemTime,
}

impl Outage {
    /// Whether a push is tried again. Its patience begins when the store goes away, or when it comes while the store is away.
    fn is_borne(&self, ticket: &mut Ticket) -> bool {
        let since = *ticket.away_since.get_or_insert(self.since.max(ticket.accepted_at));
        self.now.duration_since(since).unwrap_or_default() < PATIENCE
    }
}

/// Gives the answers out. What the store could not take because it is away stays, in order, for a while.
fn answer(
    driver: &dyn Driver,
    intake: &Intake,
    groups: &mut Vec<Group>,
    tickets: &mut Vec<Ticket>,
    results: Vec<PushResult>,
    outage: &Outage,
) {
    let (mut room, mut answered) = (Room::default(), Vec::with_capacity(tickets.len()));
    let mut kept = (Vec::new(), Vec::new());
    for ((group, mut ticket), result) in groups.drain(..).zip(tickets.drain(..)).zip(results) {
        if matches!(result, Err(PushError::Unavailable(_))) && outage.is_borne(&mut ticket) {
            kept.0.push(group);
            kept.1.push(ticket);
            continue;
        }
        // A tick that was stored before has none.
        let is_whole = |pushed: &Vec<_>| pushed.len() == ticket.jobs || (group.tick.is_some() && pushed.is_empty());
        let result = result.and_then(|pushed| if is_whole(&pushed) { Ok(pushed) } else { Err(silent(driver)) });
        ticket.observer.ended(&result);
        room.add(&ticket);
        answered.push((ticket.answer, result));
    }
    (*groups, *tickets) = kept;
    // First the room, then the answers: whoever is woken by one may push again.
    intake.left(&room, tickets);
    for (answer, result) in answered {
        answer.give(result);
    }
}
