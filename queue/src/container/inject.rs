//! What can be injected.

use std::sync::Arc;

use super::{Dependencies, ResolveError, Scope, Service};

/// A type that `#[inject]` and constructors can take.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be injected",
    label = "not injectable",
    note = "inject `Arc<T>`, `Option<Arc<T>>`, `Vec<Arc<T>>`, `Lazy<T>`, `Provider<T>`, `JobContext`, `Queue`, or implement `FromContainer`",
    note = "a value that is cloned: `#[inject(clone)]`"
)]
pub trait FromContainer: Sized {
    /// What it needs, for the boot check.
    fn dependencies(needs: &mut Dependencies);

    /// Takes it from the container.
    ///
    /// # Errors
    ///
    /// When it, or what it needs, is not bound or cannot be made.
    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError>;
}

/// A type that `#[inject(name = "..")]` can take.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be injected by name",
    label = "not injectable by name",
    note = "`name` goes with `Arc<T>`, `Option<Arc<T>>`, `Lazy<T>` and `Provider<T>`"
)]
pub trait InjectNamed: Sized {
    /// What it needs, for the boot check.
    fn dependencies_named(needs: &mut Dependencies, name: &'static str);

    /// Takes it from the container.
    ///
    /// # Errors
    ///
    /// When it, or what it needs, is not bound or cannot be made.
    fn from_container_named(scope: &Scope<'_>, name: &'static str) -> Result<Self, ResolveError>;
}

/// A service that is cloned out of the container: what `#[inject(clone)]` means.
#[derive(Debug, Clone)]
pub struct Cloned<T>(pub T);

impl<T: Service + Clone> FromContainer for Cloned<T> {
    fn dependencies(_needs: &mut Dependencies) {}

    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
        scope.find::<T>(None).map(|value| Self((*value).clone()))
    }
}

impl<T: Service + Clone> InjectNamed for Cloned<T> {
    fn dependencies_named(_needs: &mut Dependencies, _name: &'static str) {}

    fn from_container_named(scope: &Scope<'_>, name: &'static str) -> Result<Self, ResolveError> {
        scope.find::<T>(Some(name)).map(|value| Self((*value).clone()))
    }
}

impl<T: ?Sized + Service> FromContainer for Arc<T> {
    fn dependencies(_needs: &mut Dependencies) {}

    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
        scope.find::<T>(None)
    }
}

impl<T: ?Sized + Service> InjectNamed for Arc<T> {
    fn dependencies_named(_needs: &mut Dependencies, _name: &'static str) {}

    fn from_container_named(scope: &Scope<'_>, name: &'static str) -> Result<Self, ResolveError> {
        scope.find::<T>(Some(name))
    }
}

impl<T: ?Sized + Service> FromContainer for Option<Arc<T>> {
    fn dependencies(_needs: &mut Dependencies) {}

    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
        Ok(scope.find::<T>(None).ok())
    }
}

impl<T: ?Sized + Service> InjectNamed for Option<Arc<T>> {
    fn dependencies_named(_needs: &mut Dependencies, _name: &'static str) {}

    fn from_container_named(scope: &Scope<'_>, name: &'static str) -> Result<Self, ResolveError> {
        Ok(scope.find::<T>(Some(name)).ok())
    }
}

impl<T: ?Sized + Service> FromContainer for Vec<Arc<T>> {
    fn dependencies(_needs: &mut Dependencies) {}

    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
        Ok(scope.find::<T>(None).into_iter().collect())
    }
}
