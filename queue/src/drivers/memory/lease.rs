//! The running jobs. A delivery carries the place of its row here, so that neither settling nor renewing looks for it.

use crate::drivers::{Lease, WorkerId};
use crate::job::JobId;

use super::rows::{Row, Time};

/// Room for so many runs is kept when none is left.
const SPARE_RUNS: usize = 1024;

/// A running job.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) row: Row,
    pub(super) worker: WorkerId,
    pub(super) started: Time,
    pub(super) expires: Time,
    /// Somebody asked to cancel it.
    pub(super) is_cancelled: bool,
}

/// The running jobs by their places, which are used again.
///
/// There is no order by expiry: a worker holds few leases and renews them all at once, so going over all of them every 5 s costs
/// less than keeping an order at every fetch and settlement, and `earliest` spares even that while all are renewed in time.
#[derive(Debug)]
pub(super) struct Leases {
    runs: Vec<Option<Run>>,
    free: Vec<u32>,
    /// No lease expires before; it may lie too early.
    earliest: Option<Time>,
}

impl Leases {
    pub(super) fn new() -> Self {
        Self { runs: Vec::new(), free: Vec::new(), earliest: None }
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len() - self.free.len()
    }

    /// Where the next run will lie, which its delivery must know.
    pub(super) fn next_place(&self) -> u64 {
        self.free.last().map_or(self.runs.len() as u64, |&place| u64::from(place))
    }

    /// Takes a run up, at [`next_place`](Self::next_place).
    pub(super) fn insert(&mut self, run: Run) {
        self.earliest = Some(self.earliest.map_or(run.expires, |earliest| earliest.min(run.expires)));
        match self.free.pop() {
            Some(place) => self.runs[place as usize] = Some(run),
            None => self.runs.push(Some(run)),
        }
    }

    /// The run under a lease, if the lease is still good. The token decides, not the time.
    pub(super) fn held(&mut self, lease: &Lease) -> Option<&mut Run> {
        let run = self.runs.get_mut(usize::try_from(lease.place).ok()?)?.as_mut()?;
        (run.row.id == lease.id && u64::from(run.row.token) == lease.token).then_some(run)
    }

    /// Ends the run under a lease, if the lease is still good.
    pub(super) fn take(&mut self, lease: &Lease) -> Option<Run> {
        self.held(lease)?;
        self.take_at(usize::try_from(lease.place).ok()?)
    }

    fn take_at(&mut self, place: usize) -> Option<Run> {
        let run = self.runs.get_mut(place)?.take()?;
        if self.free.len() + 1 == self.runs.len() && self.runs.capacity() > SPARE_RUNS {
            // Nothing runs any more: what a burst took goes back. An old lease finds another token, or nothing.
            (self.runs, self.free, self.earliest) = (Vec::new(), Vec::new(), None);
        } else {
            self.free.push(u32::try_from(place).unwrap_or(u32::MAX));
        }
        Some(run)
    }

    /// Moves the end of a lease that is good.
    pub(super) fn extend(&mut self, lease: &Lease, expires: Time) -> Option<&mut Run> {
        // A renewal with a shorter lease must not end later than `earliest` says.
        self.earliest = self.earliest.map(|earliest| earliest.min(expires));
        let run = self.held(lease)?;
        run.expires = expires;
        Some(run)
    }

    /// Ends up to `limit` runs whose leases have run out, the longest first.
    pub(super) fn take_expired(&mut self, now: Time, limit: usize) -> Vec<Run> {
        if self.earliest.is_none_or(|earliest| now < earliest) {
            return Vec::new();
        }
        let mut expired: Vec<_> =
            self.places().filter(|(_, run)| run.expires <= now).map(|(place, run)| (run.expires, place)).collect();
        expired.sort_unstable();
        expired.truncate(limit);
        let taken = expired.into_iter().filter_map(|(_, place)| self.take_at(place)).collect();
        self.earliest = self.places().map(|(_, run)| run.expires).min();
        taken
    }

    /// The run of a job.
    pub(super) fn find(&self, id: JobId) -> Option<&Run> {
        self.runs().find(|run| run.row.id == id)
    }

    pub(super) fn find_mut(&mut self, id: JobId) -> Option<&mut Run> {
        self.runs.iter_mut().flatten().find(|run| run.row.id == id)
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().flatten()
    }

    fn places(&self) -> impl Iterator<Item = (usize, &Run)> {
        self.runs.iter().enumerate().filter_map(|(place, run)| Some((place, run.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn start(leases: &mut Leases, id: u128, expires: Time) -> Lease {
        let lease = Lease { id: JobId::from_u128(id), place: leases.next_place(), token: 0 };
        let row = Row::sample(id, 0);
        leases.insert(Run { row, worker: WorkerId::nil(), started: expires, expires, is_cancelled: false });
        lease
    }

    #[test]
    fn a_place_that_is_used_again_is_closed_to_the_old_lease() {
        let now = Time::from(SystemTime::now());
        let mut leases = Leases::new();
        let old = start(&mut leases, 1, now);
        assert!(leases.take(&old).is_some());
        let new = start(&mut leases, 2, now);
        assert_eq!(old.place, new.place);
        assert!(leases.take(&old).is_none() && leases.held(&old).is_none());
        assert!(leases.held(&Lease { token: 1, ..new }).is_none());
        assert_eq!(leases.take(&new).map(|run| run.row.id), Some(new.id));
    }

    #[test]
    fn the_longest_expired_go_first_and_renewed_ones_stay() {
        let now = Time::from(SystemTime::now());
        let at = |seconds| now.after(Duration::from_secs(seconds));
        let mut leases = Leases::new();
        let held: Vec<_> = [30, 10, 20, 40].iter().map(|&end| start(&mut leases, u128::from(end), at(end))).collect();
        assert!(leases.take_expired(at(9), 10).is_empty());
        assert!(leases.extend(&held[2], at(50)).is_some());
        let taken = |leases: &mut Leases, now, limit| -> Vec<_> {
            leases.take_expired(now, limit).iter().map(|run| run.row.id.as_u128()).collect()
        };
        assert_eq!(taken(&mut leases, at(45), 2), [10, 30]);
        assert_eq!(taken(&mut leases, at(45), 2), [40]);
        assert_eq!(taken(&mut leases, at(50), 2), [20]);
        assert_eq!(leases.len(), 0);
    }

    #[test]
    fn a_shorter_renewal_is_seen() {
        let now = Time::from(SystemTime::now());
        let mut leases = Leases::new();
        let lease = start(&mut leases, 1, now.after(Duration::from_secs(60)));
        leases.extend(&lease, now.after(Duration::from_secs(5)));
        assert_eq!(leases.take_expired(now.after(Duration::from_secs(6)), 1).len(), 1);
    }

    #[test]
    fn what_a_burst_took_goes_back() {
        let now = Time::from(SystemTime::now());
        let mut leases = Leases::new();
        let held: Vec<_> = (0..5_000).map(|id| start(&mut leases, id, now)).collect();
        assert!(held.iter().all(|lease| leases.take(lease).is_some()));
        assert_eq!((leases.runs.capacity(), leases.free.capacity()), (0, 0));
    }
}
