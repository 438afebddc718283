//! The outside driver with less than it can: no inspection, no unique keys, no priorities, and groups of a hundred jobs at most.

use std::sync::Arc;

use queue::drivers::{
    AtomicPush, BoxFuture, Capabilities, Delivery, Driver, FetchRequest, Group, MaintainLimits, Maintained, PushResult, QueueRow,
    Renewal, Renewed, Settled, Settlement, Wake, WorkerRow,
};
use queue::testing::conformance::Store;
use queue::{Clock, Error, PushError};

use crate::driver::OutsideStore;

const MOST: usize = 100;

/// A store with one handle.
pub(crate) struct LimitedStore(OutsideStore);

impl LimitedStore {
    pub(crate) fn new() -> Self {
        Self(OutsideStore::new())
    }
}

impl Store for LimitedStore {
    fn open(&self, clock: Clock) -> BoxFuture<'_, Arc<dyn Driver>> {
        Box::pin(async { Arc::new(Limited(self.0.open(clock).await)) as Arc<dyn Driver> })
    }
}

struct Limited(Arc<dyn Driver>);

impl Limited {
    async fn push_one(&self, group: &Group) -> PushResult {
        let refuse = |what: &str| Err(PushError::Unsupported { driver: self.name(), what: what.to_owned() });
        if group.jobs.len() > MOST {
            return refuse("groups of more than 100 jobs");
        }
        if group.jobs.iter().any(|job| job.unique_key().is_some()) {
            return refuse("unique keys");
        }
        let mut group = group.clone();
        group.jobs.iter_mut().for_each(|job| job.priority = 0);
        self.0.push(&[group]).await.remove(0)
    }
}

impl Driver for Limited {
    fn name(&self) -> &'static str {
        "limited"
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.0.capabilities();
        capabilities.atomic_push = AtomicPush::Chunks(MOST);
        capabilities.priorities = 1;
        capabilities.unique = false;
        capabilities.cancel = false;
        capabilities.inspect = false;
        capabilities.in_transaction = false;
        capabilities
    }

    fn clock(&self) -> &Clock {
        self.0.clock()
    }

    fn push<'a>(&'a self, groups: &'a [Group]) -> BoxFuture<'a, Vec<PushResult>> {
        Box::pin(async move {
            let mut results = Vec::new();
            for group in groups {
                results.push(self.push_one(group).await);
            }
            results
        })
    }

    fn fetch<'a>(&'a self, request: &'a FetchRequest) -> BoxFuture<'a, Result<Vec<Delivery>, Error>> {
        self.0.fetch(request)
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Result<Vec<Settled>, Error>> {
        self.0.settle(settlements)
    }

    fn renew<'a>(&'a self, worker: &'a WorkerRow, renewals: &'a [Renewal]) -> BoxFuture<'a, Result<Renewed, Error>> {
        self.0.renew(worker, renewals)
    }

    fn maintain<'a>(&'a self, limits: &'a MaintainLimits) -> BoxFuture<'a, Result<Maintained, Error>> {
        self.0.maintain(limits)
    }

    fn wake<'a>(&'a self, queues: &'a [Arc<str>]) -> BoxFuture<'a, Result<Wake, Error>> {
        self.0.wake(queues)
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueRow>, Error>> {
        self.0.queues()
    }
}
