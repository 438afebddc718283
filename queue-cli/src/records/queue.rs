//! A queue.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use queue::JobState;
use queue::drivers::{Counts, WorkerRow};
use serde::Serialize;

use crate::output::{Cell, Color, Record, seconds, span};

/// A queue, as it is printed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct QueueRecord {
    pub(crate) name: String,
    pub(crate) paused: bool,
    pub(crate) held: u64,
    pub(crate) scheduled: u64,
    pub(crate) available: u64,
    pub(crate) running: u64,
    pub(crate) retryable: u64,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    /// Waiting, and no live worker serves the queue.
    pub(crate) unserved: u64,
    /// For how long the oldest available job has been due.
    #[serde(rename = "oldest_available_seconds", serialize_with = "seconds")]
    pub(crate) oldest_available: Option<Duration>,
    /// Live workers that serve it.
    pub(crate) workers: u64,
    /// Their slots together.
    pub(crate) slots: u64,
}

impl QueueRecord {
    /// Every queue of a store, by name.
    pub(crate) fn all(counts: &Counts, workers: &[WorkerRow], now: SystemTime) -> Vec<Self> {
        let mut serving: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (queue, slots) in workers.iter().filter(|worker| worker.is_alive(now)).flat_map(|worker| &worker.queues) {
            let of_queue = serving.entry(queue).or_default();
            of_queue.0 += 1;
            of_queue.1 = of_queue.1.saturating_add(*slots as u64);
        }
        let record = |(name, queue): (&String, &queue::drivers::QueueCounts)| {
            let (workers, slots) = serving.get(name.as_str()).copied().unwrap_or_default();
            Self {
                name: name.clone(),
                paused: queue.is_paused,
                held: queue.state(JobState::Held),
                scheduled: queue.state(JobState::Scheduled),
                available: queue.state(JobState::Available),
                running: queue.state(JobState::Running),
                retryable: queue.state(JobState::Retryable),
                completed: queue.state(JobState::Completed),
                failed: queue.state(JobState::Failed),
                cancelled: queue.state(JobState::Cancelled),
                unserved: queue.unserved,
                oldest_available: queue.oldest_available,
                workers,
                slots,
            }
        };
        counts.queues.iter().map(record).collect()
    }

    /// What waits for a worker or for its time.
    pub(crate) fn waiting(&self) -> u64 {
        self.held + self.scheduled + self.available + self.retryable
    }
}

impl Record for QueueRecord {
    const COLUMNS: &'static [&'static str] =
        &["QUEUE", "AVAILABLE", "RUNNING", "SCHEDULED", "RETRYABLE", "FAILED", "COMPLETED", "OLDEST", "WORKERS", "SLOTS", "NOTE"];

    fn cells(&self, _now: SystemTime) -> Vec<Cell> {
        let note = match (self.paused, self.unserved) {
            (true, _) => "paused".to_owned(),
            (false, 0) => String::new(),
            (false, _) => "no worker serves it".to_owned(),
        };
        let failed = Cell::number(self.failed);
        vec![
            Cell::text(&self.name),
            Cell::number(self.available),
            Cell::number(self.running),
            Cell::number(self.scheduled + self.held),
            Cell::number(self.retryable),
            if self.failed > 0 { failed.colored(Color::Red) } else { failed },
            Cell::number(self.completed),
            Cell::text(self.oldest_available.map_or_else(String::new, span)),
            Cell::number(self.workers),
            Cell::number(self.slots),
            Cell::text(note).colored(Color::Yellow),
        ]
    }
}
