//! A fetched job that waits for a loop.

use std::time::SystemTime;

use crate::drivers::Lease;
use crate::job::{JobId, Payload};

/// A fetched job that waits for a loop, or runs: its delivery without the names, which all jobs of a queue and of a kind share.
/// So it passes from thread to thread without touching a shared counter.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) lease: Lease,
    /// Which entry of the worker's list of kind names.
    pub(super) name: u32,
    pub(super) version: u16,
    pub(super) priority: u8,
    pub(super) attempt: u32,
    pub(super) max_attempts: u32,
    pub(super) rescues: u32,
    pub(super) payload: Payload,
    pub(super) due_at: SystemTime,
}

impl Ready {
    /// What the jobs of a queue are run by: priority, due time, id.
    pub(super) fn order(&self) -> (u8, SystemTime, JobId) {
        (self.priority, self.due_at, self.lease.id)
    }
}
