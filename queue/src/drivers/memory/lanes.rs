//! The available jobs of a queue, in lanes that a fetch takes from the front of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::rows::{Key, Row};
use super::segments::Line;
use crate::drivers::Except;
use crate::job::{JobId, JobState};

/// Rows that lie in no line: held, scheduled, retryable, and those available ones that came out of order.
pub(super) type Aside = BTreeMap<JobId, Row>;

/// What the rows of a lane have in common, in the order in which lanes are fetched.
///
/// Rows that only some fetches may take have lanes of their own, so that no fetch walks over rows that it must leave alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneKey {
    pub(super) priority: u8,
    /// Taken back from a dead worker: never prefetched.
    pub(super) is_rescued: bool,
    /// The kind and version of jobs that a worker left alone.
    pub(super) parked: Option<(Arc<str>, u16)>,
}

/// The available jobs of a queue with one priority.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) key: LaneKey,
    line: Line,
    /// The key of the last row that went into the line.
    last: Option<Key>,
    /// The keys of rows that came too late for the line (promoted, released, rescued, or from a pusher that was overtaken);
    /// the rows themselves lie aside.
    late: BTreeSet<Key>,
}

impl Lane {
    fn new(key: LaneKey) -> Self {
        Self { key, line: Line::default(), last: None, late: BTreeSet::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty() && self.late.is_empty()
    }

    pub(super) fn segments(&self) -> usize {
        self.line.segments()
    }

    /// Adds a row. The line stays sorted by itself: nearly every row is due later than the one before.
    pub(super) fn push(&mut self, row: Row, aside: &mut Aside) {
        let key = row.key();
        if self.line.is_empty() || self.last.is_none_or(|last| last < key) {
            self.last = Some(key);
            self.line.push(row);
        } else {
            self.late.insert(key);
            aside.insert(row.id, row);
        }
    }

    /// The key of the first row.
    pub(super) fn first_key(&self) -> Option<Key> {
        let late = self.late.first().copied();
        match self.line.first() {
            Some(row) => Some(late.map_or(row.key(), |late| late.min(row.key()))),
            None => late,
        }
    }

    fn is_late_first(&self) -> bool {
        self.late.first().is_some_and(|late| self.line.first().is_none_or(|row| *late < row.key()))
    }

    /// The first row.
    pub(super) fn first<'a>(&'a self, aside: &'a Aside) -> Option<&'a Row> {
        if self.is_late_first() { aside.get(&self.late.first()?.1) } else { self.line.first() }
    }

    /// Takes the first row out.
    pub(super) fn pop(&mut self, aside: &mut Aside) -> Option<Row> {
        if self.is_late_first() { aside.remove(&self.late.pop_first()?.1) } else { self.line.pop() }
    }

    /// A row of the line; those that came late are found aside.
    pub(super) fn find(&self, id: JobId) -> Option<&Row> {
        self.line.find(id)
    }

    /// Takes a row out of the line.
    pub(super) fn remove(&mut self, id: JobId) -> Option<Row> {
        self.line.remove(id)
    }

    /// Forgets a row that came late, and that the caller takes from aside.
    pub(super) fn remove_late(&mut self, key: Key) -> bool {
        self.late.remove(&key)
    }

    /// The rows of the line by segments, each with its least id, but for segments without a greater id than this.
    pub(super) fn segments_after(&self, after: Option<JobId>) -> impl Iterator<Item = (JobId, impl Iterator<Item = &Row>)> {
        self.line.segments_after(after)
    }
}

/// A queue: its lanes, and how many of its jobs are where.
#[derive(Debug)]
pub(super) struct Lanes {
    pub(super) name: Arc<str>,
    pub(super) is_paused: bool,
    /// Sorted by their keys.
    lanes: Vec<Lane>,
    counts: [u64; JobState::ALL.len()],
}

impl Lanes {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self { name, is_paused: false, lanes: Vec::new(), counts: [0; JobState::ALL.len()] }
    }

    pub(super) fn count(&self, state: JobState) -> u64 {
        self.counts[state as usize]
    }

    /// Whether it holds nothing that must be remembered: no row, and no pause.
    pub(super) fn is_idle(&self) -> bool {
        !self.is_paused && self.counts.iter().all(|count| *count == 0)
    }

    /// A row came into a state.
    pub(super) fn enter(&mut self, state: JobState) {
        self.counts[state as usize] += 1;
    }

    /// A row left a state.
    pub(super) fn leave(&mut self, state: JobState) {
        self.counts[state as usize] -= 1;
    }

    pub(super) fn all(&self) -> &[Lane] {
        &self.lanes
    }

    pub(super) fn all_mut(&mut self) -> &mut [Lane] {
        &mut self.lanes
    }

    /// Adds an available row to the lane of its priority.
    pub(super) fn push(&mut self, row: Row, aside: &mut Aside) {
        let (priority, is_rescued) = (row.priority, row.rescues > 0);
        let found = self.lanes.binary_search_by(|lane| {
            (lane.key.priority, lane.key.is_rescued, lane.key.parked.is_some()).cmp(&(priority, is_rescued, false))
        });
        let index = found.unwrap_or_else(|index| {
            self.lanes.insert(index, Lane::new(LaneKey { priority, is_rescued, parked: None }));
            index
        });
        self.lanes[index].push(row, aside);
    }

    /// Moves the first row of a lane to where those that some worker leaves alone lie.
    pub(super) fn park_first_of(&mut self, index: usize, aside: &mut Aside) {
        let Some(row) = self.lanes[index].pop(aside) else { return };
        let parked = Some((Arc::clone(&row.kind), row.version));
        let key = LaneKey { priority: row.priority, is_rescued: row.rescues > 0, parked };
        let index = self.lanes.binary_search_by(|lane| lane.key.cmp(&key)).unwrap_or_else(|index| {
            self.lanes.insert(index, Lane::new(key));
            index
        });
        self.lanes[index].push(row, aside);
    }

    /// The lane that the next row is taken from, and the key up to which no other lane has a better one.
    pub(super) fn best(&self, with_rescued: bool, except: &[Except]) -> Option<(usize, Option<Key>)> {
        let mut best: Option<(usize, Key)> = None;
        let mut next: Option<Key> = None;
        for (index, lane) in self.lanes.iter().enumerate() {
            if best.is_some_and(|(best, _)| self.lanes[best].key.priority < lane.key.priority) {
                break;
            }
            let is_left_alone = (lane.key.is_rescued && !with_rescued)
                || lane.key.parked.as_ref().is_some_and(|(kind, version)| except.iter().any(|one| one.covers(kind, *version)));
            if is_left_alone {
                continue;
            }
            let Some(key) = lane.first_key() else { continue };
            match best {
                Some((_, first)) if first < key => next = Some(next.map_or(key, |next| next.min(key))),
                Some((_, first)) => (best, next) = (Some((index, key)), Some(first)),
                None => best = Some((index, key)),
            }
        }
        best.map(|(index, _)| (index, next))
    }

    /// Forgets the lanes of kinds that nobody leaves alone any more.
    pub(super) fn drop_empty_parked(&mut self) {
        self.lanes.retain(|lane| lane.key.parked.is_none() || !lane.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_all(lanes: &mut Lanes, aside: &mut Aside, with_rescued: bool, except: &[Except]) -> Vec<u128> {
        let mut taken = Vec::new();
        while let Some((index, _)) = lanes.best(with_rescued, except) {
            taken.extend(lanes.all_mut()[index].pop(aside).map(|row| row.id.as_u128()));
        }
        taken
    }

    #[test]
    fn rows_come_by_priority_then_due_then_id_however_they_were_added() {
        let (mut lanes, mut aside) = (Lanes::new("q".into()), Aside::new());
        for (id, due, priority) in
            [(1, 10, 100), (2, 30, 100), (3, 20, 100), (5, 20, 100), (4, 20, 100), (6, 99, 0), (7, 40, 100)]
        {
            lanes.push(Row { priority, ..Row::sample(id, due) }, &mut aside);
        }
        assert_eq!(aside.len(), 3, "those that came late lie aside");
        assert_eq!(take_all(&mut lanes, &mut aside, true, &[]), [6, 1, 3, 4, 5, 2, 7]);
        assert!(aside.is_empty());
    }

    #[test]
    fn rescued_rows_keep_their_turn_and_are_left_alone_by_a_prefetch() {
        let (mut lanes, mut aside) = (Lanes::new("q".into()), Aside::new());
        for (id, rescues) in [(1, 0), (2, 1), (3, 0)] {
            lanes.push(Row { rescues, ..Row::sample(id, 10 * id as u64) }, &mut aside);
        }
        let (first, next) = lanes.best(true, &[]).unwrap();
        assert_eq!(next.map(|(_, id)| id.as_u128()), Some(2));
        assert_eq!(lanes.all()[first].first(&aside).map(|row| row.id.as_u128()), Some(1));
        assert_eq!(take_all(&mut lanes, &mut aside, false, &[]), [1, 3]);
        assert_eq!(take_all(&mut lanes, &mut aside, true, &[]), [2]);
    }

    #[test]
    fn parked_rows_are_skipped_as_a_whole_and_keep_their_turn() {
        let (mut lanes, mut aside) = (Lanes::new("q".into()), Aside::new());
        for id in 1..=3 {
            lanes.push(Row::sample(id, 10), &mut aside);
        }
        lanes.park_first_of(0, &mut aside);
        let except = [Except { kind: "Sample".into(), from_version: Some(1) }];
        let newer = [Except { kind: "Sample".into(), from_version: Some(2) }];
        assert_eq!(lanes.best(true, &except).map(|(index, _)| lanes.all()[index].key.parked.is_none()), Some(true));
        assert_eq!(take_all(&mut lanes, &mut aside, true, &newer), [1, 2, 3]);
        lanes.drop_empty_parked();
        assert_eq!(lanes.all().len(), 1);
    }
}
