//! What went wrong, in words.

use std::fmt;

/// Why nothing was done: what, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure(String);

/// What may fail here.
pub(super) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
