//! The handle that pushes.

pub mod pending;
pub mod push;

pub use pending::Pending;
pub use push::{Push, PushSet};

/// The handle that pushes jobs, and looks after them.
#[derive(Debug, Clone)]
pub struct Queue {
    _inner: std::sync::Arc<()>,
}

impl Queue {
    /// Pushes a job without payload, or a tuple of up to twelve, all or none, to the [current](Queue::current) queue.
    pub fn push<S: PushSet>() -> Push<S::Pushed> {
        let mut jobs = push::JobList::default();
        S::add_to(&mut jobs);
        Push::new()
    }
}
