//! What the driver tells of what happens in the store.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use crate::drivers::{BoxFuture, Driver, Wake};
use crate::error::Error;

use super::exchange::exchange_for_the_idle;
use super::shared::Shared;
use super::turn::Turn;

/// What a driver tells of some queues. The engine listens; where the store never makes one wait, so does the thread that made something
/// happen, which is mostly a pusher's. It gets the work to the loops that wait, and spares them the way over the engine.
pub(super) struct News {
    shared: Weak<Shared>,
    driver: Arc<dyn Driver>,
    queues: Arc<Vec<Arc<str>>>,
    /// Who asks the driver, one at a time.
    turn: Turn,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The question that the driver has not answered.
    asked: Option<BoxFuture<'static, Result<Wake, Error>>>,
    /// Its answers, for the engine.
    heard: VecDeque<Result<Wake, Error>>,
    engine: Option<Waker>,
    is_over: bool,
}

impl News {
    /// Listens to what happens to these queues, from the first [`poll`](Listening::poll) on.
    pub(super) fn of(shared: &Arc<Shared>, queues: &Arc<Vec<Arc<str>>>) -> Listening {
        Listening(Arc::new(Self {
            shared: Arc::downgrade(shared),
            driver: Arc::clone(&shared.driver),
            queues: Arc::clone(queues),
            turn: Turn::new(),
            state: Mutex::default(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing of the driver runs under this lock, so a poisoned one is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the driver, in turn with others: whoever finds one asking has that one ask again.
    fn listen(self: &Arc<Self>, waker: &Waker) {
        if !self.turn.begin() {
            return;
        }
        loop {
            // An answer is followed by the next question at once, so that little falls in between.
            while self.ask(&mut Context::from_waker(waker)) {}
            if self.turn.end() {
                return;
            }
        }
    }

    /// Asks once. Answers whether there was something to hear, and the driver may tell more.
    fn ask(&self, context: &mut Context<'_>) -> bool {
        let mut state = self.lock();
        let (is_over, asked) = (state.is_over, state.asked.take());
        drop(state);
        if is_over {
            return false;
        }
        let mut asked = asked.unwrap_or_else(|| {
            let (driver, queues) = (Arc::clone(&self.driver), Arc::clone(&self.queues));
            Box::pin(async move { driver.wake(&queues).await })
        });
        let answer = asked.as_mut().poll(context);
        let mut state = self.lock();
        match answer {
            Poll::Ready(news) => {
                // One question after the other that is answered at once would keep this thread.
                let goes_on = news.is_ok() && state.heard.is_empty();
                state.heard.push_back(news);
                goes_on
            }
            Poll::Pending => {
                state.asked = (!state.is_over).then_some(asked);
                false
            }
        }
    }
}

impl std::task::Wake for News {
    fn wake(self: Arc<Self>) {
        if let Some(shared) = self.shared.upgrade()
            && shared.has_idle_loops()
        {
            self.listen(&Waker::from(Arc::clone(&self)));
            self.lock().heard.retain(|news| !news.as_ref().is_ok_and(is_only_work));
            exchange_for_the_idle(&shared);
            if self.lock().heard.is_empty() {
                return;
            }
        }
        let engine = self.lock().engine.clone();
        if let Some(engine) = engine {
            engine.wake();
        }
    }
}

fn is_only_work(news: &Wake) -> bool {
    !news.queues && !news.paused && !news.scheduled && news.cancelled.is_empty()
}

/// News, until it is dropped.
pub(super) struct Listening(Arc<News>);

impl Listening {
    /// The next news; to be polled on the engine, which is woken when there is some.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<Result<Wake, Error>> {
        let news = &self.0;
        news.lock().engine = Some(context.waker().clone());
        let is_immediate = news.shared.upgrade().is_some_and(|shared| shared.is_immediate);
        if is_immediate {
            news.listen(&Waker::from(Arc::clone(news)));
        } else {
            news.listen(context.waker());
        }
        news.lock().heard.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // The question holds the driver, and the driver the waker, which holds the question.
        let mut state = self.0.lock();
        state.is_over = true;
        let asked = state.asked.take();
        drop(state);
        drop(asked);
    }
}
