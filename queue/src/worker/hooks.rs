//! What a worker calls when runs begin and end, and when jobs go wrong.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::job::{JobError, JobRow, Outcome};

use super::attempt::panic_text;

type OnError = dyn Fn(&JobRow, &JobError) + Send + Sync;
type OnFailure = dyn Fn(&JobRow) + Send + Sync;
type OnStart = dyn Fn(&JobRow) + Send + Sync;
type OnEnd = dyn Fn(&JobRow, &Outcome, Duration) + Send + Sync;

/// What a worker calls with all its jobs. Where a hook is not set, no row is made for it.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) on_error: Option<Arc<OnError>>,
    pub(super) on_failure: Option<Arc<OnFailure>>,
    pub(super) on_start: Option<Arc<OnStart>>,
    pub(super) on_end: Option<Arc<OnEnd>>,
}

impl Hooks {
    /// An attempt failed.
    pub(super) fn error(&self, row: impl FnOnce() -> JobRow, error: &JobError) {
        if let Some(hook) = &self.on_error {
            let row = row();
            guard("on_error", || hook(&row, error));
        }
    }

    /// A job failed for good, perhaps because its process died.
    pub(super) fn failure(&self, row: impl FnOnce() -> JobRow) {
        if let Some(hook) = &self.on_failure {
            let row = row();
            guard("on_failure", || hook(&row));
        }
    }

    /// A run begins.
    pub(super) fn start(&self, row: impl FnOnce() -> JobRow) {
        if let Some(hook) = &self.on_start {
            let row = row();
            guard("on_start", || hook(&row));
        }
    }

    /// What came of a run is decided.
    pub(super) fn end(&self, row: impl FnOnce() -> JobRow, outcome: &Outcome, run_time: Duration) {
        if let Some(hook) = &self.on_end {
            let row = row();
            guard("on_end", || hook(&row, outcome, run_time));
        }
    }
}

fn guard(name: &'static str, call: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
        tracing::error!(panic = panic_text(panic), "`{name}` panicked");
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("on_error", &self.on_error.is_some())
            .field("on_failure", &self.on_failure.is_some())
            .field("on_start", &self.on_start.is_some())
            .field("on_end", &self.on_end.is_some())
            .finish()
    }
}
