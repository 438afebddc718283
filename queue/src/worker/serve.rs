//! The queues that a worker serves: the lane of each, and the loops that run its jobs.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::drivers::QueueRow;

use super::execute::Loop;
use super::lane::{Lane, UNLIMITED};
use super::shared::{Phase, Shared};
use super::slot::Slot;

/// The queues that a worker serves. Read all the time and seldom changed, so each list is replaced as a whole.
#[derive(Default)]
pub(super) struct Served {
    lanes: RwLock<Arc<Vec<Arc<Lane>>>>,
    slots: RwLock<Arc<Vec<Arc<Slot>>>>,
    names: RwLock<Arc<Vec<Arc<str>>>>,
    loops: AtomicUsize,
}

impl Served {
    /// The worker has ended.
    pub(super) fn forget_slots(&self) {
        change(&self.slots, Vec::clear);
    }
}

fn snapshot<T>(list: &RwLock<Arc<Vec<T>>>) -> Arc<Vec<T>> {
    Arc::clone(&list.read().unwrap_or_else(PoisonError::into_inner))
}

fn change<T: Clone>(list: &RwLock<Arc<Vec<T>>>, change: impl FnOnce(&mut Vec<T>)) {
    let mut list = list.write().unwrap_or_else(PoisonError::into_inner);
    change(Arc::make_mut(&mut list));
}

impl Shared {
    pub(super) fn lanes(&self) -> Arc<Vec<Arc<Lane>>> {
        snapshot(&self.served.lanes)
    }

    pub(super) fn slots(&self) -> Arc<Vec<Arc<Slot>>> {
        snapshot(&self.served.slots)
    }

    pub(super) fn queue_names(&self) -> Arc<Vec<Arc<str>>> {
        snapshot(&self.served.names)
    }

    pub(super) fn lane(&self, queue: &str) -> Option<Arc<Lane>> {
        self.lanes().iter().find(|lane| *lane.queue == *queue).cloned()
    }

    /// Whether slots of a queue stand empty because nothing waits in it. It costs no lock of a lane.
    pub(super) fn has_idle_loops(&self) -> bool {
        self.lanes().iter().any(|lane| lane.is_dry())
    }

    /// Serves a queue, if it does not yet.
    pub(super) fn add_lane(self: &Arc<Self>, queue: &Arc<str>, is_paused: bool, is_lasting: bool) {
        if !self.settings.serves(queue) || self.is_stopping() || self.lane(queue).is_some() {
            return;
        }
        let is_unlimited = self.driver.capabilities().push_waits;
        let slots = if is_unlimited { UNLIMITED } else { self.settings.slots(queue) };
        let lane = Lane::new(Arc::clone(queue), slots, self.settings.prefetch);
        let lane = Arc::new(if is_lasting { lane.lasting() } else { lane });
        if is_paused {
            lane.pause();
        }
        change(&self.served.lanes, |lanes| lanes.push(Arc::clone(&lane)));
        change(&self.served.names, |names| names.push(Arc::clone(queue)));
        for _ in 0..self.settings.slots(queue) {
            self.add_loop(&lane, false);
        }
        self.wake_exchange();
    }

    /// On `sync:`: one more loop for each job that no loop waits for, since it may be awaited by all that are busy.
    pub(super) fn add_loops(self: &Arc<Self>, lane: &Arc<Lane>, unserved: usize) {
        if lane.slots >= UNLIMITED {
            for _ in 0..unserved {
                self.add_loop(lane, true);
            }
        }
    }

    fn add_loop(self: &Arc<Self>, lane: &Arc<Lane>, is_extra: bool) {
        let slot = Slot::new(Arc::downgrade(self), Arc::clone(&lane.queue));
        change(&self.served.slots, |slots| slots.push(Arc::clone(&slot)));
        let index = self.served.loops.fetch_add(1, Ordering::Relaxed);
        let looping = Loop { shared: Arc::clone(self), lane: Arc::clone(lane), slot, index, is_extra };
        let task = self.runtime.spawn(looping.run()).abort_handle();
        if !is_extra {
            self.tasks.add(task);
        }
    }

    pub(super) fn remove_slot(&self, slot: &Arc<Slot>) {
        change(&self.served.slots, |slots| slots.retain(|known| !Arc::ptr_eq(known, slot)));
    }

    /// Looks which queues exist and which are paused.
    pub(super) async fn look_at_queues(self: &Arc<Self>) {
        let queues = match self.driver.queues().await {
            Ok(queues) => queues,
            Err(error) => return self.fetching.failed("looking at the queues", &error),
        };
        self.drop_lanes(&queues);
        for queue in queues {
            self.add_lane(&queue.name, queue.is_paused, false);
            if queue.is_paused { self.pause(&queue.name) } else { self.resume(&queue.name) }
        }
    }

    /// Serves queues no longer that have ceased to exist, where only that they existed was the reason: there may be one for each user.
    fn drop_lanes(&self, queues: &[QueueRow]) {
        // A lane counts what it has started.
        if self.settings.limit.is_some() {
            return;
        }
        let exist: HashSet<&str> = queues.iter().map(|queue| &*queue.name).collect();
        let ceased = |lane: &Arc<Lane>| !lane.is_lasting && !exist.contains(&*lane.queue) && lane.close_if_empty();
        let dropped: Vec<_> = self.lanes().iter().filter(|lane| ceased(lane)).cloned().collect();
        if dropped.is_empty() {
            return;
        }
        let is_dropped = |queue: &Arc<str>| dropped.iter().any(|lane| lane.queue == *queue);
        change(&self.served.lanes, |lanes| lanes.retain(|lane| !is_dropped(&lane.queue)));
        change(&self.served.names, |names| names.retain(|name| !is_dropped(name)));
        self.tasks.forget_ended();
        self.may_be_still();
    }

    pub(super) fn pause(&self, queue: &str) {
        if let Some(lane) = self.lane(queue) {
            self.release(lane.pause());
            self.may_be_still();
        }
    }

    pub(super) fn resume(self: &Arc<Self>, queue: &str) {
        // A quiet worker has paused all its lanes for good.
        if self.phase() == Phase::Running as u8
            && let Some(lane) = self.lane(queue)
            && lane.resume()
        {
            lane.wet();
            self.exchange_soon();
        }
    }

    /// A loop has ended while its queue is served: the runtime of the handlers is gone, and nothing of that queue can start here.
    pub(super) fn lose_handlers(&self, lane: &Lane) {
        self.release(lane.close());
        self.may_be_still();
        if !self.lost_handlers.swap(true, Ordering::AcqRel) {
            tracing::error!(
                queue = &*lane.queue,
                "the runtime of the handlers has ended before its worker: the worker runs nothing more. Call `Worker::shutdown` first"
            );
        }
    }
}
