//! What the models share: how they are explored, jobs, sleep, and the loop's way to its next job.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime};

use loom::sync::Notify;
use queue::JobId;
use queue::drivers::{Lease, Settlement};
use queue::job::Outcome;

use crate::lane::{Lane, Next};
use crate::ready::Ready;

/// What a run takes by the lane's measure: so long that nothing is fetched ahead.
pub(crate) const LONG: Duration = Duration::from_secs(1);

/// Runs a scenario in every order that three preemptions can make. A sleep that nobody ends fails it: `deadlock`.
pub(crate) fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(scenario);
}

/// A lane that runs so many jobs at once.
pub(crate) fn lane(slots: usize) -> Arc<Lane> {
    Arc::new(Lane::new("default".into(), slots, None))
}

/// Job `number`, as it is fetched.
pub(crate) fn job(number: u64) -> Ready {
    Ready {
        lease: lease(number),
        name: 0,
        version: 1,
        priority: 0,
        attempt: 1,
        max_attempts: 1,
        rescues: 0,
        payload: Arc::from(&b"{}"[..]),
        due_at: SystemTime::UNIX_EPOCH,
    }
}

/// The outcome of job `number`.
pub(crate) fn outcome(number: u64) -> Settlement {
    Settlement::new(lease(number), Outcome::Complete)
}

fn lease(number: u64) -> Lease {
    // Not random: each run of a scenario has to be the same.
    Lease { id: JobId::from_u128(number.into()), place: number, token: 1 }
}

/// The numbers of jobs.
pub(crate) fn numbers(jobs: &[Ready]) -> Vec<u64> {
    jobs.iter().map(|job| job.lease.place).collect()
}

/// Where one thread sleeps. As with a task, being woken while awake is not lost, and waking up for nothing happens.
#[derive(Default)]
pub(crate) struct Bell(Notify);

impl Bell {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn ring(&self) {
        self.0.notify();
    }

    pub(crate) fn sleep(&self) {
        self.0.wait();
    }

    /// Polls a future as a task would: once, and each time that it was woken.
    pub(crate) fn block_on<T>(self: &Arc<Self>, future: impl Future<Output = T>) -> T {
        let waker = Waker::from(Arc::clone(self));
        let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
            self.sleep();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

/// What `worker/execute` does when a run has ended: it takes the next job at once, or else [`next`] gets it.
pub(crate) fn ended(lane: &Lane) -> Option<u64> {
    match lane.ended(LONG, true) {
        Next::Job(job) => Some(job.lease.place),
        Next::Low | Next::Nothing => None,
    }
}

/// What `worker/execute` does to get its next job.
pub(crate) fn next(lane: &Lane, index: usize, bell: &Arc<Bell>) -> Option<u64> {
    let taken = match lane.poll_take(index, None) {
        Poll::Ready(taken) => taken,
        Poll::Pending => bell.block_on(poll_fn(|context| lane.poll_take(index, Some(context.waker())))),
    };
    taken.map(|job| job.lease.place)
}
