//! How those who wait for runs to end learn of it: a stop, and whoever asks whether all is done.

use std::future::poll_fn;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};

use crate::sync::{AtomicBool, Mutex, MutexGuard};

/// Where runs are awaited.
pub(super) struct Idle {
    /// Somebody waits who was not woken: while nobody does, the end of a run costs one load here.
    is_awaited: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    wakers: Vec<(u64, Waker)>,
    next: u64,
}

impl Idle {
    pub(super) fn new() -> Self {
        Self { is_awaited: AtomicBool::new(false), waiting: Mutex::new(Waiting::default()) }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that can panic runs under this lock, so a poisoned one is whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when this is true, which is looked at now and after each end of a run. It must ask under the lock of a lane which
    /// jobs run: through that lock a run that was seen learns, when it ends, that it is awaited.
    pub(super) async fn until(&self, is_true: impl Fn() -> bool) {
        let waits = Waits { idle: self, number: self.number() };
        poll_fn(|context| {
            // Before the look, so that a run that ends in between is not missed.
            waits.with(context.waker());
            if is_true() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn number(&self) -> u64 {
        let mut waiting = self.lock();
        waiting.next += 1;
        waiting.next
    }

    /// A run has ended. To be called after its lane was told.
    pub(super) fn run_ended(&self) {
        if !self.is_awaited.load(Ordering::Acquire) {
            return;
        }
        let mut waiting = self.lock();
        // Under the lock: who comes after this is not among those who are woken, and says again that he waits.
        self.is_awaited.store(false, Ordering::Release);
        let wakers = std::mem::take(&mut waiting.wakers);
        drop(waiting);
        for (_, waker) in wakers {
            waker.wake();
        }
    }
}

/// One who waits, until it is dropped.
struct Waits<'a> {
    idle: &'a Idle,
    number: u64,
}

impl Waits<'_> {
    fn with(&self, waker: &Waker) {
        let mut waiting = self.idle.lock();
        match waiting.wakers.iter_mut().find(|(number, _)| *number == self.number) {
            Some((_, known)) => known.clone_from(waker),
            None => waiting.wakers.push((self.number, waker.clone())),
        }
        self.idle.is_awaited.store(true, Ordering::Release);
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.idle.lock().wakers.retain(|(number, _)| *number != self.number);
    }
}
