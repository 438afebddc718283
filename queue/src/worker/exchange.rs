//! One exchange with the store: outcomes for new jobs, and what follows from both.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;

use crate::clock::later;
use crate::drivers::{Delivery, Exchanged, FetchRequest, Settled, Settlement};
use crate::error::{Error, ErrorKind};
use crate::job::Outcome;
use crate::telemetry;

use super::attempt::panic_text;
use super::kinds::{Sieve, Unknown};
use super::ready::Ready;
use super::shared::Shared;

/// For how long a job is left to others that this worker does not know, or not in its version.
const UNKNOWN_DELAY: Duration = Duration::from_secs(5);
/// How many exchanges a loop makes for others before it goes on with its own work.
const ROUNDS: usize = 4;

/// How an exchange went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exchange {
    /// It brought all that was asked for, or left something of a limit to lanes that could not be asked: the next follows at once.
    Full,
    /// It brought less, or there was nothing to exchange: the next waits until something happens.
    Short,
    /// One half of it failed.
    Failed,
}

/// Exchanges with a store that may make one wait; on the engine, one at a time.
pub(super) async fn exchange(shared: &Arc<Shared>) -> Exchange {
    let Some(out) = begin(shared) else { return Exchange::Short };
    let exchanged = AssertUnwindSafe(shared.driver.exchange(&out.settlements, &out.request)).catch_unwind().await;
    end(shared, out, exchanged.unwrap_or_else(|panic| panicked(&panic_text(panic))))
}

/// Exchanges on this thread, which is a loop's, with a store that never makes one wait; or tells whoever exchanges to go round again.
///
/// This is what a fast drain lives on: a batch of short jobs takes less time than waking the engine for the next one.
pub(super) fn exchange_here(shared: &Arc<Shared>) {
    in_turn(shared, ROUNDS);
}

/// The same for whoever made work for slots that stand empty, and goes on with his own as soon as he can.
pub(super) fn exchange_for_the_idle(shared: &Arc<Shared>) {
    shared.may_have_work();
    in_turn(shared, 1);
}

fn in_turn(shared: &Arc<Shared>, rounds: usize) {
    if !shared.turn.begin() {
        return;
    }
    let mut held = Held { shared, is_over: false };
    for _ in 0..rounds {
        if now(shared) == Exchange::Failed {
            return;
        }
        if shared.turn.end() {
            held.is_over = true;
            return;
        }
    }
}

/// The turn to exchange, which is left to the engine however its holder ends: a subscriber of the user's may panic.
struct Held<'a> {
    shared: &'a Arc<Shared>,
    is_over: bool,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.turn.leave();
            self.shared.wake_exchange();
        }
    }
}

/// The same for the engine, which has nothing better to do.
pub(super) fn exchange_on_engine(shared: &Arc<Shared>) -> Exchange {
    if !shared.turn.begin() {
        return Exchange::Short;
    }
    let mut held = Held { shared, is_over: false };
    let how = now(shared);
    // Where others ask for another round, the engine comes back to it: it has other tasks, too.
    held.is_over = shared.turn.end();
    how
}

fn now(shared: &Arc<Shared>) -> Exchange {
    loop {
        let Some(out) = begin(shared) else { return Exchange::Short };
        let exchanged = match catch_unwind(AssertUnwindSafe(|| shared.driver.exchange_now(&out.settlements, &out.request))) {
            Ok(Some(exchanged)) => exchanged,
            Ok(None) => panicked("it exchanged on the caller's thread before, and now it does not"),
            Err(panic) => panicked(&panic_text(panic)),
        };
        match end(shared, out, exchanged) {
            Exchange::Full => {}
            how => return how,
        }
    }
}

/// What goes out. Dropped, the exchange has ended, one way or another.
struct Out<'a> {
    shared: &'a Shared,
    settlements: Vec<Settlement>,
    request: FetchRequest,
    at: SystemTime,
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        if !self.settlements.is_empty() {
            self.shared.gather.put_back(std::mem::take(&mut self.settlements));
        }
        self.shared.gather.end();
        self.shared.stored.notify_waiters();
    }
}

/// What goes out, if there is anything to exchange.
fn begin(shared: &Shared) -> Option<Out<'_>> {
    // Before the request: jobs that it brings are awaited by a stop that comes in between.
    let settlements = shared.gather.begin();
    let out = Out { shared, settlements, request: shared.request(), at: shared.clock.now() };
    (!out.settlements.is_empty() || !out.request.queues.is_empty()).then_some(out)
}

fn panicked(text: &str) -> Exchanged {
    let panicked = || Error::new(ErrorKind::Store, format!("the driver panicked: {text}"));
    Exchanged { settled: Err(panicked()), deliveries: Err(panicked()) }
}

/// What came back.
fn end(shared: &Arc<Shared>, mut out: Out<'_>, exchanged: Exchanged) -> Exchange {
    let is_settled = match exchanged.settled {
        Ok(answers) => {
            let settlements = std::mem::take(&mut out.settlements);
            shared.gather.stored(settlements.len());
            if !settlements.is_empty() {
                shared.settling.worked("storing outcomes");
                stored(shared, &settlements, &answers, out.at);
            }
            true
        }
        Err(error) => {
            // Where nothing was to be stored, nothing failed to be; no later success would say that it works again.
            if !out.settlements.is_empty() {
                shared.settling.failed("storing outcomes", &error);
            }
            false
        }
    };
    let asked: usize = out.request.queues.iter().map(|queue| queue.free + queue.ahead).sum();
    let fetched = match exchanged.deliveries {
        Ok(deliveries) => {
            let count = deliveries.len();
            if asked > 0 {
                shared.fetching.worked("fetching jobs");
                deliver(shared, &out.request, deliveries);
            }
            Some(count)
        }
        Err(error) => {
            let lanes = out.request.queues.iter().filter_map(|asked| shared.lane(&asked.queue));
            lanes.for_each(|lane| lane.not_fetched());
            if asked > 0 {
                shared.fetching.failed("fetching jobs", &error);
            }
            None
        }
    };
    match fetched {
        Some(count) if is_settled && asked > 0 && (count >= asked || shared.has_left_over()) => Exchange::Full,
        Some(_) if is_settled => Exchange::Short,
        _ => Exchange::Failed,
    }
}

/// What follows from outcomes that were stored, at this time or a little later, or were not because the lease was lost.
fn stored(shared: &Arc<Shared>, settlements: &[Settlement], answers: &[Settled], at: SystemTime) {
    let tells = shared.queue.has_waiters();
    let has_completed_in = shared.has_completed_in();
    for (settlement, answer) in settlements.iter().zip(answers) {
        let id = settlement.lease.id;
        // Also of one that was stored: its transaction was rolled back.
        let was_completed_in = has_completed_in && shared.forget_completed_in(id);
        if *answer == Settled::Lost {
            if was_completed_in && tells {
                shared.queue.terminal(id);
            } else if !was_completed_in {
                telemetry::measured(|| metrics::counter!(telemetry::LEASES_LOST).increment(1));
                tracing::warn!(job = %id, "the lease of a run was lost before its outcome was stored; the job runs again, or has ended elsewhere");
            }
            continue;
        }
        match &settlement.outcome {
            Outcome::Complete | Outcome::Fail { .. } | Outcome::Cancel { .. } => {
                if tells {
                    shared.queue.terminal(id);
                }
            }
            Outcome::Retry { delay, .. } | Outcome::Snooze { delay } | Outcome::Release { delay } => {
                if delay.is_zero() {
                    shared.may_have_work();
                    shared.wake_exchange();
                } else {
                    shared.due_at(later(at, *delay));
                }
            }
        }
    }
}

/// Gives the fetched jobs to their lanes; what a lane does not take is given back.
fn deliver(shared: &Arc<Shared>, request: &FetchRequest, deliveries: Vec<Delivery>) {
    for asked in &request.queues {
        if let Some(lane) = shared.lane(&asked.queue) {
            lane.fetched(asked, deliveries.iter().filter(|delivery| is_same(&delivery.queue, &asked.queue)).count());
        }
    }
    let mut sieve = shared.kinds.sieve();
    let mut queue = None;
    let mut jobs = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        if let Some(before) = queue.take_if(|before| !is_same(before, &delivery.queue)) {
            hand_over(shared, &before, std::mem::take(&mut jobs));
        }
        queue.get_or_insert_with(|| Arc::clone(&delivery.queue));
        jobs.extend(pass(shared, &mut sieve, delivery));
    }
    if let Some(queue) = queue {
        hand_over(shared, &queue, jobs);
    }
}

fn hand_over(shared: &Arc<Shared>, queue: &str, jobs: Vec<Ready>) {
    let refused = match shared.lane(queue) {
        Some(lane) => lane.deliver(jobs, shared.threads).map(|unserved| shared.add_loops(&lane, unserved)),
        None => Err(jobs),
    };
    if let Err(jobs) = refused {
        shared.release(jobs);
    }
}

/// Mostly the driver and the worker have the name from the same place.
fn is_same(one: &Arc<str>, other: &Arc<str>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

/// A delivery as a job that can run here. Another is given back, and its kind is left alone for a while.
fn pass(shared: &Shared, sieve: &mut Sieve<'_>, delivery: Delivery) -> Option<Ready> {
    let (delivery, unknown) = match sieve.pass(delivery) {
        Ok(ready) => return Some(ready),
        Err(unknown) => unknown,
    };
    if shared.leave_alone(unknown.except(&delivery)) {
        let (kind, queue, job) = (&*delivery.kind, &*delivery.queue, delivery.lease.id);
        match unknown {
            Unknown::Kind => tracing::warn!(
                kind, queue, %job,
                "no job of this kind is registered here, so it is left to other workers; known are {}. \
                 Is the crate that defines it linked? `use that_crate as _;` does it",
                shared.kinds.list()
            ),
            Unknown::Version(known) => tracing::warn!(
                kind, queue, %job, version = delivery.version, known,
                "the payload is of a newer version than this worker knows, so it is left to newer workers"
            ),
        }
    }
    shared.give_back(delivery.lease, UNKNOWN_DELAY);
    None
}
