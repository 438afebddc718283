//! What a worker calls when jobs go wrong.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::job::{AttemptError, JobError, JobRow, JobState};

use super::attempt::panic_text;
use super::slot::Slot;

type OnError = dyn Fn(&JobRow, &JobError) + Send + Sync;
type OnFailure = dyn Fn(&JobRow) + Send + Sync;

/// What a worker calls when jobs go wrong, all of them.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) on_error: Option<Arc<OnError>>,
    pub(super) on_failure: Option<Arc<OnFailure>>,
}

impl Hooks {
    /// An attempt failed.
    pub(super) fn error(&self, slot: &Slot, error: &JobError) {
        let Some(hook) = &self.on_error else { return };
        if let Some(row) = slot.row(JobState::Running, error) {
            guard("on_error", || hook(&row, error));
        }
    }

    /// A job failed for good in this worker.
    pub(super) fn failure(&self, slot: &Slot, error: &JobError) {
        if self.on_failure.is_none() {
            return;
        }
        if let Some(row) = slot.row(JobState::Failed, error) {
            self.failed_row(&row);
        }
    }

    /// A job failed for good, perhaps because its process died.
    pub(super) fn failed_row(&self, row: &JobRow) {
        if let Some(hook) = &self.on_failure {
            guard("on_failure", || hook(row));
        }
    }
}

fn guard(name: &'static str, call: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
        tracing::error!(panic = panic_text(&*panic), "`{name}` panicked");
    }
}

impl Slot {
    /// The row of what runs, as far as a delivery tells: without tags, meta and the errors of earlier attempts.
    fn row(&self, state: JobState, error: &JobError) -> Option<JobRow> {
        let (delivery, now) = self.delivery()?;
        let mut row = JobRow::new(delivery.lease.id, &*delivery.kind, &*delivery.queue, state, delivery.lease.id.created_at());
        row.version = delivery.version;
        row.attempt = delivery.attempt;
        row.max_attempts = delivery.max_attempts;
        row.rescues = delivery.rescues;
        row.priority = delivery.priority;
        row.due_at = delivery.due_at;
        row.payload = serde_json::from_slice(&delivery.payload).ok();
        row.errors = vec![AttemptError::new(delivery.attempt, now, error.message())];
        Some(row)
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("on_error", &self.on_error.is_some())
            .field("on_failure", &self.on_failure.is_some())
            .finish()
    }
}
