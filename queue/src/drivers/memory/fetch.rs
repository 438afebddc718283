//! Claiming jobs.

use super::lease::Run;
use super::rows::{QueueIndex, Time};
use super::store::Store;
use crate::drivers::{Delivery, FetchRequest, QueueRequest};
use crate::job::JobState;

impl Store {
    /// Claims for each queue what the request asks for, in the order of [`Delivery::order`].
    pub(super) fn fetch(&mut self, request: &FetchRequest, now: Time) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for wanted in &request.queues {
            if let Some(queue) = self.queue_named(&wanted.queue)
                && !self.queues.get(queue).is_paused
            {
                self.claim(request, wanted, queue, now, &mut deliveries);
            }
        }
        deliveries
    }

    fn claim(
        &mut self,
        request: &FetchRequest,
        wanted: &QueueRequest,
        queue: QueueIndex,
        now: Time,
        deliveries: &mut Vec<Delivery>,
    ) {
        let lanes = self.queues.get_mut(queue);
        let expires = now.after(request.lease);
        let total = wanted.free.saturating_add(wanted.ahead);
        let there = usize::try_from(lanes.count(JobState::Available)).unwrap_or(usize::MAX);
        deliveries.reserve(total.min(there));
        let mut claimed = 0;
        'lanes: while claimed < total {
            // The first claims start at once, in the slots that are free; behind them, no rescued job is taken.
            let is_free = claimed < wanted.free;
            let bound = if is_free { wanted.free } else { total };
            let Some((index, next)) = lanes.best(is_free, &request.except) else { break };
            let is_parked = lanes.all()[index].key.parked.is_some();
            while claimed < bound {
                let lane = &mut lanes.all_mut()[index];
                if next.is_some_and(|next| lane.first_key().is_none_or(|key| next < key)) {
                    continue 'lanes;
                }
                if !request.except.is_empty() && !is_parked {
                    let Some(row) = lane.first(&self.aside) else { continue 'lanes };
                    if request.except.iter().any(|except| except.covers(&row.kind, row.version)) {
                        // Once moved, it is not met again by a worker that must leave it alone.
                        lanes.park_first_of(index, &mut self.aside);
                        continue 'lanes;
                    }
                }
                let Some(mut row) = lane.pop(&mut self.aside) else { continue 'lanes };
                row.begin();
                lanes.leave(JobState::Available);
                lanes.enter(JobState::Running);
                deliveries.push(row.delivery(&lanes.name, self.leases.next_place()));
                self.leases.insert(Run { row, worker: request.worker, started: now, expires, is_cancelled: false });
                claimed += 1;
            }
        }
        if !request.except.is_empty() || lanes.all().iter().any(|lane| lane.key.parked.is_some()) {
            lanes.drop_empty_parked();
        }
    }
}
