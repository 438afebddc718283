//! Whose turn it is to exchange with a store that never waits.

use std::sync::atomic::Ordering;

use crate::sync::AtomicU64;

/// Nobody exchanges.
const FREE: u64 = 0;
/// Somebody does.
const TAKEN: u64 = 1;
/// Somebody does, and was told to go round again.
const AGAIN: u64 = 2;

/// The turn to exchange: one thread has it at a time. Whoever finds it taken leaves a word instead of waiting, so that what it has
/// handed on before is exchanged by whoever has the turn.
pub(super) struct Turn {
    state: AtomicU64,
}

impl Turn {
    pub(super) fn new() -> Self {
        Self { state: AtomicU64::new(FREE) }
    }

    /// Takes the turn. When somebody else has it, that one is told to go round again.
    pub(super) fn begin(&self) -> bool {
        self.state.compare_exchange(FREE, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok()
            // It may have become free in between; then it is this one's, with a word to itself.
            || self.state.swap(AGAIN, Ordering::AcqRel) == FREE
    }

    /// Gives the turn back, unless somebody has asked to go round again meanwhile. Answers whether it was given back.
    pub(super) fn end(&self) -> bool {
        if self.state.compare_exchange(TAKEN, FREE, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            return true;
        }
        // Not a store: what the one who asked did before has to be seen by the next round.
        self.state.swap(TAKEN, Ordering::AcqRel);
        false
    }

    /// Gives the turn back whatever was asked: somebody else is told to go on.
    pub(super) fn leave(&self) {
        self.state.swap(FREE, Ordering::AcqRel);
    }
}
