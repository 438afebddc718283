//! How a container is written down.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::assemble::{Draft, Plan, Wrapping, assemble};
use super::binding::{Cast, Definition, Erased, Lifetime, MakeError, Maker, Wrap, open};
use super::contextual::When;
use super::dependencies::{Dependencies, Need};
use super::key::Key;
use super::{Constructor, Container, Scope, Service};
use crate::clock::Clock;
use crate::error::BoxError;

/// The state of a builder without a binding: it is no service, so there is nothing to expose or to name.
#[derive(Debug)]
pub struct Nothing(PhantomData<*const ()>);

/// Collects bindings; `Last` is the type of the last one.
///
/// [`expose`](Self::expose), [`named`](Self::named) and [`primary`](Self::primary) are about the binding before them. Where the
/// type of the builder must stay the same, in a loop or an `if`, end the binding with [`done`](Self::done):
///
/// ```
/// use queue::Container;
///
/// let mut builder = Container::builder();
/// if cfg!(debug_assertions) {
///     builder = builder.singleton(|| String::from("debug")).done();
/// }
/// let container = builder.build();
/// ```
///
/// On an empty builder there is nothing to expose:
///
/// ```compile_fail,E0599
/// queue::Container::builder().expose::<dyn std::fmt::Debug + Send + Sync>(|service| service);
/// ```
pub struct ContainerBuilder<Last: ?Sized = Nothing> {
    pub(super) plan: Plan,
    last: PhantomData<fn() -> Box<Last>>,
}

/// Runs when the worker has stopped, with a service that was built.
#[derive(Clone)]
pub(super) struct Hook {
    pub(super) key: Key,
    pub(super) run: Arc<RunHook>,
}

/// A hook, the type of its service forgotten.
type RunHook = dyn Fn(&Erased) -> BoxFuture<'static, ()> + Send + Sync;

impl ContainerBuilder {
    pub(super) fn new(parent: Option<Container>) -> Self {
        let is_strict = parent.as_ref().is_some_and(|parent| parent.core.is_strict);
        Self { plan: Plan { parent, is_strict, ..Plan::default() }, last: PhantomData }
    }
}

impl<L: ?Sized> ContainerBuilder<L> {
    /// A ready value. `T` may be a trait: `.instance::<dyn Mailer>(Arc::new(Smtp::new()))`.
    #[must_use]
    #[track_caller]
    pub fn instance<T: ?Sized + Service>(self, value: Arc<T>) -> ContainerBuilder<T> {
        let maker = Maker::Call(Box::new(move |_: &Scope<'_>| Ok(Box::new(value.clone()) as Erased)));
        self.bind(Lifetime::Instance, maker, Vec::new())
    }

    /// One for the whole container, made by `constructor` when a worker that needs it starts, or at its first use.
    #[must_use]
    #[track_caller]
    pub fn singleton<T: Service, A>(self, constructor: impl Constructor<A, Output = T>) -> ContainerBuilder<T> {
        self.construct(Lifetime::Singleton, constructor)
    }

    /// One for each job run, dropped when the run has ended, the last made first.
    #[must_use]
    #[track_caller]
    pub fn scoped<T: Service, A>(self, constructor: impl Constructor<A, Output = T>) -> ContainerBuilder<T> {
        self.construct(Lifetime::Scoped, constructor)
    }

    /// A new one each time.
    #[must_use]
    #[track_caller]
    pub fn transient<T: Service, A>(self, constructor: impl Constructor<A, Output = T>) -> ContainerBuilder<T> {
        self.construct(Lifetime::Transient, constructor)
    }

    /// [`singleton`](Self::singleton) by a constructor that may fail. A failure is not kept: the next use tries again,
    /// but for a rest after five in a row (see [`clock`](Self::clock)).
    #[must_use]
    #[track_caller]
    pub fn try_singleton<T: Service, E: Into<BoxError>, A>(
        self,
        constructor: impl Constructor<A, Output = Result<T, E>>,
    ) -> ContainerBuilder<T> {
        self.try_construct(Lifetime::Singleton, constructor)
    }

    /// [`scoped`](Self::scoped) by a constructor that may fail: the job's attempt then fails with its error.
    #[must_use]
    #[track_caller]
    pub fn try_scoped<T: Service, E: Into<BoxError>, A>(
        self,
        constructor: impl Constructor<A, Output = Result<T, E>>,
    ) -> ContainerBuilder<T> {
        self.try_construct(Lifetime::Scoped, constructor)
    }

    /// [`transient`](Self::transient) by a constructor that may fail.
    #[must_use]
    #[track_caller]
    pub fn try_transient<T: Service, E: Into<BoxError>, A>(
        self,
        constructor: impl Constructor<A, Output = Result<T, E>>,
    ) -> ContainerBuilder<T> {
        self.try_construct(Lifetime::Transient, constructor)
    }

    /// One for the whole container, made by an async constructor when a worker that needs it starts.
    ///
    /// Only there: a lookup never waits, so without [`Container::start`] a use of it is an error.
    #[must_use]
    #[track_caller]
    pub fn singleton_async<T: Service, F, A>(self, constructor: impl Constructor<A, Output = F>) -> ContainerBuilder<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.promise(constructor, |value: T| Ok(value))
    }

    /// [`singleton_async`](Self::singleton_async) by a constructor that may fail: the worker then does not start.
    #[must_use]
    #[track_caller]
    pub fn try_singleton_async<T: Service, E: Into<BoxError> + 'static, F, A>(
        self,
        constructor: impl Constructor<A, Output = F>,
    ) -> ContainerBuilder<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.promise(constructor, |value: Result<T, E>| value.map_err(Into::into))
    }

    /// Puts a wrapper around every `T` that the container gives, named or not; several wrap in the order they are written.
    ///
    /// It wraps what is asked for as `T`. Decorating `Smtp` also reaches those who ask for the trait that it is exposed as;
    /// decorating the trait does not reach those who ask for `Smtp`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use queue::Container;
    ///
    /// trait Greet: Send + Sync { fn greet(&self) -> String; }
    /// struct Plain;
    /// impl Greet for Plain { fn greet(&self) -> String { "hello".into() } }
    /// struct Loud(Arc<dyn Greet>);
    /// impl Greet for Loud { fn greet(&self) -> String { self.0.greet().to_uppercase() } }
    ///
    /// let container = Container::builder()
    ///     .instance::<dyn Greet>(Arc::new(Plain))
    ///     .decorate::<dyn Greet>(|inner| Arc::new(Loud(inner)))
    ///     .build();
    /// assert_eq!(container.get::<dyn Greet>().unwrap().greet(), "HELLO");
    /// ```
    #[must_use]
    pub fn decorate<T: ?Sized + Service>(mut self, wrap: impl Fn(Arc<T>) -> Arc<T> + Send + Sync + 'static) -> Self {
        let wrap: Wrap = Arc::new(move |value| Box::new(wrap(open(&value))));
        self.plan.wrappings.push(Wrapping { key: Key::of::<T>(None), wrap });
        self
    }

    /// A binding for one consumer only, a job or a service: `.when::<Report>().needs::<dyn Mailer>().give(..)`.
    ///
    /// It is about what `J` itself asks for without a name, not about what its services ask for.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use queue::Container;
    ///
    /// struct Url(&'static str);
    /// struct Reports(Arc<Url>);
    ///
    /// let container = Container::builder()
    ///     .instance(Arc::new(Url("main")))
    ///     .singleton(|url: Arc<Url>| Reports(url))
    ///     .when::<Reports>().needs::<Url>().give(Arc::new(Url("replica")))
    ///     .build();
    /// assert_eq!(container.get::<Reports>().unwrap().0.0, "replica");
    /// ```
    #[track_caller]
    pub fn when<J: ?Sized + 'static>(self) -> When<L> {
        When::new(self, Key::of::<J>(None), Location::caller())
    }

    /// From now on a second binding of a key is a fault of the boot check, and asking for that key an error. The members of a
    /// collection need names then, unless one of them is [`primary`](Self::primary). A child container is strict when its
    /// parent is; that it shadows a key of the parent is no second binding.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.plan.is_strict = true;
        self
    }

    /// Runs `hook` with each `T` that was built, when the worker has stopped: see [`Container::shutdown`].
    #[must_use]
    pub fn on_shutdown<T: ?Sized + Service>(mut self, hook: impl ShutdownHook<T>) -> Self {
        let run = Arc::new(move |value: &Erased| hook.run(open(value)));
        self.plan.hooks.push(Hook { key: Key::of::<T>(None), run });
        self
    }

    /// The clock by which a singleton rests after five failures in a row: it is tried again 10 s after the last one, and until
    /// then its last error is the answer. For tests; without it the system's, and in a child the parent's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.plan.clock = Some(clock);
        self
    }

    /// Forgets the last binding, so that the builder has the type that it began with.
    #[must_use]
    pub fn done(self) -> ContainerBuilder {
        self.last_is()
    }

    /// Ends the building. Nothing is made yet, and nothing checked: that is [`Container::check`].
    #[must_use]
    pub fn build(self) -> Container {
        Container { core: assemble(self.plan) }
    }

    #[track_caller]
    fn construct<T: Service, A, C: Constructor<A, Output = T>>(self, lifetime: Lifetime, constructor: C) -> ContainerBuilder<T> {
        let make = move |scope: &Scope<'_>| Ok(Box::new(Arc::new(constructor.construct(scope)?)) as Erased);
        self.bind(lifetime, Maker::Call(Box::new(make)), Dependencies::gather(C::dependencies))
    }

    #[track_caller]
    fn try_construct<T, E, A, C>(self, lifetime: Lifetime, constructor: C) -> ContainerBuilder<T>
    where
        T: Service,
        E: Into<BoxError>,
        C: Constructor<A, Output = Result<T, E>>,
    {
        let make = move |scope: &Scope<'_>| match constructor.construct(scope)? {
            Ok(value) => Ok(Box::new(Arc::new(value)) as Erased),
            Err(error) => Err(MakeError::Failed(error.into())),
        };
        self.bind(lifetime, Maker::Call(Box::new(make)), Dependencies::gather(C::dependencies))
    }

    #[track_caller]
    fn promise<T, F, A, C>(self, constructor: C, finish: fn(F::Output) -> Result<T, BoxError>) -> ContainerBuilder<T>
    where
        T: Service,
        F: Future + Send + 'static,
        C: Constructor<A, Output = F>,
        F::Output: 'static,
    {
        let promise = move |scope: &Scope<'_>| {
            let future = constructor.construct(scope)?;
            Ok(async move { finish(future.await).map(|value| Box::new(Arc::new(value)) as Erased) }.boxed())
        };
        self.bind(Lifetime::Singleton, Maker::Await(Box::new(promise)), Dependencies::gather(C::dependencies))
    }

    #[track_caller]
    fn bind<T: ?Sized + Service>(mut self, lifetime: Lifetime, maker: Maker, needs: Vec<Need>) -> ContainerBuilder<T> {
        self.plan.drafts.push(Draft {
            definition: Definition {
                key: Key::of::<T>(None),
                place: Location::caller(),
                lifetime,
                maker,
                needs,
                is_primary: false,
                is_contextual: false,
            },
            base: None,
        });
        self.last_is()
    }

    pub(super) fn last_is<T: ?Sized>(self) -> ContainerBuilder<T> {
        ContainerBuilder { plan: self.plan, last: PhantomData }
    }
}

/// About the binding before.
impl<S: ?Sized + Service> ContainerBuilder<S> {
    /// The service is given as this trait too; `|service| service` is all it takes. May be said several times.
    ///
    /// `upcast` is a plain function, not a closure that captures (that is E0308).
    ///
    /// ```
    /// use queue::Container;
    ///
    /// trait Mailer: Send + Sync {}
    /// struct Smtp;
    /// impl Mailer for Smtp {}
    ///
    /// let container = Container::builder().singleton(|| Smtp).expose::<dyn Mailer>(|smtp| smtp).build();
    /// assert!(container.has::<dyn Mailer>());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn expose<T: ?Sized + Service>(mut self, upcast: fn(Arc<S>) -> Arc<T>) -> Self {
        if let Some((base, binding)) = self.plan.last_base() {
            let (lifetime, is_primary) = (binding.lifetime, self.plan.is_last_primary());
            let cast: Cast = Box::new(move |value| Box::new(upcast(open::<S>(value))));
            let definition = Definition {
                key: Key::of::<T>(None),
                place: Location::caller(),
                lifetime,
                maker: Maker::Expose(cast),
                needs: Vec::new(),
                is_primary,
                is_contextual: false,
            };
            self.plan.drafts.push(Draft { definition, base: Some(base) });
        }
        self
    }

    /// The key directly before gets a name: after [`expose`](Self::expose) the trait, else the service itself. It is then asked
    /// for by name only (`#[inject(name = "audit")]`), as a member of `Vec<Arc<T>>`, and as the [`primary`](Self::primary).
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        if let Some(draft) = self.plan.drafts.last_mut() {
            draft.definition.key.name = Some(name);
        }
        self
    }

    /// The first among several of its type: it answers whoever asks for one without a name. Traits that the service is
    /// exposed as *after* it are primary too.
    #[must_use]
    pub fn primary(mut self) -> Self {
        if let Some(draft) = self.plan.drafts.last_mut() {
            draft.definition.is_primary = true;
        }
        self
    }
}

impl<L: ?Sized> fmt::Debug for ContainerBuilder<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.plan.drafts.iter().map(|draft| draft.definition.key)).finish()
    }
}

/// An async function of a service: what [`on_shutdown`](ContainerBuilder::on_shutdown) takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a hook for the end of a service",
    note = "give a function or a closure that takes the service as `Arc<T>` and gives a future: `|pool| async move {{ pool.close().await }}`"
)]
pub trait ShutdownHook<T: ?Sized>: Send + Sync + 'static {
    /// Runs it.
    #[doc(hidden)]
    fn run(&self, service: Arc<T>) -> BoxFuture<'static, ()>;
}

impl<T, H, F> ShutdownHook<T> for H
where
    T: ?Sized,
    H: Fn(Arc<T>) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    fn run(&self, service: Arc<T>) -> BoxFuture<'static, ()> {
        self(service).boxed()
    }
}
