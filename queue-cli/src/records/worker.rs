//! A worker.

use std::time::SystemTime;

use queue::drivers::WorkerRow;
use serde::{Serialize, Serializer};

use crate::output::{Cell, Color, Record, age, rfc3339};

/// A worker at a time, as it is printed.
#[derive(Debug)]
pub(crate) struct WorkerRecord {
    pub(crate) row: WorkerRow,
    /// Whether it was heard of within its lease.
    pub(crate) is_alive: bool,
}

/// Its fields in a document.
#[derive(Serialize)]
struct Fields<'a> {
    id: String,
    name: &'a str,
    host: &'a str,
    pid: u32,
    state: &'static str,
    alive: bool,
    started_at: String,
    seen_at: String,
    running: usize,
    queues: Vec<Served<'a>>,
    kinds: Vec<&'a str>,
    lease_seconds: f64,
}

/// A queue that a worker serves.
#[derive(Serialize)]
struct Served<'a> {
    name: &'a str,
    slots: usize,
}

impl Serialize for WorkerRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = &self.row;
        let fields = Fields {
            id: row.id.to_string(),
            name: &row.name,
            host: &row.host,
            pid: row.pid,
            state: self.state(),
            alive: self.is_alive,
            started_at: rfc3339(row.started_at),
            seen_at: rfc3339(row.seen_at),
            running: row.running,
            queues: row.queues.iter().map(|(name, slots)| Served { name, slots: *slots }).collect(),
            kinds: row.kinds.iter().map(|kind| &**kind).collect(),
            lease_seconds: row.lease.as_secs_f64(),
        };
        fields.serialize(serializer)
    }
}

impl WorkerRecord {
    pub(crate) fn of(row: WorkerRow, now: SystemTime) -> Self {
        Self { is_alive: row.is_alive(now), row }
    }

    fn state(&self) -> &'static str {
        if self.is_alive { self.row.state.as_str() } else { "dead" }
    }
}

impl Record for WorkerRecord {
    const COLUMNS: &'static [&'static str] = &["WORKER", "NAME", "HOST", "PID", "STATE", "RUNNING", "QUEUES", "STARTED", "SEEN"];

    fn cells(&self, now: SystemTime) -> Vec<Cell> {
        let queues: Vec<String> = self.row.queues.iter().map(|(name, slots)| format!("{name}={slots}")).collect();
        let state = Cell::text(self.state());
        vec![
            Cell::text(self.row.id.to_string()),
            Cell::text(&self.row.name),
            Cell::text(&self.row.host),
            Cell::text(self.row.pid.to_string()),
            if self.is_alive { state } else { state.colored(Color::Red) },
            Cell::number(self.row.running as u64),
            Cell::text(queues.join(" ")),
            Cell::text(age(self.row.started_at, now)),
            Cell::text(age(self.row.seen_at, now)),
        ]
    }
}
