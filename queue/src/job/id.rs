//! The name of one pushed job.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::sequence;

/// The id of a pushed job: a `UUIDv7`, so ids sort by the time they were made.
///
/// ```
/// use queue::JobId;
///
/// let id: JobId = "01936f2e-6b5a-7cc3-98c4-dc0c0c07398f".parse()?;
/// assert_eq!(id.to_string(), "01936f2e-6b5a-7cc3-98c4-dc0c0c07398f");
/// # Ok::<(), queue::job::id::ParseJobIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Uuid);

impl JobId {
    /// A new id, greater than every one this process made before.
    ///
    /// # Panics
    ///
    /// When the system gives no random bytes.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::from_u128(sequence::next()))
    }

    /// When it was made, to the millisecond, by the clock of the machine that made it.
    #[must_use]
    pub fn created_at(self) -> SystemTime {
        // The first 48 bits of a version 7 UUID are milliseconds since 1970 (RFC 9562, 5.7).
        let millis = u64::try_from(self.0.as_u128() >> 80).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    /// The least id of a millisecond: every job that is pushed at this time or later by a right clock has a greater one. A time before
    /// 1970 has that of 1970.
    #[must_use]
    pub fn first_at(time: SystemTime) -> Self {
        let millis = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        Self(Uuid::from_u128(millis.min((1 << 48) - 1) << 80))
    }

    /// The id as a number, for drivers.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0.as_u128()
    }

    /// The id of a number that [`as_u128`](JobId::as_u128) gave.
    #[must_use]
    pub const fn from_u128(number: u128) -> Self {
        Self(Uuid::from_u128(number))
    }
}

impl Default for JobId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({})", self.0)
    }
}

/// A text that is no job id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a job id; one looks like 01936f2e-6b5a-7cc3-98c4-dc0c0c07398f")]
pub struct ParseJobIdError {
    text: String,
}

impl FromStr for JobId {
    type Err = ParseJobIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self).map_err(|_| ParseJobIdError { text: text.chars().take(64).collect() })
    }
}
