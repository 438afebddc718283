//! A worker.

use std::time::SystemTime;

use queue::drivers::{WorkerRow, WorkerState};
use serde::Serialize;

use crate::output::{Cell, Color, Record, age, rfc3339};

/// A worker, as it is printed.
#[derive(Debug, Serialize)]
pub(crate) struct WorkerRecord {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) pid: u32,
    pub(crate) state: &'static str,
    /// Whether it was heard of within its lease.
    pub(crate) alive: bool,
    pub(crate) started_at: String,
    pub(crate) seen_at: String,
    pub(crate) running: usize,
    pub(crate) queues: Vec<ServedRecord>,
    pub(crate) kinds: Vec<String>,
    pub(crate) lease_seconds: f64,
    #[serde(skip)]
    row: WorkerRow,
}

/// A queue that a worker serves.
#[derive(Debug, Serialize)]
pub(crate) struct ServedRecord {
    pub(crate) name: String,
    pub(crate) slots: usize,
}

/// Whether a worker was heard of within its lease.
pub(crate) fn is_alive(worker: &WorkerRow, now: SystemTime) -> bool {
    worker.seen_at.checked_add(worker.lease).is_some_and(|until| now < until)
}

impl WorkerRecord {
    pub(crate) fn of(row: WorkerRow, now: SystemTime) -> Self {
        let alive = is_alive(&row, now);
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            host: row.host.clone(),
            pid: row.pid,
            state: match row.state {
                _ if !alive => "dead",
                WorkerState::Quiet => "quiet",
                WorkerState::Stopping => "stopping",
                WorkerState::Stopped => "stopped",
                _ => "running",
            },
            alive,
            started_at: rfc3339(row.started_at),
            seen_at: rfc3339(row.seen_at),
            running: row.running,
            queues: row.queues.iter().map(|(name, slots)| ServedRecord { name: name.to_string(), slots: *slots }).collect(),
            kinds: row.kinds.iter().map(ToString::to_string).collect(),
            lease_seconds: row.lease.as_secs_f64(),
            row,
        }
    }
}

impl Record for WorkerRecord {
    const COLUMNS: &'static [&'static str] = &["WORKER", "NAME", "HOST", "PID", "STATE", "RUNNING", "QUEUES", "STARTED", "SEEN"];

    fn cells(&self, now: SystemTime) -> Vec<Cell> {
        let queues: Vec<String> = self.queues.iter().map(|queue| format!("{}={}", queue.name, queue.slots)).collect();
        let state = Cell::text(self.state);
        vec![
            Cell::text(&self.id),
            Cell::text(&self.name),
            Cell::text(&self.host),
            Cell::text(self.pid.to_string()),
            if self.alive { state } else { state.colored(Color::Red) },
            Cell::number(self.running as u64),
            Cell::text(queues.join(" ")),
            Cell::text(age(self.row.started_at, now)),
            Cell::text(age(self.row.seen_at, now)),
        ]
    }
}
