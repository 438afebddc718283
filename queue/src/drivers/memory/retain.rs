//! The ended jobs that are still kept, for looking, retrying and repeated pushes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::rows::{Key, Row, Time};
use crate::job::{JobId, JobState};

/// An ended job.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) row: Row,
    /// When its last run was fetched; `None` when it never ran.
    pub(super) started: Option<Time>,
    pub(super) finished: Time,
}

/// The completed jobs, without their payloads, in the order in which they ended.
///
/// Every job passes through here, so it has no index: the ids lie side by side for the few who look for one.
#[derive(Debug)]
pub(super) struct Completed {
    rows: VecDeque<Ended>,
    ids: VecDeque<JobId>,
    bound: usize,
}

impl Completed {
    pub(super) fn new(bound: usize) -> Self {
        Self { rows: VecDeque::new(), ids: VecDeque::new(), bound }
    }

    pub(super) fn set_bound(&mut self, bound: usize) {
        self.bound = bound;
    }

    /// Keeps a job.
    pub(super) fn push(&mut self, mut ended: Ended) {
        ended.row.payload = None;
        self.ids.push_back(ended.row.id);
        self.rows.push_back(ended);
    }

    /// Takes the first one out if there are more than are kept.
    fn pop_excess(&mut self) -> Option<Ended> {
        if self.rows.len() > self.bound { self.pop() } else { None }
    }

    fn pop(&mut self) -> Option<Ended> {
        self.ids.pop_front();
        self.rows.pop_front()
    }

    /// Takes the first one out if it ended longer ago than it is kept.
    pub(super) fn pop_older(&mut self, now: Time, keep: Duration) -> Option<Ended> {
        if self.rows.front()?.finished.after(keep) <= now { self.pop() } else { None }
    }

    // The newest first: those who look wait for a job to end.
    fn position(&self, id: JobId) -> Option<usize> {
        self.ids.iter().rposition(|&one| one == id)
    }

    pub(super) fn find(&self, id: JobId) -> Option<&Ended> {
        self.rows.get(self.position(id)?)
    }

    pub(super) fn remove(&mut self, id: JobId) -> Option<Ended> {
        let position = self.position(id)?;
        self.ids.remove(position);
        self.rows.remove(position)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Ended> {
        self.rows.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// The failed or the cancelled jobs, whole, so that they can be retried.
#[derive(Debug)]
pub(super) struct Kept {
    rows: BTreeMap<JobId, Ended>,
    order: BTreeSet<Key>,
    bound: usize,
}

impl Kept {
    pub(super) fn new(bound: usize) -> Self {
        Self { rows: BTreeMap::new(), order: BTreeSet::new(), bound }
    }

    pub(super) fn set_bound(&mut self, bound: usize) {
        self.bound = bound;
    }

    /// Keeps a job.
    pub(super) fn push(&mut self, ended: Ended) {
        self.order.insert((ended.finished, ended.row.id));
        self.rows.insert(ended.row.id, ended);
    }

    /// Takes the first one out if there are more than are kept.
    fn pop_excess(&mut self) -> Option<Ended> {
        if self.rows.len() > self.bound { self.pop() } else { None }
    }

    fn pop(&mut self) -> Option<Ended> {
        let (_, id) = self.order.pop_first()?;
        self.rows.remove(&id)
    }

    /// Takes the first one out if it ended longer ago than it is kept.
    pub(super) fn pop_older(&mut self, now: Time, keep: Duration) -> Option<Ended> {
        if self.order.first()?.0.after(keep) <= now { self.pop() } else { None }
    }

    pub(super) fn find(&self, id: JobId) -> Option<&Ended> {
        self.rows.get(&id)
    }

    pub(super) fn remove(&mut self, id: JobId) -> Option<Ended> {
        let ended = self.rows.remove(&id)?;
        self.order.remove(&(ended.finished, id));
        Some(ended)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Ended> {
        self.rows.values()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// All ended jobs that are kept.
#[derive(Debug)]
pub(super) struct Retained {
    pub(super) completed: Completed,
    pub(super) failed: Kept,
    pub(super) cancelled: Kept,
}

impl Retained {
    pub(super) fn new(completed: usize, whole: usize) -> Self {
        Self { completed: Completed::new(completed), failed: Kept::new(whole), cancelled: Kept::new(whole) }
    }

    /// Keeps a job under its state, even where there are more by now than are kept.
    pub(super) fn push(&mut self, ended: Ended) {
        match ended.row.state {
            JobState::Failed => self.failed.push(ended),
            JobState::Cancelled => self.cancelled.push(ended),
            _ => self.completed.push(ended),
        }
    }

    /// Takes one out if there are more of its sort than are kept.
    pub(super) fn pop_excess(&mut self) -> Option<Ended> {
        self.completed.pop_excess().or_else(|| self.failed.pop_excess()).or_else(|| self.cancelled.pop_excess())
    }

    pub(super) fn find(&self, id: JobId) -> Option<&Ended> {
        self.failed.find(id).or_else(|| self.cancelled.find(id)).or_else(|| self.completed.find(id))
    }

    pub(super) fn remove(&mut self, id: JobId) -> Option<Ended> {
        self.failed.remove(id).or_else(|| self.cancelled.remove(id)).or_else(|| self.completed.remove(id))
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Ended> {
        self.completed.rows().chain(self.failed.rows()).chain(self.cancelled.rows())
    }

    pub(super) fn len(&self) -> usize {
        self.completed.len() + self.failed.len() + self.cancelled.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn ended(id: u128, state: JobState, finished: Time) -> Ended {
        let row = Row { state, payload: Some((*b"{}").into()), ..Row::sample(id, 0) };
        Ended { row, started: None, finished }
    }

    #[test]
    fn the_oldest_goes_when_the_bound_is_reached_and_each_sort_has_its_own() {
        let now = Time::from(SystemTime::now());
        let mut retained = Retained::new(2, 1);
        for (id, state) in [(1, JobState::Completed), (2, JobState::Failed), (3, JobState::Completed), (4, JobState::Cancelled)] {
            retained.push(ended(id, state, now));
            assert!(retained.pop_excess().is_none());
        }
        let gone = |retained: &mut Retained, id, state| {
            retained.push(ended(id, state, now));
            assert!(retained.find(JobId::from_u128(id)).is_some(), "whoever waits for it sees it first");
            let gone = retained.pop_excess().map(|gone| gone.row.id.as_u128());
            assert!(retained.pop_excess().is_none());
            gone
        };
        assert_eq!(gone(&mut retained, 5, JobState::Completed), Some(1));
        assert_eq!(gone(&mut retained, 6, JobState::Failed), Some(2));
        assert_eq!(gone(&mut retained, 7, JobState::Cancelled), Some(4));
        assert_eq!(retained.len(), 4);
        assert!(retained.find(JobId::from_u128(5)).is_some_and(|ended| ended.row.payload.is_none()));
        assert!(retained.find(JobId::from_u128(6)).is_some_and(|ended| ended.row.payload.is_some()));
    }

    #[test]
    fn nothing_is_kept_where_the_bound_is_zero() {
        let now = Time::from(SystemTime::now());
        let mut retained = Retained::new(0, 0);
        for state in [JobState::Completed, JobState::Failed, JobState::Cancelled] {
            retained.push(ended(1, state, now));
            assert!(retained.pop_excess().is_some());
        }
        assert_eq!(retained.len(), 0);
    }

    #[test]
    fn a_row_leaves_from_the_middle_and_by_its_age() {
        let now = Time::from(SystemTime::now());
        let hour = Duration::from_secs(3600);
        for state in [JobState::Completed, JobState::Failed] {
            let mut retained = Retained::new(10, 10);
            for id in 1..=3 {
                retained.push(ended(id, state, now.after(Duration::from_secs(id as u64))));
            }
            assert!(retained.remove(JobId::from_u128(2)).is_some() && retained.remove(JobId::from_u128(2)).is_none());
            let later = now.after(hour).after(Duration::from_secs(1));
            let mut pop = || retained.completed.pop_older(later, hour).or_else(|| retained.failed.pop_older(later, hour));
            assert_eq!(pop().map(|ended| ended.row.id.as_u128()), Some(1));
            assert!(pop().is_none());
            assert_eq!(retained.rows().map(|ended| ended.row.id.as_u128()).collect::<Vec<_>>(), [3]);
        }
    }
}
