//! The services of one job run, and the way to them.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::binding::Erased;
use super::builds::{Builds, Claim};
use super::error::Kind;
use super::key::{Key, short};
use super::resolve::{Context, Core, GiftSource};
use super::{Container, FromContainer, ResolveError, Service};

/// What a run gives beside the container, made when it is asked for.
pub trait RunValues: Send + Sync {
    /// The value of this type, an `Arc<T>` in a box of `Any`, if the run gives one.
    fn value(&self, key: TypeId) -> Option<Arc<dyn Any + Send + Sync>>;
}

/// The services of one job run. Dropping it drops the scoped services, last made first.
///
/// It costs no allocation until a scoped service, a [`Lazy`](super::Lazy) or a [`Provider`](super::Provider) is asked for.
///
/// ```
/// use std::sync::Arc;
/// use queue::Container;
///
/// struct Request;
///
/// let container = Container::builder().scoped(|| Request).build();
/// let run = container.run_scope(None);
/// let first: Arc<Request> = run.scope().resolve().unwrap();
/// let second: Arc<Request> = run.scope().resolve().unwrap();
/// assert!(Arc::ptr_eq(&first, &second));
/// ```
pub struct RunScope {
    container: Container,
    values: Option<Arc<dyn RunValues>>,
    state: OnceLock<Arc<RunState>>,
}

impl RunScope {
    pub(super) fn new(container: Container, values: Option<Arc<dyn RunValues>>) -> Self {
        Self { container, values, state: OnceLock::new() }
    }

    /// The way to this scope's services for one consumer, for contextual bindings: the job's type.
    #[must_use]
    pub fn for_consumer(&self, consumer: TypeId) -> Scope<'_> {
        Scope::new(&self.container.core, Run::Lazy(self), Some(consumer))
    }

    /// The way to this scope's services for nobody in particular.
    #[must_use]
    pub fn scope(&self) -> Scope<'_> {
        Scope::new(&self.container.core, Run::Lazy(self), None)
    }

    /// Ends the run: its scoped services are dropped, last made first, as when the scope is dropped. The scope is as new then, for another run.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # struct Request;
    /// let container = queue::Container::builder().scoped(|| Request).build();
    /// let mut run = container.run_scope(None);
    /// let first: Arc<Request> = run.scope().resolve().unwrap();
    /// run.end();
    /// let second: Arc<Request> = run.scope().resolve().unwrap();
    /// assert!(!Arc::ptr_eq(&first, &second));
    /// ```
    pub fn end(&mut self) {
        // Out of its place before it is dropped, so that a service that panics there leaves nothing behind.
        drop(self.state.take());
    }

    fn state(&self) -> &Arc<RunState> {
        self.state.get_or_init(|| {
            let cells = (0..self.container.core.scoped).map(|_| OnceLock::new()).collect();
            Arc::new(RunState { values: self.values.clone(), cells, order: Mutex::default(), builds: Builds::default() })
        })
    }
}

/// The part of a run that is made when something needs it.
pub(super) struct RunState {
    values: Option<Arc<dyn RunValues>>,
    cells: Box<[OnceLock<Erased>]>,
    order: Mutex<Vec<usize>>,
    builds: Builds,
}

impl RunState {
    /// The scoped value of this cell, made by `make` at the first call. `None` when that would go in a circle.
    pub(super) fn obtain(
        &self,
        cell: usize,
        make: impl FnOnce() -> Result<Erased, ResolveError>,
    ) -> Option<Result<&Erased, ResolveError>> {
        let slot = &self.cells[cell];
        if let Some(value) = slot.get() {
            return Some(Ok(value));
        }
        match self.builds.claim(cell, || slot.get().is_some()) {
            Claim::Cycle => None,
            Claim::Made => slot.get().map(Ok),
            Claim::Mine(_claimed) => match make() {
                Err(error) => Some(Err(error)),
                Ok(value) => {
                    // What it needs was made, and noted, while it was: so the order is the order of being finished.
                    self.order.lock().unwrap_or_else(PoisonError::into_inner).push(cell);
                    Some(Ok(slot.get_or_init(|| value)))
                }
            },
        }
    }
}

impl Drop for RunState {
    fn drop(&mut self) {
        let order = mem::take(self.order.get_mut().unwrap_or_else(PoisonError::into_inner));
        for cell in order.into_iter().rev() {
            drop(self.cells[cell].take());
        }
    }
}

/// Which run a scope belongs to.
#[derive(Clone, Copy)]
pub(super) enum Run<'a> {
    /// A run whose state may not be made yet.
    Lazy(&'a RunScope),
    /// A run that a `Lazy` or `Provider` came back to.
    Open(&'a Arc<RunState>),
    /// A run that a `Lazy` or `Provider` outlived.
    Ended,
    /// No run: a singleton's constructor, or a lookup by hand.
    Outside,
}

impl<'a> Run<'a> {
    pub(super) fn state(self) -> Option<&'a Arc<RunState>> {
        match self {
            Self::Lazy(run) => Some(run.state()),
            Self::Open(state) => Some(state),
            Self::Ended | Self::Outside => None,
        }
    }

    fn values(self) -> Option<&'a Arc<dyn RunValues>> {
        match self {
            Self::Lazy(run) => run.values.as_ref(),
            Self::Open(state) => state.values.as_ref(),
            Self::Ended | Self::Outside => None,
        }
    }
}

/// What [`FromContainer`] takes services from: a container, the run if there is one, and who is asking.
pub struct Scope<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) run: Run<'a>,
    pub(super) consumer: Option<TypeId>,
    context: Option<&'a Context>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(core: &'a Arc<Core>, run: Run<'a>, consumer: Option<TypeId>) -> Self {
        Self { core, run, consumer, context: consumer.and_then(|consumer| core.context(consumer)) }
    }

    /// Anything that can be injected: `scope.resolve::<Arc<Mailer>>()`, also several as a tuple.
    ///
    /// # Errors
    ///
    /// When it, or what it needs, is not bound or cannot be made.
    pub fn resolve<T: FromContainer>(&self) -> Result<T, ResolveError> {
        T::from_container(self)
    }

    /// A value that the run gives.
    ///
    /// # Errors
    ///
    /// Outside a run.
    pub fn run_value<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, ResolveError> {
        self.run
            .values()
            .and_then(|values| values.value(TypeId::of::<T>()))
            .and_then(|value| value.downcast::<T>().ok())
            .ok_or_else(|| self.outside(&format!("`{}`", short(type_name::<T>()))))
    }

    pub(crate) fn find<T: ?Sized + Service>(&self, name: Option<&'static str>) -> Result<Arc<T>, ResolveError> {
        match self.core.locate(TypeId::of::<T>(), name, self.context) {
            Some(found) => self.core.value(found, self),
            None => Err(self.missing::<T>(name)),
        }
    }

    #[cold]
    fn missing<T: ?Sized + Service>(&self, name: Option<&'static str>) -> ResolveError {
        let gift = self.context.and_then(|context| context.gift(TypeId::of::<T>())).map(|gift| gift.source);
        let given = if let Some(GiftSource::Named(given)) = gift { Some(given) } else { None };
        self.core.missing(&Key::of::<T>(name.or(given)))
    }

    /// `None` only when the type itself is not bound: a service that is there and broken is an error.
    pub(super) fn find_optional<T: ?Sized + Service>(&self, name: Option<&'static str>) -> Result<Option<Arc<T>>, ResolveError> {
        match self.core.locate(TypeId::of::<T>(), name, self.context) {
            Some(found) => self.core.value(found, self).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn find_all<T: ?Sized + Service>(&self) -> Result<Vec<Arc<T>>, ResolveError> {
        self.core.all(TypeId::of::<T>()).iter().map(|index| self.core.value_at(*index, self)).collect()
    }

    /// The error for `what`, which needs a run, where there is none.
    pub(super) fn outside(&self, what: &str) -> ResolveError {
        let message = match self.run {
            Run::Ended => format!("{what} went with its run: ask for it before `handle` returns"),
            Run::Outside => format!("{what} exists only while a job runs"),
            Run::Lazy(_) | Run::Open(_) => format!("this run gives no {what}"),
        };
        ResolveError::of(Kind::Graph, message, None)
    }
}

impl fmt::Debug for RunScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunScope").field("container", &self.container).finish_non_exhaustive()
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
