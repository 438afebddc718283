//! The type map of services. It knows no job.

pub mod inject;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

pub use inject::{Cloned, FromContainer, InjectNamed};

/// What can be a service: anything that threads can share.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a service",
    label = "not `Send + Sync`",
    note = "services are shared between worker threads: for a trait write `trait Name: Send + Sync`"
)]
pub trait Service: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: ?Sized + Send + Sync + 'static> Service for T {}

/// One injected field of a job, as the derive writes it down.
#[derive(Debug, Clone, Copy)]
pub struct Dependency {
    /// The field's name.
    pub field: &'static str,
    /// The file of the field.
    pub file: &'static str,
    /// The line of the field.
    pub line: u32,
    /// What the field's type needs.
    pub needs: fn(&mut Dependencies),
}

/// What an injectable type needs, gathered for the boot check.
#[derive(Debug, Default)]
pub struct Dependencies {
    _private: (),
}

impl Dependencies {
    /// A value that the run gives, not the container.
    pub fn run_value<T: 'static>(&mut self) {
        let _ = PhantomData::<T>;
    }
}

/// Why a service could not be given.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ResolveError {
    message: String,
}

/// What a run gives beside the container, made when it is asked for.
pub trait RunValues: Send + Sync {
    /// The value of this type, an `Arc<T>` in a box of `Any`, if the run gives one.
    fn value(&self, key: TypeId) -> Option<Arc<dyn Any + Send + Sync>>;
}

/// The services of one job run. Dropping it drops the scoped services, last made first.
pub struct RunScope {
    container: Container,
    values: Option<Arc<dyn RunValues>>,
}

impl RunScope {
    /// The way to this scope's services for one consumer, for contextual bindings: the job's type.
    #[must_use]
    pub fn for_consumer(&self, consumer: TypeId) -> Scope<'_> {
        let _ = consumer;
        Scope { run: self }
    }
}

/// What [`FromContainer`] takes services from.
pub struct Scope<'a> {
    run: &'a RunScope,
}

impl Scope<'_> {
    /// A value that the run gives.
    ///
    /// # Errors
    ///
    /// Outside a run.
    pub fn run_value<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, ResolveError> {
        self.run
            .values
            .as_ref()
            .and_then(|values| values.value(TypeId::of::<T>()))
            .and_then(|value| value.downcast::<T>().ok())
            .ok_or_else(|| ResolveError { message: format!("`{}` exists only while a job runs", std::any::type_name::<T>()) })
    }

    pub(crate) fn find<T: ?Sized + Service>(&self, name: Option<&'static str>) -> Result<Arc<T>, ResolveError> {
        let _ = name;
        self.run
            .container
            .services
            .get(&TypeId::of::<T>())
            .and_then(|value| value.downcast_ref::<Arc<T>>())
            .cloned()
            .ok_or_else(|| ResolveError { message: format!("`{}` is not bound", std::any::type_name::<T>()) })
    }
}

/// The services, built once, then immutable.
#[derive(Clone)]
pub struct Container {
    services: Arc<HashMap<TypeId, Box<dyn Any + Send + Sync>>>,
}

impl Container {
    /// Starts a container.
    pub fn builder() -> ContainerBuilder {
        ContainerBuilder { services: HashMap::new(), last: PhantomData }
    }

    /// Opens the services of one job run.
    #[must_use]
    pub fn run_scope(&self, values: Option<Arc<dyn RunValues>>) -> RunScope {
        RunScope { container: self.clone(), values }
    }
}

/// The state of a builder without a binding.
#[derive(Debug)]
pub struct Nothing(PhantomData<*const ()>);

/// Collects bindings; `Last` is the type of the last one.
pub struct ContainerBuilder<Last: ?Sized = Nothing> {
    services: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    last: PhantomData<fn() -> Box<Last>>,
}

impl<L: ?Sized> ContainerBuilder<L> {
    /// A ready value.
    #[must_use]
    pub fn instance<T: ?Sized + Service>(mut self, value: Arc<T>) -> ContainerBuilder<T> {
        self.services.insert(TypeId::of::<T>(), Box::new(value));
        ContainerBuilder { services: self.services, last: PhantomData }
    }

    /// Ends the building.
    #[must_use]
    pub fn build(self) -> Container {
        Container { services: Arc::new(self.services) }
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container").finish_non_exhaustive()
    }
}
impl<L: ?Sized> fmt::Debug for ContainerBuilder<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerBuilder").finish_non_exhaustive()
    }
}
impl fmt::Debug for RunScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunScope").finish_non_exhaustive()
    }
}
impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
