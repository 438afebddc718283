//! The states of a job.

use std::fmt;

/// Where a job is in its life; `docs/lifecycle.md` draws the ways between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JobState {
    /// Waits for its chain or batch.
    Held,
    /// Due later.
    Scheduled,
    /// Due, and not yet fetched.
    Available,
    /// Fetched under a lease.
    Running,
    /// Failed an attempt, and due again later.
    Retryable,
    /// Done.
    Completed,
    /// Out of attempts, or failed for good.
    Failed,
    /// Taken back.
    Cancelled,
}

impl JobState {
    /// Every state, in the order of the life.
    pub const ALL: [Self; 8] = [
        Self::Held,
        Self::Scheduled,
        Self::Available,
        Self::Running,
        Self::Retryable,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Completed, failed or cancelled.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// Held, scheduled, available or retryable: it can be cancelled without a word to a worker.
    #[must_use]
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Held | Self::Scheduled | Self::Available | Self::Retryable)
    }

    /// The word that stands in stores, logs and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Scheduled => "scheduled",
            Self::Available => "available",
            Self::Running => "running",
            Self::Retryable => "retryable",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
