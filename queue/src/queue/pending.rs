//! A job that is not yet pushed.

use crate::job::Queueable;

use super::push::Push;
use crate::drivers::Pushed;

/// A job that is not yet pushed: what `with(..)` gives.
#[must_use = "a pending job is not pushed: call `.push()`, or give it to `queue.dispatch(..)`"]
pub struct Pending<J: Queueable> {
    args: J::Args,
}

impl<J: Queueable> Pending<J> {
    /// A pending job with the options of its type.
    pub fn new(args: J::Args) -> Self {
        Self { args }
    }

    /// Pushes to the current queue, at once.
    pub fn push(self) -> Push<Pushed> {
        let _ = self.args;
        Push::new()
    }
}
