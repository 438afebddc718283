//! Who waits for something to happen, and what has happened since.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::rows::QueueIndex;
use crate::drivers::Wake;
use crate::job::JobId;

/// Those who wait. Each gathers for itself what happens, from the call of `wake` on, so that none takes an event from another.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    list: Vec<Waiter>,
    next: u64,
    /// To be woken once the store is unlocked.
    rung: Vec<Waker>,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    queues: Vec<QueueIndex>,
    /// Queues of interest that do not exist yet.
    unborn: Vec<Arc<str>>,
    happened: Wake,
    is_rung: bool,
    waker: Option<Waker>,
}

impl Waiter {
    fn ring(&mut self, rung: &mut Vec<Waker>) {
        self.is_rung = true;
        rung.extend(self.waker.take());
    }
}

impl Waiters {
    /// From now on, events are gathered for the ticket that this answers.
    pub(super) fn register(&mut self, queues: Vec<QueueIndex>, unborn: Vec<Arc<str>>) -> u64 {
        self.next += 1;
        let happened = Wake::default();
        self.list.push(Waiter { ticket: self.next, queues, unborn, happened, is_rung: false, waker: None });
        self.next
    }

    /// What happened, and the end of the ticket; or the waker of the context will be woken.
    pub(super) fn poll(&mut self, ticket: u64, context: &mut Context<'_>) -> Poll<Wake> {
        let Some(index) = self.list.iter().position(|waiter| waiter.ticket == ticket) else {
            // Asked again after its answer: a future must not be, and has nothing more to say.
            return Poll::Pending;
        };
        if self.list[index].is_rung {
            return Poll::Ready(self.list.swap_remove(index).happened);
        }
        self.list[index].waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Nobody asks for this ticket any more.
    pub(super) fn leave(&mut self, ticket: u64) {
        self.list.retain(|waiter| waiter.ticket != ticket);
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// A job of this queue became available.
    pub(super) fn work(&mut self, queue: QueueIndex) {
        for waiter in &mut self.list {
            if !waiter.happened.work && waiter.queues.contains(&queue) {
                waiter.happened.work = true;
                waiter.ring(&mut self.rung);
            }
        }
    }

    /// A queue came into being.
    pub(super) fn born(&mut self, queue: QueueIndex, name: &str) {
        for waiter in &mut self.list {
            if waiter.unborn.iter().any(|unborn| **unborn == *name) {
                waiter.queues.push(queue);
            }
            waiter.happened.queues = true;
            waiter.ring(&mut self.rung);
        }
    }

    /// Queues are gone, and their places will be those of others.
    pub(super) fn died(&mut self, gone: &HashMap<QueueIndex, Arc<str>>) {
        for waiter in &mut self.list {
            let Waiter { queues, unborn, .. } = waiter;
            queues.retain(|queue| {
                let name = gone.get(queue);
                unborn.extend(name.cloned());
                name.is_none()
            });
        }
    }

    /// A running job shall be cancelled.
    pub(super) fn cancelled(&mut self, id: JobId) {
        for waiter in &mut self.list {
            waiter.happened.cancelled.push(id);
            waiter.ring(&mut self.rung);
        }
    }

    /// A queue was paused or resumed.
    pub(super) fn paused(&mut self) {
        for waiter in &mut self.list {
            waiter.happened.paused = true;
            waiter.ring(&mut self.rung);
        }
    }

    /// A job was scheduled that is due before all others.
    pub(super) fn scheduled(&mut self) {
        for waiter in &mut self.list {
            waiter.happened.scheduled = true;
            waiter.ring(&mut self.rung);
        }
    }

    /// Those who are to be woken now that nobody holds the store.
    pub(super) fn take_rung(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.rung)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake as Wakes;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wakes for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn each_waiter_sees_each_event_and_is_woken_once() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&waker);
        let mut waiters = Waiters::default();
        let (first, second) = (waiters.register(vec![0], Vec::new()), waiters.register(vec![1], vec!["new".into()]));
        assert!(waiters.poll(first, &mut context).is_pending() && waiters.poll(second, &mut context).is_pending());

        let id = JobId::from_u128(1);
        waiters.work(0);
        waiters.work(0);
        waiters.cancelled(id);
        waiters.born(2, "new");
        waiters.work(2);
        waiters.take_rung().into_iter().for_each(Waker::wake);
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        for ticket in [first, second] {
            let Poll::Ready(wake) = waiters.poll(ticket, &mut context) else { panic!("it happened") };
            assert_eq!((wake.work, wake.queues, wake.cancelled, wake.paused), (true, true, vec![id], false));
        }
        assert_eq!(waiters.len(), 0);
    }

    #[test]
    fn what_happened_before_the_first_poll_counts_and_other_queues_do_not() {
        let mut context = Context::from_waker(Waker::noop());
        let mut waiters = Waiters::default();
        let ticket = waiters.register(vec![0], Vec::new());
        waiters.work(1);
        assert!(waiters.poll(ticket, &mut context).is_pending());
        waiters.work(0);
        assert!(waiters.poll(ticket, &mut context).is_ready());
    }
}
