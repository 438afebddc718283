//! The place where a push finds out what became of it.

use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::drivers::{PushError, PushResult};
use crate::telemetry;

/// One answer, awaited by a task or by a thread, or by nobody.
#[derive(Debug, Default)]
pub(super) struct Reply {
    state: Mutex<State>,
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    answer: Option<PushResult>,
    waker: Option<Waker>,
    is_abandoned: bool,
    /// A thread is parked for the answer. To notify nobody is a system call, too.
    is_parked_for: bool,
}

/// The right to answer, once. Dropped without an answer, it answers that the queue is closed: nobody waits for good.
#[derive(Debug)]
pub(super) struct Answer(Option<Arc<Reply>>);

impl Answer {
    pub(super) fn give(mut self, answer: PushResult) {
        if let Some(reply) = self.0.take() {
            reply.answer(answer);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(reply) = self.0.take() {
            reply.answer(Err(PushError::Closed));
        }
    }
}

impl Reply {
    /// An answer to come, and the place where it will be.
    pub(super) fn new() -> (Answer, Arc<Self>) {
        let reply = Arc::new(Self::default());
        (Answer(Some(Arc::clone(&reply))), reply)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock, so a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where nobody waits for the answer, a failure is logged.
    fn answer(&self, answer: PushResult) {
        let mut state = self.lock();
        if state.is_abandoned {
            drop(state);
            if let Err(error) = answer {
                unheard(&error);
            }
            return;
        }
        state.answer = Some(answer);
        let (waker, is_parked_for) = (state.waker.take(), state.is_parked_for);
        drop(state);
        if is_parked_for {
            self.answered.notify_all();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes the answer, or remembers whom to wake.
    pub(super) fn poll(&self, waker: &Waker) -> Poll<PushResult> {
        let mut state = self.lock();
        match state.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                match &mut state.waker {
                    Some(known) => known.clone_from(waker),
                    none => *none = Some(waker.clone()),
                }
                Poll::Pending
            }
        }
    }

    /// Resolves with the answer.
    pub(super) async fn answered(&self) -> PushResult {
        poll_fn(|context| self.poll(context.waker())).await
    }

    /// Parks the thread until there is an answer.
    pub(super) fn wait(&self) -> PushResult {
        let mut state = self.lock();
        state.is_parked_for = true;
        let mut state = self.answered.wait_while(state, |state| state.answer.is_none()).unwrap_or_else(PoisonError::into_inner);
        state.answer.take().unwrap_or(Err(PushError::Closed))
    }

    /// Nobody waits any more.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.is_abandoned = true;
        let answer = state.answer.take();
        drop(state);
        if let Some(Err(error)) = answer {
            unheard(&error);
        }
    }
}

/// A push failed and nobody awaits it: fire and forget is fair, silence is not.
pub(super) fn unheard(error: &PushError) {
    let error = crate::error::chain(error);
    tracing::error!(%error, "a push that nobody awaits failed");
    telemetry::say_if_nobody_listens(&format!("a push that nobody awaits failed: {error}"));
}
