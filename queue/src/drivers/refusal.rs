//! Why a job is left as it is: what its state must be, and the same words in every store.

use super::Action;
use crate::error::{Error, ErrorKind};
use crate::job::{JobId, JobState};

/// Of which jobs a claim is refused.
pub(crate) const UNCLAIMABLE: &str = "only a scheduled, available, retryable, failed or cancelled job can be claimed";

impl Action {
    /// Whether it may be done to a job in this state.
    pub(crate) fn fits(self, state: JobState) -> bool {
        match self {
            Self::Cancel => !state.is_terminal(),
            Self::Retry => matches!(state, JobState::Failed | JobState::Cancelled),
            Self::Forget => state.is_terminal(),
        }
    }

    /// To which jobs alone.
    pub(crate) const fn rule(self) -> &'static str {
        match self {
            Self::Cancel => "only a job that has not ended can be cancelled",
            Self::Retry => "only a failed or cancelled job can be retried",
            Self::Forget => "only a job that has ended can be forgotten: cancel it first",
        }
    }
}

/// The error of a job that is not there.
pub(crate) fn unknown(id: JobId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no job {id}"))
}

/// The error of a job in a state that the rule does not allow.
pub(crate) fn unfit(id: JobId, state: JobState, rule: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("job {id} is {state}, and {rule}"))
}

/// The error of a retry where a live job has the unique key.
pub(crate) fn taken(id: JobId, winner: JobId, key: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("job {id} cannot be retried while job {winner} has its unique key `{key}`"))
}
