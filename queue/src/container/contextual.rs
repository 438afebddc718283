//! Bindings for one consumer.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

use super::assemble::{Draft, GiftDraft};
use super::binding::{Definition, Erased, Lifetime, Maker};
use super::dependencies::{Dependencies, Need};
use super::key::Key;
use super::resolve::GiftSource;
use super::{Constructor, ContainerBuilder, Scope, Service};

/// `when::<J>()`: what follows is for `J` alone.
#[must_use = "say what it needs, and what to give"]
pub struct When<L: ?Sized> {
    builder: ContainerBuilder<L>,
    consumer: Key,
    place: &'static Location<'static>,
}

impl<L: ?Sized> When<L> {
    pub(super) fn new(builder: ContainerBuilder<L>, consumer: Key, place: &'static Location<'static>) -> Self {
        Self { builder, consumer, place }
    }

    /// The service, a type or a trait, that it asks for.
    pub fn needs<T: ?Sized + Service>(self) -> Needs<L, T> {
        Needs { when: self, service: PhantomData }
    }
}

/// `when::<J>().needs::<T>()`: what to give.
#[must_use = "say what to give"]
pub struct Needs<L: ?Sized, T: ?Sized> {
    when: When<L>,
    service: PhantomData<fn() -> Arc<T>>,
}

impl<L: ?Sized, T: ?Sized + Service> Needs<L, T> {
    /// This ready value.
    #[must_use]
    pub fn give(self, value: Arc<T>) -> ContainerBuilder<L> {
        let maker = Maker::Call(Box::new(move |_: &Scope<'_>| Ok(Box::new(value.clone()) as Erased)));
        self.gift(Lifetime::Instance, maker, Vec::new())
    }

    /// What this constructor makes, anew each time that it is asked for:
    /// `.give_with(|config: Arc<Config>| Arc::new(Smtp::new(config)) as Arc<dyn Mailer>)`.
    ///
    /// For one that is shared, or that may fail, bind it with a name and use [`give_named`](Self::give_named).
    #[must_use]
    pub fn give_with<A, C: Constructor<A, Output = Arc<T>>>(self, constructor: C) -> ContainerBuilder<L> {
        let make = move |scope: &Scope<'_>| Ok(Box::new(constructor.construct(scope)?) as Erased);
        self.gift(Lifetime::Transient, Maker::Call(Box::new(make)), Dependencies::gather(C::dependencies))
    }

    /// The binding of the same type with this name.
    #[must_use]
    pub fn give_named(self, name: &'static str) -> ContainerBuilder<L> {
        self.source(GiftSource::Named(name))
    }

    fn gift(self, lifetime: Lifetime, maker: Maker, needs: Vec<Need>) -> ContainerBuilder<L> {
        let definition = Definition {
            key: Key::of::<T>(None),
            place: self.when.place,
            lifetime,
            maker,
            needs,
            is_primary: false,
            is_contextual: true,
        };
        self.source(GiftSource::Binding(Draft { definition, base: None }))
    }

    fn source(self, source: GiftSource<Draft>) -> ContainerBuilder<L> {
        let When { mut builder, consumer, place } = self.when;
        builder.plan.gifts.push(GiftDraft { consumer, key: Key::of::<T>(None), place, source });
        builder
    }
}

impl<L: ?Sized> fmt::Debug for When<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("When").field(&self.consumer).finish()
    }
}

impl<L: ?Sized, T: ?Sized> fmt::Debug for Needs<L, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Needs").field(&self.when).finish()
    }
}
