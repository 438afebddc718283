//! Services that are taken later than they are injected.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, OnceLock, Weak};

use super::error::Kind;
use super::resolve::Core;
use super::scope::{Run, RunState};
use super::{Dependencies, FromContainer, InjectNamed, ResolveError, Scope, Service};

/// A service that is built when it is first used, for one that is costly and not always needed, or to break a cycle.
///
/// [`get`](Lazy::get) answers an error; using it like the service itself, by `Deref`, panics in its place. A job that panics
/// has failed an attempt, no more, so in a handler that is often the better bargain.
///
/// It belongs to the run that it was injected in: a scoped service must first be taken before the run ends. The boot check
/// still reports it when the service is not bound, but a cycle through it is allowed.
///
/// ```
/// use queue::Container;
/// use queue::container::Lazy;
///
/// let container = Container::builder().singleton(|| String::from("dear")).build();
/// let run = container.run_scope(None);
/// let text: Lazy<String> = run.scope().resolve().unwrap();
/// assert_eq!(text.get().unwrap().as_str(), "dear");
/// assert_eq!(text.len(), 4);
/// ```
pub struct Lazy<T: ?Sized + Service> {
    later: Later,
    value: OnceLock<Arc<T>>,
}

impl<T: ?Sized + Service> Lazy<T> {
    /// The service; the first call takes it from the container, the others answer the same one.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or needs a run that has ended. The next call tries again.
    pub fn get(&self) -> Result<&Arc<T>, ResolveError> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let value = self.later.find()?;
        Ok(self.value.get_or_init(|| value))
    }
}

impl<T: ?Sized + Service> Deref for Lazy<T> {
    type Target = T;

    /// # Panics
    ///
    /// When [`get`](Lazy::get) would answer an error.
    fn deref(&self) -> &T {
        match self.get() {
            Ok(value) => value,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// A service that is asked for as often as it is needed: each [`get`](Provider::get) is a lookup of its own, so of a transient
/// service it makes a new one each time.
///
/// It belongs to the run that it was injected in, as [`Lazy`] does.
///
/// ```
/// use std::sync::Arc;
/// use queue::Container;
/// use queue::container::Provider;
///
/// struct Connection;
///
/// let container = Container::builder().transient(|| Connection).build();
/// let run = container.run_scope(None);
/// let connections: Provider<Connection> = run.scope().resolve().unwrap();
/// assert!(!Arc::ptr_eq(&connections.get().unwrap(), &connections.get().unwrap()));
/// ```
pub struct Provider<T: ?Sized + Service> {
    later: Later,
    service: PhantomData<fn() -> Arc<T>>,
}

impl<T: ?Sized + Service> Provider<T> {
    /// The service, by a lookup of its own.
    ///
    /// # Errors
    ///
    /// When it cannot be made, or needs a run that has ended.
    pub fn get(&self) -> Result<Arc<T>, ResolveError> {
        self.later.find()
    }
}

/// A scope to come back to. It keeps neither the container nor the run alive: a singleton may hold it, and it the singleton.
#[derive(Clone)]
struct Later {
    core: Weak<Core>,
    run: Option<Weak<RunState>>,
    consumer: Option<TypeId>,
    name: Option<&'static str>,
}

impl Later {
    fn new(scope: &Scope<'_>, name: Option<&'static str>) -> Self {
        let run = match scope.run {
            Run::Ended => Some(Weak::new()),
            run => run.state().map(Arc::downgrade),
        };
        Self { core: Arc::downgrade(scope.core), run, consumer: scope.consumer, name }
    }

    fn find<T: ?Sized + Service>(&self) -> Result<Arc<T>, ResolveError> {
        let Some(core) = self.core.upgrade() else {
            return Err(ResolveError::of(Kind::Graph, "the container of this service has been dropped".into(), None));
        };
        let state = self.run.as_ref().map(Weak::upgrade);
        let run = match &state {
            None => Run::Outside,
            Some(None) => Run::Ended,
            Some(Some(state)) => Run::Open(state),
        };
        Scope::new(&core, run, self.consumer).find(self.name)
    }
}

impl<T: ?Sized + Service> FromContainer for Lazy<T> {
    fn dependencies(needs: &mut Dependencies) {
        needs.deferred::<T>(None);
    }

    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
        Ok(Self { later: Later::new(scope, None), value: OnceLock::new() })
    }
}

impl<T: ?Sized + Service> InjectNamed for Lazy<T> {
    fn dependencies_named(needs: &mut Dependencies, name: &'static str) {
        needs.deferred::<T>(Some(name));
    }

    fn from_container_named(scope: &Scope<'_>, name: &'static str) -> Result<Self, ResolveError> {
        Ok(Self { later: Later::new(scope, Some(name)), value: OnceLock::new() })
    }
}

impl<T: ?Sized + Service> FromContainer for Provider<T> {
    fn dependencies(needs: &mut Dependencies) {
        needs.deferred::<T>(None);
    }

    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
        Ok(Self { later: Later::new(scope, None), service: PhantomData })
    }
}

impl<T: ?Sized + Service> InjectNamed for Provider<T> {
    fn dependencies_named(needs: &mut Dependencies, name: &'static str) {
        needs.deferred::<T>(Some(name));
    }

    fn from_container_named(scope: &Scope<'_>, name: &'static str) -> Result<Self, ResolveError> {
        Ok(Self { later: Later::new(scope, Some(name)), service: PhantomData })
    }
}

impl<T: ?Sized + Service> Clone for Provider<T> {
    fn clone(&self) -> Self {
        Self { later: self.later.clone(), service: PhantomData }
    }
}

impl<T: ?Sized + Service> fmt::Debug for Lazy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").field("is_made", &self.value.get().is_some()).finish_non_exhaustive()
    }
}

impl<T: ?Sized + Service> fmt::Debug for Provider<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").finish_non_exhaustive()
    }
}
