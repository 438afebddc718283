//! The type map of services. It knows no job.
//!
//! A container is written down once, by [`Container::builder`], and then does not change. A *binding* says how a service is
//! made and how long it lives: an instance or a singleton as long as the container, a scoped one as long as one job run, a
//! transient one as long as whoever asked for it. Constructors are ordinary functions; what their arguments need is the graph
//! that [`Container::check`] walks before the first job runs.
//!
//! ```
//! use std::sync::Arc;
//! use queue::Container;
//!
//! trait Mailer: Send + Sync { fn sender(&self) -> &str; }
//!
//! struct Config { sender: String }
//! struct Smtp { config: Arc<Config> }
//!
//! impl Smtp { fn new(config: Arc<Config>) -> Self { Self { config } } }
//! impl Mailer for Smtp { fn sender(&self) -> &str { &self.config.sender } }
//!
//! let container = Container::builder()
//!     .instance(Arc::new(Config { sender: "shop@example.com".into() }))
//!     .singleton(Smtp::new).expose::<dyn Mailer>(|smtp| smtp)
//!     .build();
//! assert_eq!(container.get::<dyn Mailer>().unwrap().sender(), "shop@example.com");
//! ```
//!
//! Two rules avoid most surprises:
//!
//! - **Put `Send + Sync` on the trait**: `trait Mailer: Send + Sync`. `dyn Mailer` and `dyn Mailer + Send + Sync` are two types,
//!   hence two keys; the check says so when it sees one for the other.
//! - **Inject services, carry data.** What differs from job to job (the user, the request) belongs into the payload or a scoped
//!   service. A job that holds a request which others share through a singleton sees theirs.
//!
//! When not: what only one function needs is an argument, not a service.

mod assemble;
mod binding;
mod builder;
mod builds;
mod constructor;
mod contextual;
mod dependencies;
mod duplicates;
mod error;
mod failures;
mod graph;
pub mod inject;
mod key;
mod lazy;
mod lifecycle;
mod near;
mod path;
mod resolve;
mod scope;
mod verify;

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

pub use builder::{ContainerBuilder, Nothing};
pub use constructor::Constructor;
pub use contextual::{Needs, When};
pub use dependencies::{Dependencies, Dependency};
pub use error::ResolveError;
pub use graph::Graph;
pub use inject::{Cloned, FromContainer, InjectNamed};
pub use lazy::{Lazy, Provider};
pub use scope::{RunScope, RunValues, Scope};
pub use verify::{Consumer, Fault};

use resolve::Core;
use scope::Run;

/// What can be a service: anything that threads can share.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a service",
    label = "not `Send + Sync`",
    note = "services are shared between worker threads: for a trait write `trait Name: Send + Sync`"
)]
pub trait Service: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: ?Sized + Send + Sync + 'static> Service for T {}

/// The services, built once, then immutable. Cheap to clone: the clones are one container.
///
/// A lookup takes no lock; only the first use of a singleton does, so that it is made once.
#[derive(Clone)]
pub struct Container {
    core: Arc<Core>,
}

impl Container {
    /// Starts a container.
    pub fn builder() -> ContainerBuilder {
        ContainerBuilder::new(None)
    }

    /// Starts a container that has all of this one's bindings, and whose own come first: the way tests replace a service.
    ///
    /// - A binding of the child shadows the parent's of the same key (type and name), for whoever asks through the child; also
    ///   what the parent exposed of it, unless the child binds that too. In collections it takes the place of the shadowed one.
    /// - A singleton of the parent whose constructor needs, however far down, something that the child has bound or decorated
    ///   is made anew for the child. Every other singleton is the parent's, one for both.
    /// - Scoped and transient services are made by the parent's constructors with the child's services.
    /// - The parent is not changed, so tests with a child each run in parallel.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use queue::Container;
    ///
    /// struct Url(&'static str);
    /// struct Client(Arc<Url>);
    ///
    /// let container = Container::builder()
    ///     .instance(Arc::new(Url("https://example.com")))
    ///     .singleton(|url: Arc<Url>| Client(url))
    ///     .build();
    /// let test = container.child().instance(Arc::new(Url("http://localhost"))).build();
    ///
    /// assert_eq!(test.get::<Client>().unwrap().0.0, "http://localhost");
    /// assert_eq!(container.get::<Client>().unwrap().0.0, "https://example.com");
    /// ```
    pub fn child(&self) -> ContainerBuilder {
        ContainerBuilder::new(Some(self.clone()))
    }

    /// The service of this type, by hand and outside a job. A scoped one needs a run: [`run_scope`](Self::run_scope).
    ///
    /// # Errors
    ///
    /// When it, or what it needs, is not bound or cannot be made.
    pub fn get<T: ?Sized + Service>(&self) -> Result<Arc<T>, ResolveError> {
        self.scope().find(None)
    }

    /// The service of this type and name.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_named<T: ?Sized + Service>(&self, name: &'static str) -> Result<Arc<T>, ResolveError> {
        self.scope().find(Some(name))
    }

    /// Every binding of this type, named or not, in the order they were written, a parent's before its child's.
    ///
    /// # Errors
    ///
    /// When one of them cannot be made. None at all is no error.
    pub fn all<T: ?Sized + Service>(&self) -> Result<Vec<Arc<T>>, ResolveError> {
        self.scope().find_all()
    }

    /// Whether [`get`](Self::get) would find a binding. It may still fail to make the service.
    #[must_use]
    pub fn has<T: ?Sized + Service>(&self) -> bool {
        self.core.locate(TypeId::of::<T>(), None, None).is_some()
    }

    /// Whether there is a binding of this type and name.
    #[must_use]
    pub fn has_named<T: ?Sized + Service>(&self, name: &'static str) -> bool {
        self.core.locate(TypeId::of::<T>(), Some(name), None).is_some()
    }

    /// Opens the services of one job run. The worker gives the values of the run; without them a test has the scoped services.
    #[must_use]
    pub fn run_scope(&self, values: Option<Arc<dyn RunValues>>) -> RunScope {
        RunScope::new(self.clone(), values)
    }

    /// Everything that is wrong with the bindings, and with what `consumers` (the jobs) need of them. Nothing is made for it.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use queue::Container;
    ///
    /// struct Config;
    /// struct Smtp;
    ///
    /// let container = Container::builder().singleton(|_: Arc<Config>| Smtp).build();
    /// let faults = container.check(&[]);
    /// assert!(faults[0].to_string().contains("needs `Config`, which is not bound"));
    /// ```
    #[must_use]
    pub fn check(&self, consumers: &[Consumer]) -> Vec<Fault> {
        verify::check(&self.core, consumers)
    }

    /// Makes the singletons that `consumers` need, the async ones too, and answers those that failed. What was made is kept,
    /// so calling it again tries only the rest. What is needed by way of `Lazy` or `Provider` stays unmade, unless it is async.
    ///
    /// Each call counts as one user of the container, until that user calls [`shutdown`](Self::shutdown).
    ///
    /// Cancel safe: what was made before stays made.
    pub fn start<'a>(&'a self, consumers: &'a [Consumer]) -> BoxFuture<'a, Vec<Fault>> {
        Box::pin(lifecycle::start(&self.core, consumers))
    }

    /// Runs the hooks of [`on_shutdown`](ContainerBuilder::on_shutdown) for the services that were made, the last made first,
    /// instances at the end. Once, when the last of several users of the container (see [`start`](Self::start)) has called it.
    ///
    /// A hook that panics is logged and stops no other. A child runs its parent's hooks too, for the services of its own.
    ///
    /// Cancel safe: the next call goes on with the next service.
    pub fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(lifecycle::shutdown(&self.core))
    }

    /// The bindings and what each needs, as text.
    #[must_use]
    pub fn graph(&self) -> Graph {
        Graph::new(Arc::clone(&self.core))
    }

    fn scope(&self) -> Scope<'_> {
        Scope::new(&self.core, Run::Outside, None)
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container").field("bindings", &self.core.bindings.len()).finish_non_exhaustive()
    }
}
