//! A check at compile time for the derive: the handles of a run are injected as they are, not in an `Arc`.

use std::marker::PhantomData;

use super::JobContext;

/// What the derive asks about the type inside an `Arc` whose name is that of a handle.
///
/// By its type and not by its name, since a program may have a service of that name: what a handle says hides what
/// [`AnyInArc`] says of every type.
#[derive(Debug)]
pub struct InArc<T: ?Sized>(PhantomData<T>);

/// Says of every type that it may be in an `Arc`.
pub trait AnyInArc {
    /// Does nothing.
    fn check() {}
}

impl<T: ?Sized> AnyInArc for InArc<T> {}

/// What a handle of a run is not. The lifetime says nothing; it lets a function ask for what is known to be missing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a handle that each run has, not a service: inject `{Self}` instead of `Arc<{Self}>`",
    label = "write `{Self}`"
)]
pub trait NoHandle<'a> {}

impl InArc<JobContext> {
    /// Does not compile.
    pub fn check()
    where
        for<'a> JobContext: NoHandle<'a>,
    {
    }
}
