//! One job in the table.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use queue::drivers::{Delivery, Due, Extra, Lease, NewJob, WorkerId};
use queue::job::{AttemptError, JobRow, Payload, Progress};
use queue::{JobId, JobState};
use serde_json::value::RawValue;

/// A job, and all that is known of it.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) id: JobId,
    pub(crate) kind: Arc<str>,
    pub(crate) queue: Arc<str>,
    pub(crate) payload: Payload,
    pub(crate) version: u16,
    pub(crate) priority: u8,
    pub(crate) extra: Extra,
    pub(crate) state: JobState,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    /// How many attempts it was pushed with, and gets again when somebody retries it.
    pub(crate) attempts_at_once: u32,
    pub(crate) rescues: u32,
    /// One more at each fetch, and never less.
    pub(crate) token: u64,
    pub(crate) created_at: SystemTime,
    pub(crate) due_at: SystemTime,
    pub(crate) started_at: Option<SystemTime>,
    pub(crate) finished_at: Option<SystemTime>,
    /// When the lease of a running job runs out.
    pub(crate) expires_at: SystemTime,
    pub(crate) worker: Option<WorkerId>,
    /// Somebody cancelled it while it was running.
    pub(crate) is_cancel_requested: bool,
    pub(crate) errors: Vec<AttemptError>,
    pub(crate) progress: Option<Progress>,
}

impl Row {
    pub(crate) fn new(job: &NewJob, now: SystemTime) -> Self {
        let extra = job.extra.as_deref().cloned().unwrap_or_default();
        let due_at = match job.due {
            Due::Now => now,
            Due::In(delay) => now + delay,
            Due::At(at) => at.max(now),
        };
        let state = match (extra.held, due_at > now) {
            (true, _) => JobState::Held,
            (false, true) => JobState::Scheduled,
            (false, false) => JobState::Available,
        };
        Self {
            id: job.id,
            kind: Arc::clone(&job.kind),
            queue: Arc::clone(&job.queue),
            payload: Arc::clone(&job.payload),
            version: job.version,
            priority: job.priority,
            extra,
            state,
            attempt: 0,
            max_attempts: job.max_attempts.into(),
            attempts_at_once: job.max_attempts.into(),
            rescues: 0,
            token: 0,
            created_at: now,
            due_at,
            started_at: None,
            finished_at: None,
            expires_at: now,
            worker: None,
            is_cancel_requested: false,
            errors: Vec::new(),
            progress: None,
        }
    }

    /// The unique key, which goes with the state: only a live job has one.
    pub(crate) fn live_key(&self) -> Option<&str> {
        self.extra.unique_key.as_deref().filter(|_| !self.state.is_terminal())
    }

    pub(crate) fn is_held_by(&self, lease: Lease) -> bool {
        self.state == JobState::Running && self.token == lease.token
    }

    /// Ends the run: whatever comes next, nobody runs it now.
    pub(crate) fn leave(&mut self, state: JobState, now: SystemTime) {
        self.state = state;
        self.worker = None;
        self.is_cancel_requested = false;
        self.finished_at = state.is_terminal().then_some(now);
    }

    pub(crate) fn add_error(&mut self, message: &str, now: SystemTime) {
        self.errors.push(AttemptError::new(self.attempt, now, message));
    }

    /// Begins a run.
    pub(crate) fn claim(&mut self, worker: WorkerId, lease: Duration, now: SystemTime) -> Delivery {
        self.state = JobState::Running;
        self.attempt += 1;
        self.token += 1;
        self.started_at = Some(now);
        self.expires_at = now + lease;
        self.worker = Some(worker);
        self.delivery()
    }

    fn delivery(&self) -> Delivery {
        Delivery {
            lease: Lease { id: self.id, place: 0, token: self.token },
            kind: Arc::clone(&self.kind),
            queue: Arc::clone(&self.queue),
            payload: Arc::clone(&self.payload),
            version: self.version,
            attempt: self.attempt,
            max_attempts: self.max_attempts,
            rescues: self.rescues,
            priority: self.priority,
            due_at: self.due_at,
        }
    }

    /// The job as those see it who look.
    pub(crate) fn to_job_row(&self) -> JobRow {
        let mut row = JobRow::new(self.id, &*self.kind, &*self.queue, self.state, self.created_at);
        row.version = self.version;
        row.attempt = self.attempt;
        row.max_attempts = self.max_attempts;
        row.rescues = self.rescues;
        row.priority = self.priority;
        row.due_at = self.due_at;
        row.started_at = self.started_at;
        row.finished_at = self.finished_at;
        row.payload = std::str::from_utf8(&self.payload).ok().and_then(|text| RawValue::from_string(text.to_owned()).ok());
        row.errors.clone_from(&self.errors);
        row.progress.clone_from(&self.progress);
        row.tags.clone_from(&self.extra.tags);
        row.meta.clone_from(&self.extra.meta);
        row.unique_key = self.live_key().map(str::to_owned);
        row.worker = self.worker.map(|worker| worker.to_string());
        row
    }
}
