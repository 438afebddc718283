//! All that is stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use queue::JobId;
use queue::drivers::{QueueRow, Tick, WorkerId, WorkerRow};

use super::row::Row;
use super::wake::Event;

/// All that is stored. A transaction works on a copy of it.
#[derive(Clone, Default)]
pub struct Table {
    pub jobs: BTreeMap<JobId, Row>,
    /// Every queue that was ever pushed to or paused.
    pub queues: BTreeSet<Arc<str>>,
    pub paused: BTreeSet<Arc<str>>,
    pub workers: BTreeMap<WorkerId, WorkerRow>,
    /// Ticks that were stored, and when.
    pub ticks: HashMap<Tick, SystemTime>,
    /// When a worker last wrote.
    pub written_at: Option<SystemTime>,
    /// Nobody rescues before.
    pub rescue_from: Option<SystemTime>,
    /// What those who sleep are to be told, once the lock is free.
    pub events: Vec<Event>,
}

impl Table {
    /// The live job with this unique key. One `if` over the states is the whole lock; there is none that could leak.
    pub fn holder(&self, key: &str) -> Option<JobId> {
        self.jobs.values().find(|row| row.live_key() == Some(key)).map(|row| row.id)
    }

    pub fn queues(&self) -> Vec<QueueRow> {
        let row = |name: &Arc<str>| QueueRow { name: Arc::clone(name), is_paused: self.paused.contains(name) };
        self.queues.iter().map(row).collect()
    }
}
