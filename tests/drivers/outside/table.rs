//! All that is stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use queue::JobId;
use queue::drivers::{QueueRow, Tick, Told, WorkerId, WorkerRow};

use super::row::Row;
use super::wake::Event;

/// All that is stored. A transaction works on a copy of it.
#[derive(Clone, Default)]
pub(crate) struct Table {
    pub(crate) jobs: BTreeMap<JobId, Row>,
    /// Every queue that was ever pushed to or paused.
    pub(crate) queues: BTreeSet<Arc<str>>,
    pub(crate) paused: BTreeSet<Arc<str>>,
    pub(crate) workers: BTreeMap<WorkerId, WorkerRow>,
    /// What workers are told until they end.
    pub(crate) told: HashMap<WorkerId, Told>,
    /// Ticks that were stored, and when.
    pub(crate) ticks: HashMap<Tick, SystemTime>,
    /// When a worker last wrote.
    pub(crate) written_at: Option<SystemTime>,
    /// Nobody rescues before.
    pub(crate) rescue_from: Option<SystemTime>,
    /// What those who sleep are to be told, once the lock is free.
    pub(crate) events: Vec<Event>,
}

impl Table {
    /// The live job with this unique key. One `if` over the states is the whole lock; there is none that could leak.
    pub(crate) fn holder(&self, key: &str) -> Option<JobId> {
        self.jobs.values().find(|row| row.live_key() == Some(key)).map(|row| row.id)
    }

    pub(crate) fn queues(&self) -> Vec<QueueRow> {
        let row = |name: &Arc<str>| QueueRow { name: Arc::clone(name), is_paused: self.paused.contains(name) };
        self.queues.iter().map(row).collect()
    }
}
