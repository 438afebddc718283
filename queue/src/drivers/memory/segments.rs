//! A line of rows, first in, first out, in segments that are given back as soon as they are empty.

use std::collections::VecDeque;

use super::rows::Row;
use crate::job::JobId;

/// Rows of a segment: large enough that its upkeep does not show, small enough that one waiting row pins little (52 KiB).
const SEGMENT_ROWS: usize = 512;

/// A last segment with room for at most so many rows is kept when it is empty, so that a line that never holds more than a few
/// rows does not ask the allocator at each.
const SPARE_ROWS: usize = 32;

/// Rows in the order they came. Rows leave at the front; those taken out of the middle leave a hole, and a segment that is
/// mostly holes is made smaller.
#[derive(Debug, Default)]
pub(super) struct Line {
    segments: VecDeque<Segment>,
    len: usize,
}

/// In a line, the first segment begins with a row, unless it is the only one and empty.
#[derive(Debug)]
struct Segment {
    rows: Vec<Option<Row>>,
    /// The slots before it are empty.
    head: usize,
    /// Slots with a row.
    live: usize,
    /// The ids lie between these, so that a look for one skips most segments.
    least: JobId,
    greatest: JobId,
}

impl Segment {
    fn with_capacity(capacity: usize, first: JobId) -> Self {
        Self { rows: Vec::with_capacity(capacity), head: 0, live: 0, least: first, greatest: first }
    }

    fn push(&mut self, row: Row) {
        if self.live == 0 {
            (self.least, self.greatest) = (row.id, row.id);
        } else {
            self.least = self.least.min(row.id);
            self.greatest = self.greatest.max(row.id);
        }
        self.rows.push(Some(row));
        self.live += 1;
    }

    /// Takes the row of a slot, and moves the head to the next one.
    fn take(&mut self, slot: usize) -> Option<Row> {
        let row = self.rows.get_mut(slot)?.take()?;
        self.live -= 1;
        while self.rows.get(self.head).is_some_and(Option::is_none) {
            self.head += 1;
        }
        Some(row)
    }

    fn find(&self, id: JobId) -> Option<usize> {
        if id < self.least || self.greatest < id {
            return None;
        }
        let mut slots = self.rows.iter().enumerate().skip(self.head);
        slots.find_map(|(slot, row)| row.as_ref().filter(|row| row.id == id).map(|_| slot))
    }
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many segments it holds, for those who look whether they are given back.
    pub(super) fn segments(&self) -> usize {
        self.segments.len()
    }

    pub(super) fn push(&mut self, row: Row) {
        let is_full = self.segments.back().is_none_or(|tail| tail.rows.len() >= SEGMENT_ROWS);
        if is_full {
            // The first one grows with its rows: most lines are short.
            let capacity = if self.segments.is_empty() { 0 } else { SEGMENT_ROWS };
            self.segments.push_back(Segment::with_capacity(capacity, row.id));
        }
        if let Some(tail) = self.segments.back_mut() {
            tail.push(row);
            self.len += 1;
        }
    }

    /// The first row.
    pub(super) fn first(&self) -> Option<&Row> {
        let segment = self.segments.front()?;
        segment.rows.get(segment.head)?.as_ref()
    }

    /// Takes the first row out.
    pub(super) fn pop(&mut self) -> Option<Row> {
        let segment = self.segments.front_mut()?;
        let row = segment.take(segment.head)?;
        self.len -= 1;
        if segment.live == 0 {
            self.give_back(0);
        }
        Some(row)
    }

    pub(super) fn find(&self, id: JobId) -> Option<&Row> {
        self.segments.iter().find_map(|segment| segment.rows[segment.find(id)?].as_ref())
    }

    /// Takes a row out of the middle.
    pub(super) fn remove(&mut self, id: JobId) -> Option<Row> {
        let (index, slot) =
            self.segments.iter().enumerate().find_map(|(index, segment)| segment.find(id).map(|slot| (index, slot)))?;
        let segment = &mut self.segments[index];
        let row = segment.take(slot)?;
        self.len -= 1;
        if segment.live == 0 {
            self.give_back(index);
        } else if segment.live * 4 <= segment.rows.capacity() && segment.rows.capacity() > SPARE_ROWS {
            let rows = std::mem::take(&mut segment.rows);
            let mut kept = Vec::with_capacity(segment.live);
            kept.extend(rows.into_iter().filter(Option::is_some));
            segment.rows = kept;
            segment.head = 0;
        }
        Some(row)
    }

    /// The rows by segments, each with its least id, but for segments without a greater id than this.
    pub(super) fn segments_after(&self, after: Option<JobId>) -> impl Iterator<Item = (JobId, impl Iterator<Item = &Row>)> {
        let segments = self.segments.iter().filter(move |one| one.live > 0 && after.is_none_or(|after| after < one.greatest));
        segments.map(|segment| (segment.least, segment.rows[segment.head..].iter().flatten()))
    }

    /// Gives an empty segment back.
    fn give_back(&mut self, index: usize) {
        let is_last = self.segments.len() == 1;
        if let Some(segment) = self.segments.get_mut(index).filter(|segment| is_last && segment.rows.capacity() <= SPARE_ROWS) {
            segment.rows.clear();
            segment.head = 0;
        } else if is_last {
            // With it goes the room that the list of segments had grown to.
            self.segments = VecDeque::new();
        } else {
            self.segments.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(ids: impl IntoIterator<Item = u128>) -> Line {
        let mut line = Line::default();
        for id in ids {
            line.push(Row::sample(id, 0));
        }
        line
    }

    fn drained(line: &mut Line) -> Vec<u128> {
        std::iter::from_fn(|| line.pop()).map(|row| row.id.as_u128()).collect()
    }

    #[test]
    fn rows_leave_in_the_order_they_came_and_take_their_segments_along() {
        let mut line = line(0..2_000);
        assert_eq!(line.segments(), 4);
        assert_eq!(drained(&mut line), (0..2_000).collect::<Vec<_>>());
        assert_eq!((line.segments(), line.segments.capacity()), (0, 0));
        assert!(line.first().is_none());
    }

    #[test]
    fn a_short_line_keeps_its_room() {
        let mut line = line(0..3);
        assert_eq!(drained(&mut line), [0, 1, 2]);
        assert_eq!(line.segments(), 1);
        line.push(Row::sample(7, 0));
        assert_eq!(line.first().map(|row| row.id.as_u128()), Some(7));
        assert_eq!(drained(&mut line), [7]);
    }

    #[test]
    fn a_row_is_found_and_taken_anywhere() {
        let mut line = line([5, 3, 9].into_iter().chain(10..1_500));
        for id in [5, 3, 700, 1_499] {
            assert_eq!(line.find(JobId::from_u128(id)).map(|row| row.id.as_u128()), Some(id));
            assert_eq!(line.remove(JobId::from_u128(id)).map(|row| row.id.as_u128()), Some(id));
            assert!(line.find(JobId::from_u128(id)).is_none() && line.remove(JobId::from_u128(id)).is_none());
        }
        let left: Vec<_> = [9].into_iter().chain((10..1_499).filter(|&id| id != 700)).collect();
        assert_eq!(drained(&mut line), left);
    }

    #[test]
    fn a_few_old_rows_do_not_hold_the_memory_of_many() {
        let mut line = line(0..512 * 10);
        for id in (0..512 * 10).filter(|id| id % 512 != 100) {
            line.remove(JobId::from_u128(id));
        }
        let capacity: usize = line.segments.iter().map(|segment| segment.rows.capacity()).sum();
        assert!(capacity <= 10 * SPARE_ROWS, "10 rows hold the room of {capacity}");
        assert_eq!(drained(&mut line), (0..10).map(|segment| segment * 512 + 100).collect::<Vec<_>>());
    }

    #[test]
    fn a_segment_emptied_from_the_middle_goes_at_once() {
        let mut line = line(0..1_536);
        for id in 512..1_024 {
            line.remove(JobId::from_u128(id));
        }
        assert_eq!(line.segments(), 2);
        assert_eq!(drained(&mut line).len(), 1_024);
    }
}
