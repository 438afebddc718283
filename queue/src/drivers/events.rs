//! What happens in a store, told to those in this process who wait: all handles on one store share it.

use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use super::Wake;
use crate::job::JobId;

/// What one commit brought.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Queues in which jobs became available.
    pub(crate) work: BTreeSet<Arc<str>>,
    /// A queue came into being.
    pub(crate) queues: bool,
    /// Running jobs that shall be cancelled.
    pub(crate) cancelled: Vec<JobId>,
    /// A queue was paused or resumed.
    pub(crate) paused: bool,
    /// The earliest time that something was scheduled for, in microseconds since 1970.
    pub(crate) scheduled: Option<i64>,
}

impl News {
    /// Something is due at this time.
    pub(crate) fn schedule(&mut self, due: i64) {
        self.scheduled = Some(self.scheduled.map_or(due, |earliest| earliest.min(due)));
    }
}

/// Those who wait for something to happen in a store.
#[derive(Debug, Default)]
pub(crate) struct Events {
    waiters: Mutex<Waiters>,
}

#[derive(Debug, Default)]
struct Waiters {
    list: Vec<Waiter>,
    next: u64,
    /// When the next scheduled job is due, as far as anybody here knows.
    due: Option<i64>,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    queues: BTreeSet<Arc<str>>,
    happened: Wake,
    is_rung: bool,
    waker: Option<Waker>,
}

impl Events {
    /// Those of a store, by what tells it from all others: the same for each handle in this process.
    pub(crate) fn of(store: String) -> Arc<Self> {
        static STORES: LazyLock<Mutex<HashMap<String, Weak<Events>>>> = LazyLock::new(Mutex::default);
        let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        stores.retain(|_, events| events.strong_count() > 0);
        if let Some(events) = stores.get(&store).and_then(Weak::upgrade) {
            return events;
        }
        let events = Arc::default();
        stores.insert(store, Arc::downgrade(&events));
        events
    }

    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody whom it concerns; called after the commit.
    pub(crate) fn tell(&self, news: &News) {
        let mut waiters = self.lock();
        let Waiters { list, due, .. } = &mut *waiters;
        let is_first = news.scheduled.filter(|at| due.is_none_or(|due| *at < due));
        *due = is_first.or(*due);
        let mut rung = Vec::new();
        for waiter in list {
            let happened = &mut waiter.happened;
            let has_work = news.work.iter().any(|queue| waiter.queues.contains(queue));
            happened.work |= has_work;
            happened.queues |= news.queues;
            happened.paused |= news.paused;
            happened.scheduled |= is_first.is_some();
            happened.cancelled.extend_from_slice(&news.cancelled);
            if has_work || news.queues || news.paused || is_first.is_some() || !news.cancelled.is_empty() {
                waiter.is_rung = true;
                rung.extend(waiter.waker.take());
            }
        }
        drop(waiters);
        rung.into_iter().for_each(Waker::wake);
    }

    /// Tells of something that may have happened, whatever it was.
    #[cfg(feature = "postgres")]
    pub(crate) fn tell_of_anything(&self) {
        let mut waiters = self.lock();
        waiters.due = None;
        let mut rung = Vec::new();
        for waiter in &mut waiters.list {
            let Wake { work, queues, paused, scheduled, .. } = &mut waiter.happened;
            (*work, *queues, *paused, *scheduled) = (true, true, true, true);
            waiter.is_rung = true;
            rung.extend(waiter.waker.take());
        }
        drop(waiters);
        rung.into_iter().for_each(Waker::wake);
    }

    /// The same as [`tell`](Self::tell) for what another process did, which may be in a queue that those who wait here do not know.
    #[cfg(feature = "postgres")]
    pub(crate) fn tell_from_outside(&self, news: &News) {
        let is_known = |queue: &Arc<str>| self.lock().list.iter().all(|waiter| waiter.queues.contains(queue));
        let queues = news.queues || !news.work.iter().all(is_known);
        self.tell(&News { queues, work: news.work.clone(), cancelled: news.cancelled.clone(), ..*news });
    }

    /// Somebody looked when the next scheduled job is due.
    pub(crate) fn note_due(&self, due: Option<i64>) {
        self.lock().due = due;
    }

    /// Resolves when something happened after this call that whoever serves these queues wants to know.
    pub(crate) fn listen(self: &Arc<Self>, queues: &[Arc<str>]) -> Listening {
        let mut waiters = self.lock();
        waiters.next += 1;
        let ticket = waiters.next;
        let queues = queues.iter().cloned().collect();
        waiters.list.push(Waiter { ticket, queues, happened: Wake::default(), is_rung: false, waker: None });
        Listening { events: Arc::clone(self), ticket }
    }
}

/// Waits for news. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Listening {
    events: Arc<Events>,
    ticket: u64,
}

impl Future for Listening {
    type Output = Wake;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Wake> {
        let mut waiters = self.events.lock();
        let Some(index) = waiters.list.iter().position(|waiter| waiter.ticket == self.ticket) else { return Poll::Pending };
        if waiters.list[index].is_rung {
            return Poll::Ready(waiters.list.swap_remove(index).happened);
        }
        waiters.list[index].waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.events.lock().list.retain(|waiter| waiter.ticket != self.ticket);
    }
}
