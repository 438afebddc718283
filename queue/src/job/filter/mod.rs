//! Which jobs to list, to count or to act on.

mod error;
mod syntax;
#[cfg(test)]
mod tests;
mod time;
mod words;
mod write;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::SystemTime;

use serde_json::value::RawValue;

use super::{JobId, JobRow, JobState};

pub use error::FilterError;
pub use time::read_span;

/// Which jobs [`Queue::jobs`](crate::Queue::jobs) lists, [`Queue::count`](crate::Queue::count) counts and
/// [`Queue::retry_all`](crate::Queue::retry_all) retries: those that fit everything that is said; nothing said fits all.
///
/// ```
/// use queue::job::{Filter, JobState};
///
/// let filter = Filter::new().state(JobState::Failed).kind("SendWelcomeEmail").limit(20);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Any of these states; all when empty.
    pub states: Vec<JobState>,
    /// Any of these kinds; all when empty.
    pub kinds: Vec<String>,
    /// Any of these queues; all when empty.
    pub queues: Vec<String>,
    /// Any of these tags; all when empty.
    pub tags: Vec<String>,
    /// Any of these jobs; all when empty.
    pub ids: Vec<JobId>,
    /// None of these kinds.
    pub not_kinds: Vec<String>,
    /// None of these queues.
    pub not_queues: Vec<String>,
    /// None of these tags.
    pub not_tags: Vec<String>,
    /// The last error of the job has any of these texts in it, whatever the case of ASCII letters; all when empty.
    pub errors: Vec<String>,
    /// All of these conditions on the payload.
    pub args: Vec<ArgIs>,
    /// Only jobs that were pushed at this time or later, by the clock of who pushed them.
    pub since: Option<SystemTime>,
    /// Only jobs that were pushed before this time, by the clock of who pushed them.
    pub until: Option<SystemTime>,
    /// From the greatest id to the least: the newest jobs first.
    pub newest_first: bool,
    /// Only jobs behind this one, in the order of the page: the last one of the page before.
    pub after: Option<JobId>,
    /// The size of a page; 100 when `None`, 1,000 at most.
    pub limit: Option<usize>,
}

/// A condition on a field of the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArgIs {
    /// The keys that lead to it; a number leads into an array.
    pub path: Vec<String>,
    /// Any of these: the text of a JSON string, or a JSON number, `true`, `false` or `null` as it is written.
    pub values: Vec<String>,
}

/// Between which ids a page lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// Only ids that are greater.
    pub above: Option<JobId>,
    /// Only ids that are less.
    pub below: Option<JobId>,
}

impl Bounds {
    /// Whether an id lies between them.
    pub(crate) fn has(&self, id: JobId) -> bool {
        self.above.is_none_or(|above| id > above) && self.below.is_none_or(|below| id < below)
    }
}

impl Filter {
    /// How many rows one look goes over at most, so that it takes no longer the more there are.
    pub const LOOK: usize = 10_000;

    /// Every job.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Also jobs in this state.
    #[must_use]
    pub fn state(mut self, state: JobState) -> Self {
        self.states.push(state);
        self
    }

    /// Also jobs of this kind.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kinds.push(kind.into());
        self
    }

    /// Also jobs of this queue.
    #[must_use]
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queues.push(queue.into());
        self
    }

    /// Also jobs with this tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Also this job.
    #[must_use]
    pub fn id(mut self, id: JobId) -> Self {
        self.ids.push(id);
        self
    }

    /// The newest jobs first.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// The page behind this job.
    #[must_use]
    pub fn after(mut self, id: JobId) -> Self {
        self.after = Some(id);
        self
    }

    /// At most so many jobs.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The size of a page, within its bounds.
    #[must_use]
    pub fn page(&self) -> usize {
        self.limit.unwrap_or(100).clamp(1, 1_000)
    }

    /// The filter of a retry of many: of the jobs that fit, the failed and the cancelled ones, or the failed ones alone where no state is
    /// named; all of them, so without a page and its begin. `None` where only other states are named. For drivers.
    ///
    /// ```
    /// use queue::job::{Filter, JobState};
    ///
    /// let filter = Filter::new().queue("mail").limit(20).for_retry();
    /// assert_eq!(filter, Some(Filter::new().queue("mail").state(JobState::Failed)));
    /// assert_eq!(Filter::new().state(JobState::Running).for_retry(), None);
    /// ```
    #[must_use]
    pub fn for_retry(&self) -> Option<Self> {
        let mut states = self.states.clone();
        if states.is_empty() {
            states.push(JobState::Failed);
        }
        states.retain(|state| matches!(state, JobState::Failed | JobState::Cancelled));
        let is_possible = !states.is_empty();
        is_possible.then(|| Self { states, after: None, limit: None, ..self.clone() })
    }

    /// Between which ids its page lies: what `after`, `since` and `until` say together. For drivers.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let (mut above, mut below) = match self.newest_first {
            false => (self.after, None),
            true => (None, self.after),
        };
        if let Some(since) = self.since {
            // The ids of that time are not less than its first one, which no job has.
            above = above.max(Some(JobId::first_at(since)));
        }
        if let Some(until) = self.until {
            let first = JobId::first_at(until);
            below = Some(below.map_or(first, |below| below.min(first)));
        }
        Bounds { above, below }
    }

    /// The same filter, if it names nothing but states and queues, and perhaps the page.
    pub(crate) fn by_state_and_queue(&self) -> Option<&Self> {
        let plain = Self {
            states: self.states.clone(),
            queues: self.queues.clone(),
            not_queues: self.not_queues.clone(),
            newest_first: self.newest_first,
            after: self.after,
            limit: self.limit,
            ..Self::default()
        };
        (plain == *self).then_some(self)
    }

    /// The place of a job in the order of the page: lower comes first.
    pub(crate) fn rank(&self, id: JobId) -> u128 {
        if self.newest_first { !id.as_u128() } else { id.as_u128() }
    }

    /// Whether jobs of this queue may fit.
    pub(crate) fn has_queue(&self, queue: &str) -> bool {
        let is_named = |names: &[String]| names.iter().any(|name| name == queue);
        (self.queues.is_empty() || is_named(&self.queues)) && !is_named(&self.not_queues)
    }

    /// Whether jobs in this state may fit.
    pub(crate) fn has_state(&self, state: JobState) -> bool {
        self.states.is_empty() || self.states.contains(&state)
    }

    /// Whether the payload or the errors are asked for, which a store need not know how to read: a driver finds the rows that fit
    /// otherwise, and asks [`fits`](Filter::fits).
    #[must_use]
    pub fn reads_rows(&self) -> bool {
        !self.errors.is_empty() || !self.args.is_empty()
    }

    /// Whether a job fits; what drivers without a query language use, and all of them for what [`reads_rows`](Filter::reads_rows) tells.
    #[must_use]
    pub fn fits(&self, row: &JobRow) -> bool {
        self.has_state(row.state)
            && (self.ids.is_empty() || self.ids.contains(&row.id))
            && (self.kinds.is_empty() || self.kinds.contains(&row.kind))
            && self.has_queue(&row.queue)
            && (self.tags.is_empty() || row.tags.iter().any(|tag| self.tags.contains(tag)))
            && !self.not_kinds.contains(&row.kind)
            && !row.tags.iter().any(|tag| self.not_tags.contains(tag))
            && self.bounds().has(row.id)
            && (self.errors.is_empty() || row.errors.last().is_some_and(|last| self.fits_error(&last.message)))
            && self.args.iter().all(|arg| arg.fits(row))
    }

    fn fits_error(&self, message: &str) -> bool {
        let message = message.to_ascii_lowercase();
        self.errors.iter().any(|part| message.contains(&part.to_ascii_lowercase()))
    }
}

impl ArgIs {
    /// A condition on the field that these keys lead to.
    pub fn new<P: Into<String>, V: Into<String>>(path: impl IntoIterator<Item = P>, values: impl IntoIterator<Item = V>) -> Self {
        Self { path: path.into_iter().map(Into::into).collect(), values: values.into_iter().map(Into::into).collect() }
    }

    fn fits(&self, row: &JobRow) -> bool {
        let Some(mut value) = row.payload.as_deref().map(RawValue::get) else { return false };
        for key in &self.path {
            let Some(inner) = field(value, key) else { return false };
            value = inner;
        }
        match value.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(value).is_ok_and(|text| self.values.contains(&text)),
            // Of an object or an array a field is named.
            Some(b'{' | b'[') => false,
            _ => self.values.iter().any(|wanted| wanted == value),
        }
    }
}

/// The value that a key leads to, as it is written: numbers keep every digit.
fn field<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    if json.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
        return items.get(key.parse::<usize>().ok()?).map(|item| item.get());
    }
    let fields: HashMap<Cow<'a, str>, &'a RawValue> = serde_json::from_str(json).ok()?;
    fields.get(key).map(|value| value.get())
}
