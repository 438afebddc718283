//! A driver that is not open yet: its settings, until it is first polled, and then the opening of it.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::BoxFuture;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};

/// Opens a driver `D` with the settings `S`.
pub(crate) struct Opening<S, D> {
    stage: Stage<S, D>,
}

enum Stage<S, D> {
    New(Box<New<S, D>>),
    Opening(BoxFuture<'static, Result<D, Error>>),
    Done,
}

struct New<S, D> {
    settings: Result<S, Error>,
    clock: Clock,
    open: fn(S, Clock) -> BoxFuture<'static, Result<D, Error>>,
}

impl<S, D> Opening<S, D> {
    pub(crate) fn new(settings: Result<S, Error>, open: fn(S, Clock) -> BoxFuture<'static, Result<D, Error>>) -> Self {
        Self { stage: Stage::New(Box::new(New { settings, clock: Clock::system(), open })) }
    }

    pub(crate) fn go_by(&mut self, clock: Clock) {
        if let Stage::New(new) = &mut self.stage {
            new.clock = clock;
        }
    }

    /// Changes the settings, unless something is wrong with them already.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut S) -> Result<(), Error>) {
        if let Stage::New(new) = &mut self.stage
            && let Ok(settings) = &mut new.settings
            && let Err(error) = change(settings)
        {
            new.settings = Err(error);
        }
    }
}

impl<S, D> Future for Opening<S, D> {
    type Output = Result<D, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Stage::New(new) = &mut self.stage {
            let placeholder = || Error::new(ErrorKind::Invalid, "the settings were taken");
            let opening = match std::mem::replace(&mut new.settings, Err(placeholder())) {
                Ok(settings) => (new.open)(settings, new.clock.clone()),
                Err(error) => Box::pin(async { Err(error) }),
            };
            self.stage = Stage::Opening(opening);
        }
        let Stage::Opening(opening) = &mut self.stage else { panic!("an `Open` gives its driver once") };
        let opened = opening.as_mut().poll(context);
        if opened.is_ready() {
            self.stage = Stage::Done;
        }
        opened
    }
}
