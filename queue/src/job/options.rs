//! What the attributes of a job say.

use std::time::Duration;

use super::Backoff;

/// The options of a job type, as its attributes say; `None` where they are silent, so that the worker's fallback can speak.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct JobOptions {
    /// The lane; `default` where nothing is said.
    pub queue: &'static str,
    /// Lower goes first.
    pub priority: u8,
    /// How many attempts before the job counts as failed: 1 to 1000.
    pub max_attempts: u16,
    /// How long one attempt may take: `Some(None)` is "as long as it likes".
    pub timeout: Option<Option<Duration>>,
    /// When to try again.
    pub backoff: Option<Backoff>,
    /// At most one live job with the same values.
    pub unique: Option<Unique>,
    /// Words to find jobs by.
    pub tags: &'static [&'static str],
    /// The version of the payload.
    pub version: u16,
    /// Whether it runs on the blocking pool.
    pub blocking: bool,
}

impl JobOptions {
    /// The lane of a job that names none.
    pub const DEFAULT_QUEUE: &'static str = "default";
    /// The priority of a job that names none.
    pub const DEFAULT_PRIORITY: u8 = 100;
    /// The attempts of a job that names none.
    pub const DEFAULT_MAX_ATTEMPTS: u16 = 20;
    /// The most attempts that a job may have.
    pub const MOST_ATTEMPTS: u16 = 1_000;
    /// The timeout of a job that names none.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15 * 60);

    /// The options of a job without attributes.
    pub const DEFAULT: Self = Self {
        queue: Self::DEFAULT_QUEUE,
        priority: Self::DEFAULT_PRIORITY,
        max_attempts: Self::DEFAULT_MAX_ATTEMPTS,
        timeout: None,
        backoff: None,
        unique: None,
        tags: &[],
        version: 1,
        blocking: false,
    };

    /// With this lane.
    #[must_use]
    pub const fn queue(mut self, queue: &'static str) -> Self {
        self.queue = queue;
        self
    }

    /// With this priority.
    #[must_use]
    pub const fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    /// With so many attempts.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u16) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// With this timeout; `None` is "as long as it likes".
    #[must_use]
    pub const fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// With this backoff.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// With at most one live job of the same values.
    #[must_use]
    pub const fn unique(mut self, unique: Unique) -> Self {
        self.unique = Some(unique);
        self
    }

    /// With these tags.
    #[must_use]
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        self.tags = tags;
        self
    }

    /// With this payload version.
    #[must_use]
    pub const fn version(mut self, version: u16) -> Self {
        self.version = version;
        self
    }

    /// On the blocking pool.
    #[must_use]
    pub const fn blocking(mut self) -> Self {
        self.blocking = true;
        self
    }
}

impl Default for JobOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What makes two jobs of a kind the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unique {
    /// A word in the key instead of the field names, so that it stays when they change.
    pub name: Option<&'static str>,
    /// The payload keys whose values count, in the order of the struct; all of them when `None`.
    pub fields: Option<&'static [&'static str]>,
}

impl Unique {
    /// What `unique` or `unique(..)` says.
    #[must_use]
    pub const fn new(name: Option<&'static str>, fields: Option<&'static [&'static str]>) -> Self {
        Self { name, fields }
    }
}
