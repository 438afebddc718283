//! How many runs a worker with a limit may still start.
//!
//! The budget is what its lanes have taken and hold: a fetch asks for no more than is left of it, and what it did not bring, or what is given
//! back before it starts, was never taken. Only one fetch is under way at a time, and only a fetch makes the sum grow.

use super::shared::{Phase, Shared};

impl Shared {
    /// How many jobs may still be fetched.
    pub(super) fn left(&self) -> usize {
        let Some(limit) = self.settings.limit else { return usize::MAX };
        let claimed = self.lanes().iter().map(|lane| lane.claimed()).sum();
        usize::try_from(limit.saturating_sub(claimed)).unwrap_or(usize::MAX)
    }

    /// Whether something is left of a limit, perhaps for lanes that could not be asked because others had drawn it.
    pub(super) fn has_left_over(&self) -> bool {
        self.settings.limit.is_some() && self.left() > 0
    }

    /// Resolves when the last run that the limit allows has ended, or the worker; never without a limit.
    pub(super) async fn limit_reached(&self) {
        let Some(limit) = self.settings.limit else { return std::future::pending().await };
        let has_ended = || self.phase() == Phase::Stopped as u8;
        let is_near = || self.left() == 0 || has_ended();
        // In this order: when all have been taken, none begins any more.
        let is_over = || self.taken() >= limit && self.lanes().iter().all(|lane| lane.running() == 0);
        self.when(is_near, || is_over() || has_ended()).await;
    }
}
