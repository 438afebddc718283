//! What can be injected.

use std::sync::Arc;

use super::{Dependencies, ResolveError, Scope, Service};

/// A type that `#[inject]` and constructors can take.
///
/// Services that often go together can be a group, a struct of which every field is injected. Its fields take what the fields of
/// a job take, and what is missing is reported with the field that needs it:
///
/// ```standalone_crate
/// use std::sync::Arc;
/// use queue::prelude::*;
/// use queue::{FromContainer, Lazy};
///
/// trait Mailer: Send + Sync {}
/// struct Users;
/// #[derive(Clone)]
/// struct Config { sender: String }
///
/// #[derive(FromContainer)]
/// struct Outbox {
///     mail: Arc<dyn Mailer>,
///     users: Lazy<Users>,
///     #[inject(name = "audit")]
///     audit: Option<Arc<dyn Mailer>>,
///     #[inject(clone)]
///     config: Config,
/// }
///
/// #[derive(Queueable)]
/// struct Welcome {
///     #[inject]
///     outbox: Outbox,
///     user_id: u64,
/// }
/// # impl Job for Welcome {
/// #     async fn handle(&self) -> JobResult {
/// #         Ok(())
/// #     }
/// # }
///
/// let container = Container::builder()
///     .singleton(|| Users)
///     .singleton(|| Config { sender: "shop@example.com".into() })
///     .build();
/// let report = container.verify().unwrap_err().to_string();
/// assert!(report.contains("`Outbox.mail` ("));
/// assert!(report.contains("needs `dyn Mailer`, which is not bound"));
/// ```
///
/// By hand, where a type is more than the sum of its fields:
///
/// ```
/// use std::sync::Arc;
/// use queue::FromContainer;
/// use queue::container::{Dependencies, ResolveError, Scope};
///
/// struct Config { sender: String }
/// struct Sender(String);
///
/// impl FromContainer for Sender {
///     fn dependencies(needs: &mut Dependencies) {
///         Arc::<Config>::dependencies(needs);
///     }
///
///     fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
///         let config: Arc<Config> = scope.resolve()?;
///         Ok(Self(config.sender.clone()))
///     }
/// }
///
/// let container = queue::Container::builder().singleton(|| Config { sender: "shop@example.com".into() }).build();
/// assert_eq!(container.run_scope(None).scope().resolve::<Sender>().unwrap().0, "shop@example.com");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be injected",
    label = "not injectable",
    note = "inject `Arc<T>`, `Option<Arc<T>>`, `Vec<Arc<T>>`, `Lazy<T>`, `Provider<T>`, `JobContext`, `Queue`, or a struct of these that derives `FromContainer`",
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
    fn dependencies(needs: &mut Dependencies) {
        needs.one::<T>(None);
    }

    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
        scope.find::<T>(None).map(|value| Self((*value).clone()))
    }
}

impl<T: Service + Clone> InjectNamed for Cloned<T> {
    fn dependencies_named(needs: &mut Dependencies, name: &'static str) {
        needs.one::<T>(Some(name));
    }

    fn from_container_named(scope: &Scope<'_>, name: &'static str) -> Result<Self, ResolveError> {
        scope.find::<T>(Some(name)).map(|value| Self((*value).clone()))
    }
}

impl<T: ?Sized + Service> FromContainer for Arc<T> {
    fn dependencies(needs: &mut Dependencies) {
        needs.one::<T>(None);
    }

    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
        scope.find::<T>(None)
    }
}

impl<T: ?Sized + Service> InjectNamed for Arc<T> {
    fn dependencies_named(needs: &mut Dependencies, name: &'static str) {
        needs.one::<T>(Some(name));
    }

    fn from_container_named(scope: &Scope<'_>, name: &'static str) -> Result<Self, ResolveError> {
        scope.find::<T>(Some(name))
    }
}

/// `None` only when `T` is not bound: a bound service that cannot be made is an error.
impl<T: ?Sized + Service> FromContainer for Option<Arc<T>> {
    fn dependencies(needs: &mut Dependencies) {
        needs.optional::<T>(None);
    }

    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
        scope.find_optional::<T>(None)
    }
}

impl<T: ?Sized + Service> InjectNamed for Option<Arc<T>> {
    fn dependencies_named(needs: &mut Dependencies, name: &'static str) {
        needs.optional::<T>(Some(name));
    }

    fn from_container_named(scope: &Scope<'_>, name: &'static str) -> Result<Self, ResolveError> {
        scope.find_optional::<T>(Some(name))
    }
}

/// Every binding of `T`, named or not, in the order they were written; none is fine too.
impl<T: ?Sized + Service> FromContainer for Vec<Arc<T>> {
    fn dependencies(needs: &mut Dependencies) {
        needs.all::<T>();
    }

    fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
        scope.find_all::<T>()
    }
}

macro_rules! tuples {
    ($($part:ident)+) => {
        impl<$($part: FromContainer),+> FromContainer for ($($part,)+) {
            fn dependencies(needs: &mut Dependencies) {
                $($part::dependencies(needs);)+
            }

            fn from_container(scope: &Scope<'_>) -> Result<Self, ResolveError> {
                Ok(($($part::from_container(scope)?,)+))
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);
