//! What a thread is building right now: the path in errors, and the guard against cycles.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::panic::Location;

use super::key::{Key, place, short};

thread_local! {
    // A thread's own stack, not one carried by `Scope`: it stays whole through `Provider::get` inside a constructor.
    static PATH: RefCell<Vec<Frame>> = const { RefCell::new(Vec::new()) };
}

/// A constructor that is running.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// The address of the container's core: a constructor may use another container.
    pub(super) core: usize,
    pub(super) index: usize,
    pub(super) key: Key,
    pub(super) place: &'static Location<'static>,
}

/// Takes the frame off again, also when the constructor panics.
#[derive(Debug)]
pub(super) struct Entered(());

impl Drop for Entered {
    fn drop(&mut self) {
        PATH.with_borrow_mut(Vec::pop);
    }
}

/// Goes one step deeper; `None` when this thread is already building that very binding.
pub(super) fn enter(frame: Frame) -> Option<Entered> {
    PATH.with_borrow_mut(|path| {
        if path.iter().any(|above| above.core == frame.core && above.index == frame.index) {
            return None;
        }
        path.push(frame);
        Some(Entered(()))
    })
}

/// The constructors that are running on this thread, outermost first.
pub(super) fn current() -> Vec<Frame> {
    PATH.with_borrow(Clone::clone)
}

/// `, needed by `B` (main.rs:7), needed by `A` (main.rs:6)`
pub(super) fn needed_by(frames: &[Frame]) -> String {
    let mut text = String::new();
    for frame in frames.iter().rev() {
        let _ = write!(text, ", needed by {} ({})", frame.key, place(frame.place));
    }
    text
}

/// `` `A` (main.rs:6) -> `B` (main.rs:7) -> `A` `` for steps that come back to `first`.
pub(super) fn circle(steps: &[String], first: &Key) -> String {
    format!("{} -> `{}`", steps.join(" -> "), short(first.type_name))
}
