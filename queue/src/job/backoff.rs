//! When the next attempt is.

use std::time::Duration;

/// How long to wait after a failed attempt.
///
/// ```
/// use std::time::Duration;
/// use queue::job::Backoff;
///
/// let backoff = Backoff::Exponential { base: Duration::from_secs(15), cap: Duration::from_secs(6 * 3600) };
/// assert_eq!(backoff.delay(1), Duration::from_secs(15));
/// assert_eq!(backoff.delay(3), Duration::from_secs(60));
/// assert_eq!(backoff.delay(60), Duration::from_secs(6 * 3600));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// `base · 2ⁿ⁻¹` after attempt n, `cap` at most.
    Exponential {
        /// After the first attempt.
        base: Duration,
        /// The most.
        cap: Duration,
    },
    /// `base · n` after attempt n.
    Linear {
        /// After the first attempt.
        base: Duration,
    },
    /// The same each time.
    Fixed {
        /// After each attempt.
        delay: Duration,
    },
    /// One after the other; the last repeats.
    List(&'static [Duration]),
}

impl Backoff {
    /// `min(15 s · 2ⁿ⁻¹, 6 h)`.
    pub const DEFAULT: Self = Self::Exponential { base: Duration::from_secs(15), cap: Duration::from_secs(6 * 3600) };

    /// The delay after attempt `attempt` (from 1), before jitter.
    #[must_use]
    pub fn delay(&self, attempt: u32) -> Duration {
        let attempt = attempt.max(1);
        match *self {
            Self::Exponential { base, cap } => {
                base.checked_mul(2u32.checked_pow(attempt - 1).unwrap_or(u32::MAX)).unwrap_or(cap).min(cap)
            }
            Self::Linear { base } => base.saturating_mul(attempt),
            Self::Fixed { delay } => delay,
            Self::List(delays) => {
                let index = (attempt as usize - 1).min(delays.len().saturating_sub(1));
                delays.get(index).copied().unwrap_or_default()
            }
        }
    }

    /// The delay with ±10 % of jitter, so that jobs that failed together do not come back together.
    #[must_use]
    pub fn jittered(&self, attempt: u32) -> Duration {
        self.delay(attempt).mul_f64(0.9 + 0.2 * fastrand::f64())
    }
}
