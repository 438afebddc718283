//! Which jobs to list, or to retry.

use super::{JobId, JobState};

/// Which jobs [`Queue::jobs`](crate::Queue::jobs) lists and [`Queue::retry_all`](crate::Queue::retry_all) retries: those that fit
/// everything that is said; nothing said fits all.
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
    /// Only jobs with a greater id: the last one of the page before.
    pub after: Option<JobId>,
    /// The size of a page; 100 when `None`, 1,000 at most.
    pub limit: Option<usize>,
}

impl Filter {
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

    /// Whether a job with these properties fits; drivers without a query language use it.
    #[must_use]
    pub fn fits(&self, row: &super::JobRow) -> bool {
        (self.states.is_empty() || self.states.contains(&row.state))
            && (self.kinds.is_empty() || self.kinds.contains(&row.kind))
            && (self.queues.is_empty() || self.queues.contains(&row.queue))
            && (self.tags.is_empty() || row.tags.iter().any(|tag| self.tags.contains(tag)))
            && self.after.is_none_or(|after| row.id > after)
    }
}
