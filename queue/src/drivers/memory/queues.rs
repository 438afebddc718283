//! The queues by name and by place. A program may have one for each of its users, so those that hold nothing go.

use std::collections::HashMap;
use std::sync::Arc;

use super::lanes::Lanes;
use super::rows::QueueIndex;

/// Room for so many queues is kept.
const SPARE_QUEUES: usize = 64;

/// The queues. Rows and waiters name a queue by its place, which is used again when the queue is gone: no row is left then, and
/// [`sweep`](Self::sweep) tells whom the waiters must forget.
#[derive(Debug, Default)]
pub(super) struct Queues {
    lanes: Vec<Lanes>,
    names: HashMap<Arc<str>, QueueIndex>,
    /// Places to be used again; what lies there is empty.
    free: Vec<QueueIndex>,
    /// The queue of the last push: most pushes name the one before, by the same interned name.
    recent: Option<(Arc<str>, QueueIndex)>,
}

impl Queues {
    /// The queue of this name, if it exists.
    pub(super) fn named(&self, name: &str) -> Option<QueueIndex> {
        self.names.get(name).copied()
    }

    /// The queue of the last push, if this is its name.
    pub(super) fn recent(&self, name: &Arc<str>) -> Option<QueueIndex> {
        self.recent.as_ref().filter(|(recent, _)| Arc::ptr_eq(recent, name)).map(|(_, index)| *index)
    }

    pub(super) fn set_recent(&mut self, name: &Arc<str>, index: QueueIndex) {
        self.recent = Some((Arc::clone(name), index));
    }

    /// Makes a queue that does not exist.
    pub(super) fn add(&mut self, name: &Arc<str>) -> QueueIndex {
        let lanes = Lanes::new(Arc::clone(name));
        let index = match self.free.pop() {
            Some(index) => {
                self.lanes[index as usize] = lanes;
                index
            }
            None => {
                self.lanes.push(lanes);
                QueueIndex::try_from(self.lanes.len() - 1).unwrap_or(QueueIndex::MAX)
            }
        };
        self.names.insert(Arc::clone(name), index);
        index
    }

    pub(super) fn get(&self, index: QueueIndex) -> &Lanes {
        &self.lanes[index as usize]
    }

    pub(super) fn get_mut(&mut self, index: QueueIndex) -> &mut Lanes {
        &mut self.lanes[index as usize]
    }

    /// All places, also those that nothing lies in.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Lanes> {
        self.lanes.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Lanes> {
        self.lanes.iter_mut()
    }

    /// The queues that exist. One that holds nothing does until it is swept: a worker must see that it is no longer paused.
    pub(super) fn existing(&self) -> impl Iterator<Item = &Lanes> {
        let is_named = |place: usize, lanes: &Lanes| self.names.get(&lanes.name).is_some_and(|index| *index as usize == place);
        self.lanes.iter().enumerate().filter(move |(place, lanes)| is_named(*place, lanes)).map(|(_, lanes)| lanes)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Removes up to `limit` queues without a row that are not paused; answers where they were.
    pub(super) fn sweep(&mut self, limit: usize) -> HashMap<QueueIndex, Arc<str>> {
        let mut gone = HashMap::new();
        let Self { lanes, names, free, .. } = self;
        names.retain(|name, index| {
            let goes = gone.len() < limit && lanes[*index as usize].is_idle();
            if goes {
                // Its memory goes at once; the name in its place is the one of nothing.
                lanes[*index as usize] = Lanes::new(Arc::default());
                free.push(*index);
                gone.insert(*index, Arc::clone(name));
            }
            !goes
        });
        if !gone.is_empty() {
            self.recent = None;
            self.give_back();
        }
        gone
    }

    /// What a burst of names took goes back.
    fn give_back(&mut self) {
        if self.lanes.len() <= SPARE_QUEUES || self.names.len() > self.lanes.len() / 2 {
            return;
        }
        let end = self.names.values().max().map_or(0, |last| *last as usize + 1);
        self.lanes.truncate(end);
        self.free.retain(|place| (*place as usize) < end);
        self.lanes.shrink_to_fit();
        self.free.shrink_to_fit();
        self.names.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobState;

    fn with_rows(queues: &mut Queues, names: impl IntoIterator<Item = usize>) -> Vec<QueueIndex> {
        let add = |name: usize| {
            let index = queues.add(&name.to_string().into());
            queues.get_mut(index).enter(JobState::Available);
            index
        };
        names.into_iter().map(add).collect()
    }

    #[test]
    fn places_are_used_again_and_names_lead_to_their_own() {
        let mut queues = Queues::default();
        let places = with_rows(&mut queues, 0..10);
        queues.get_mut(places[3]).leave(JobState::Available);
        let gone = queues.sweep(10);
        assert_eq!((gone.len(), gone.get(&places[3]).map(|name| &**name)), (1, Some("3")));
        assert!(queues.named("3").is_none() && queues.len() == 9);
        assert_eq!(queues.existing().count(), 9);
        assert_eq!(with_rows(&mut queues, [10]), [places[3]]);
        assert!((0..=10).filter(|name| *name != 3).all(|name| {
            let name = name.to_string();
            queues.named(&name).is_some_and(|index| *queues.get(index).name == *name)
        }));
    }

    #[test]
    fn a_sweep_takes_no_more_than_it_may_and_forgets_the_last_push() {
        let mut queues = Queues::default();
        let name: Arc<str> = "0".into();
        let index = queues.add(&name);
        queues.set_recent(&name, index);
        for other in 1..5 {
            queues.add(&other.to_string().into());
        }
        assert_eq!(queues.recent(&name), Some(index));
        assert_eq!((queues.sweep(3).len(), queues.sweep(3).len(), queues.sweep(3).len()), (3, 2, 0));
        assert_eq!((queues.recent(&name), queues.len()), (None, 0));
    }

    #[test]
    fn the_room_of_a_burst_goes_back() {
        let mut queues = Queues::default();
        let places = with_rows(&mut queues, 0..5_000);
        for place in &places[1..] {
            queues.get_mut(*place).leave(JobState::Available);
        }
        assert_eq!(queues.sweep(10_000).len(), 4_999);
        assert_eq!((queues.lanes.len(), queues.lanes.capacity(), queues.free.capacity()), (1, 1, 0));
        assert!(queues.names.capacity() < 100);
        assert_eq!(with_rows(&mut queues, [7]), [1]);
    }
}
