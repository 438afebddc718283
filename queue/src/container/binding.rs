//! One entry of the container: a key, and how its value is made.

use std::any::Any;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;

use super::dependencies::Need;
use super::key::Key;
use super::resolve::Core;
use super::{ResolveError, Scope, Service};
use crate::error::BoxError;

/// An `Arc<T>` whose type is known to the binding's key.
pub(super) type Erased = Box<dyn Any + Send + Sync>;

pub(super) type Make = Box<dyn Fn(&Scope<'_>) -> Result<Erased, MakeError> + Send + Sync>;
pub(super) type Promise =
    Box<dyn Fn(&Scope<'_>) -> Result<BoxFuture<'static, Result<Erased, BoxError>>, ResolveError> + Send + Sync>;
pub(super) type Cast = Box<dyn Fn(&Erased) -> Erased + Send + Sync>;
pub(super) type Wrap = Arc<dyn Fn(Erased) -> Erased + Send + Sync>;

/// How long a value lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    Instance,
    Singleton,
    Scoped,
    Transient,
}

impl Lifetime {
    /// Whether a value outlives the runs.
    pub(super) fn is_shared(self) -> bool {
        matches!(self, Self::Instance | Self::Singleton)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instance => "instance",
            Self::Singleton => "singleton",
            Self::Scoped => "scoped",
            Self::Transient => "transient",
        })
    }
}

/// What the builder wrote down; a child container shares it.
pub(super) struct Definition {
    pub(super) key: Key,
    pub(super) place: &'static Location<'static>,
    pub(super) lifetime: Lifetime,
    pub(super) maker: Maker,
    pub(super) needs: Vec<Need>,
    pub(super) is_primary: bool,
    /// Reached only by way of a contextual binding, never by its key.
    pub(super) is_contextual: bool,
}

pub(super) enum Maker {
    Call(Make),
    /// Made by `Container::start` alone, because a lookup does not wait.
    Await(Promise),
    /// Another face of the binding that `Binding::base` names.
    Expose(Cast),
}

/// What went wrong: the arguments, or the constructor itself.
pub(super) enum MakeError {
    Argument(ResolveError),
    Failed(BoxError),
}

impl From<ResolveError> for MakeError {
    fn from(error: ResolveError) -> Self {
        Self::Argument(error)
    }
}

/// A definition inside one container.
#[derive(Clone)]
pub(super) struct Binding {
    pub(super) definition: Arc<Definition>,
    /// The value, once it is made, of instances and singletons; shared with the container that owns it.
    pub(super) cell: Arc<OnceLock<Erased>>,
    /// As the definition says, but for a face whose base a child has replaced.
    pub(super) lifetime: Lifetime,
    pub(super) base: Base,
    pub(super) wraps: Vec<Wrap>,
    /// The number of its cell in a run, for scoped ones.
    pub(super) scoped: Option<usize>,
    /// The ancestor that builds the value, when a child merely uses it.
    pub(super) owner: Option<Owner>,
    /// How many generations down it was written: a child's binding goes before its parent's.
    pub(super) level: usize,
}

impl Binding {
    /// Becomes this container's own, with its value still to be made.
    pub(super) fn renew(&mut self) {
        self.owner = None;
        self.cell = Arc::new(OnceLock::new());
    }
}

/// Where a binding has its value from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Base {
    Itself,
    /// It shows the value of this one as another type.
    Index(usize),
    /// It did, but a child has bound that key anew; only while the child is put together.
    Shadowed(Key),
}

impl Base {
    pub(super) fn index(self) -> Option<usize> {
        if let Self::Index(index) = self { Some(index) } else { None }
    }
}

#[derive(Clone)]
pub(super) struct Owner {
    pub(super) core: Arc<Core>,
    pub(super) index: usize,
}

/// The service in the box, whose type is that of the binding's key.
pub(super) fn open<T: ?Sized + Service>(value: &Erased) -> Arc<T> {
    value.downcast_ref::<Arc<T>>().cloned().expect("a value has the type of its key")
}
