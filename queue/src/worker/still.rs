//! Whether a worker has nothing to do, and how one waits for that.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::gather::Group;
use super::shared::{Phase, Shared};

impl Shared {
    /// Whether nothing runs, nothing is buffered, no outcome waits to be stored, and there is nothing to fetch.
    pub(super) fn is_still(&self) -> bool {
        if self.phase() == Phase::Stopped as u8 {
            return true;
        }
        // Until then what is due may be called scheduled.
        if self.fetches() && !self.was_maintained.load(Ordering::Acquire) {
            return false;
        }
        let Some(before) = self.stillness() else { return false };
        let is_empty = |group: &Group| group.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        let is_settled = self.slots().iter().all(|slot| is_empty(&slot.group)) && self.gather.is_settled();
        // Looked at twice: an outcome that was stored in between may have made its job available again, and that job may have run.
        is_settled && self.stillness() == Some(before)
    }

    /// A number that changes whenever something happens, while no lane has anything to do.
    fn stillness(&self) -> Option<u64> {
        let fetches = self.fetches();
        self.lanes().iter().map(|lane| lane.stillness(fetches)).sum()
    }

    /// Resolves when it [is still](Self::is_still), and the store has nothing more for it, asked once more: what a run pushed may be in the
    /// store, or on its way there, before the lanes hear of it.
    pub(super) async fn still(self: &Arc<Self>) {
        loop {
            self.looks_still().await;
            let taken = self.taken();
            if !self.fetches() || !self.look_again().await {
                return;
            }
            self.looks_still().await;
            if self.taken() == taken {
                return;
            }
        }
    }

    async fn looks_still(&self) {
        self.when(|| self.has_nothing_to_fetch(), || self.is_still()).await;
    }

    /// Resolves when `is_so`, which is looked at where it `is_near`: that is looked at after each exchange alone, so that the end of a run
    /// costs nothing while there is much to do.
    pub(super) async fn when(&self, is_near: impl Fn() -> bool, is_so: impl Fn() -> bool) {
        loop {
            // Before the look, so that an exchange that ends in between is not missed.
            let stored = self.stored.notified();
            if is_near() {
                tokio::select! {
                    () = self.idle.until(&is_so) => return,
                    () = stored => {}
                }
            } else {
                stored.await;
            }
        }
    }

    /// Has what was pushed stored, looks for new queues, and fetches. Answers whether somebody does.
    async fn look_again(self: &Arc<Self>) -> bool {
        let shared = Arc::clone(self);
        // On the engine, where the connections of the driver live.
        let looking = self.queue.engine().spawn(async move {
            // A push that fails is told by the push.
            drop(shared.queue.flush().await);
            shared.look_at_queues().await;
            shared.may_have_work();
            shared.wake_exchange();
        });
        looking.await.is_ok()
    }

    /// How many jobs were taken by a loop.
    pub(super) fn taken(&self) -> u64 {
        self.lanes().iter().map(|lane| lane.taken()).sum()
    }

    fn has_nothing_to_fetch(&self) -> bool {
        !self.fetches() || self.lanes().iter().all(|lane| lane.has_nothing_to_fetch())
    }

    /// Whether it fetches at all.
    fn fetches(&self) -> bool {
        self.phase() == Phase::Running as u8 && self.left() > 0
    }

    /// Something other than a run or an exchange has ended: a buffer was emptied, a lane fetches no more.
    pub(super) fn may_be_still(&self) {
        self.idle.run_ended();
        self.stored.notify_waiters();
    }
}
