//! A push on its way, and what can be pushed by type.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::drivers::{PushError, Pushed};
use crate::job::Queueable;

use super::Pending;

/// A push on its way. It goes on when this is dropped; awaiting it confirms that the driver has stored it.
#[derive(Debug)]
pub struct Push<T> {
    _result: PhantomData<fn() -> T>,
}

impl<T> Push<T> {
    pub(crate) fn new() -> Self {
        Self { _result: PhantomData }
    }
}

impl<T> Future for Push<T> {
    type Output = Result<T, PushError>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Err(PushError::NoQueue))
    }
}

/// What [`Queue::push`](crate::Queue::push) takes: a job without payload, or a tuple of up to twelve of them.
///
/// The derive implements it for each job that has no payload fields.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be pushed by type alone",
    label = "not a job without payload",
    note = "a job with payload fields: `{Self}::with(..).push()`",
    note = "not a job yet: add `#[derive(Queueable)]`",
    note = "several at once: a tuple of 1 to 12 jobs, or `queue.dispatch_all(..)`"
)]
pub trait PushSet {
    /// `Pushed`, or a tuple of it.
    type Pushed;

    /// Adds the jobs, in order.
    #[doc(hidden)]
    fn add_to(jobs: &mut JobList);

    /// Takes back what became of them, in order.
    #[doc(hidden)]
    fn take_from(pushed: &mut std::vec::IntoIter<Pushed>) -> Option<Self::Pushed>;
}

/// Jobs of one push, encoded.
#[derive(Debug, Default)]
pub struct JobList {
    _private: (),
}

impl JobList {
    /// Encodes a job and adds it; the first error is kept.
    pub fn add<J: Queueable>(&mut self, pending: Pending<J>) {
        let _ = pending;
    }
}
