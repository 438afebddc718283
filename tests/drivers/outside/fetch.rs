//! Handing jobs out.

use std::time::SystemTime;

use queue::JobState;
use queue::drivers::{Delivery, FetchRequest, QueueRequest};

use super::table::Table;

impl Table {
    pub(crate) fn fetch(&mut self, request: &FetchRequest, now: SystemTime) -> Vec<Delivery> {
        request.queues.iter().flat_map(|queue| self.fetch_from(queue, request, now)).collect()
    }

    fn fetch_from(&mut self, queue: &QueueRequest, request: &FetchRequest, now: SystemTime) -> Vec<Delivery> {
        if self.paused.contains(&queue.queue) {
            return Vec::new();
        }
        let mut ready: Vec<_> = self
            .jobs
            .values_mut()
            .filter(|row| row.state == JobState::Available && row.queue == queue.queue)
            .filter(|row| !request.except.iter().any(|except| except.covers(&row.kind, row.version)))
            .collect();
        ready.sort_by_key(|row| (row.priority, row.due_at, row.id));

        let mut deliveries = Vec::new();
        for row in ready {
            if deliveries.len() == queue.free + queue.ahead {
                break;
            }
            // It may have killed its process, so it is never prefetched; those behind it are.
            if row.rescues > 0 && deliveries.len() >= queue.free {
                continue;
            }
            deliveries.push(row.claim(request.worker, request.lease, now));
        }
        deliveries
    }
}
