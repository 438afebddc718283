//! A job as this driver holds it, and the time it is ordered by.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::value::RawValue;

use crate::drivers::{Delivery, Extra, Lease};
use crate::job::{AttemptError, JobId, JobRow, JobState, Payload, Progress};

/// A time of the driver's clock in nanoseconds since 1970: half the size of a `SystemTime`. It ends in the year 2554.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(u64);

impl Time {
    /// The time this long after; the last one there is when that is too far.
    pub(super) fn after(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(nanos(delay)))
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    pub(super) fn system(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.0)
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        Self(nanos(time.duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How many errors of one job are kept.
const MOST_ERRORS: usize = 100;

/// What jobs of one priority are handed out by.
pub(super) type Key = (Time, JobId);

/// Which entry of the list of queues.
pub(super) type QueueIndex = u32;

/// A job. It moves from place to place as its state changes and lies in exactly one of them, so it is kept small: what few
/// jobs have lies behind boxes, and what only a running or an ended one has stands beside it in its place.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: JobId,
    pub(super) kind: Arc<str>,
    /// `None` once the job is completed.
    pub(super) payload: Option<Payload>,
    pub(super) extra: Option<Box<Extra>>,
    pub(super) past: Option<Box<Past>>,
    pub(super) created: Time,
    pub(super) due: Time,
    pub(super) queue: QueueIndex,
    /// Wraps after 4 billion fetches of one row, which an old lease does not live to see.
    pub(super) token: u32,
    pub(super) attempt: u32,
    pub(super) max_attempts: u32,
    /// How many attempts the pusher gave, which a retry by hand gives again.
    pub(super) budget: u16,
    pub(super) rescues: u16,
    pub(super) version: u16,
    pub(super) priority: u8,
    pub(super) state: JobState,
}

/// What earlier runs left behind.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) errors: Vec<AttemptError>,
    pub(super) progress: Option<Progress>,
    /// When the last run was fetched, while the row is neither running nor ended.
    pub(super) started: Option<Time>,
}

impl Row {
    pub(super) fn key(&self) -> Key {
        (self.due, self.id)
    }

    pub(super) fn unique_key(&self) -> Option<&str> {
        self.extra.as_ref().and_then(|extra| extra.unique_key.as_deref())
    }

    pub(super) fn past_mut(&mut self) -> &mut Past {
        self.past.get_or_insert_default()
    }

    /// Notes what went wrong in the attempt that ends now.
    pub(super) fn add_error(&mut self, now: Time, message: String) {
        let error = AttemptError::new(self.attempt, now.system(), message);
        let errors = &mut self.past_mut().errors;
        if errors.len() >= MOST_ERRORS {
            // The first says how it began; the last ones, how it stands.
            errors.remove(1);
        }
        errors.push(error);
    }

    /// A run begins: it is an attempt, under a new token.
    pub(super) fn begin(&mut self) {
        self.state = JobState::Running;
        self.attempt += 1;
        self.token = self.token.wrapping_add(1);
    }

    /// The attempt did not count.
    pub(super) fn give_attempt_back(&mut self) {
        self.attempt = self.attempt.saturating_sub(1);
    }

    /// What a worker gets of it.
    pub(super) fn delivery(&self, queue: &Arc<str>, place: u64) -> Delivery {
        Delivery {
            lease: Lease { id: self.id, place, token: u64::from(self.token) },
            kind: Arc::clone(&self.kind),
            queue: Arc::clone(queue),
            // Only completed rows have none, and those are not handed out.
            payload: self.payload.clone().unwrap_or_else(|| Arc::from(&b"{}"[..])),
            version: self.version,
            attempt: self.attempt,
            max_attempts: self.max_attempts,
            rescues: u32::from(self.rescues),
            priority: self.priority,
            due_at: self.due.system(),
        }
    }

    /// What somebody who looks at it gets, but for what its place knows.
    pub(super) fn inspected(&self, queue: &str) -> JobRow {
        let mut row = JobRow::new(self.id, &*self.kind, queue, self.state, self.created.system());
        row.version = self.version;
        row.attempt = self.attempt;
        row.max_attempts = self.max_attempts;
        row.rescues = u32::from(self.rescues);
        row.priority = self.priority;
        row.due_at = self.due.system();
        row.payload = self.payload.as_deref().and_then(raw_json);
        if let Some(extra) = &self.extra {
            row.tags.clone_from(&extra.tags);
            row.meta.clone_from(&extra.meta);
            row.unique_key = extra.unique_key.clone().filter(|_| !self.state.is_terminal());
        }
        if let Some(past) = &self.past {
            row.errors.clone_from(&past.errors);
            row.progress.clone_from(&past.progress);
            row.started_at = past.started.map(Time::system);
        }
        row
    }
}

/// The payload as JSON; `None` when whoever pushed it past the public API stored something else.
fn raw_json(payload: &[u8]) -> Option<Box<RawValue>> {
    let text = std::str::from_utf8(payload).ok()?;
    RawValue::from_string(text.to_owned()).ok()
}

#[cfg(test)]
impl Row {
    /// A row with nothing special, for the tests of the places.
    pub(super) fn sample(id: u128, due: u64) -> Self {
        Self {
            id: JobId::from_u128(id),
            kind: "Sample".into(),
            payload: None,
            extra: None,
            past: None,
            created: Time(due),
            due: Time(due),
            queue: 0,
            token: 0,
            attempt: 0,
            max_attempts: 1,
            budget: 1,
            rescues: 0,
            version: 1,
            priority: 100,
            state: JobState::Available,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_stays_small() {
        assert!(size_of::<Row>() <= 104, "a row has {} bytes", size_of::<Row>());
        assert_eq!(size_of::<Option<Row>>(), size_of::<Row>(), "an empty slot needs no mark of its own");
    }

    #[test]
    fn a_row_keeps_its_first_error_and_the_last_ones() {
        let mut row = Row::sample(1, 1);
        for attempt in 1..=150 {
            row.attempt = attempt;
            row.add_error(Time(u64::from(attempt)), format!("error {attempt}"));
        }
        let errors: Vec<(u32, String)> =
            row.inspected("default").errors.into_iter().map(|error| (error.attempt, error.message)).collect();
        let kept = [1].into_iter().chain(52..=150).map(|attempt| (attempt, format!("error {attempt}")));
        assert_eq!(errors, kept.collect::<Vec<_>>());
    }

    #[test]
    fn a_delay_without_end_is_the_last_time_there_is() {
        let now = Time::from(SystemTime::now());
        assert!(now.after(Duration::MAX) > now.after(Duration::from_secs(1)));
        assert_eq!(now.after(Duration::MAX).after(Duration::from_secs(1)), now.after(Duration::MAX));
        assert_eq!(now.since(now.after(Duration::from_secs(1))), Duration::ZERO);
    }
}
