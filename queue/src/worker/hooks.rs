//! What a worker calls when jobs go wrong.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::job::{JobError, JobRow};

use super::attempt::panic_text;

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
            .finish()
    }
}
