//! What the author of a driver gives to the suite.

use std::sync::Arc;

use crate::clock::Clock;
use crate::drivers::{BoxFuture, Driver};
use crate::job::StoreTransaction;

/// One store to try a rule on: fresh and empty when it is made, and gone after the rule.
///
/// A function or closure from a [`Clock`] to a driver is a store that has one handle and no transactions:
/// `queue::conformance!(Memory::with_clock)`. A database implements the trait.
pub trait Store: Send + Sync + 'static {
    /// Opens a handle on this store, which adds the offset of this clock to the store's now. The first call makes the store.
    ///
    /// # Panics
    ///
    /// It may: a store that cannot be opened fails the rule with that text.
    fn open(&self, clock: Clock) -> BoxFuture<'_, Arc<dyn Driver>>;

    /// Whether a further [`open`](Store::open) gives another handle on the **same** store, as another process would have it.
    ///
    /// A driver whose [`Durability`](crate::drivers::Durability) is more than `Process` must say yes.
    fn is_shared(&self) -> bool {
        false
    }

    /// Begins a transaction of the client library, as a user of the driver would.
    ///
    /// A driver whose capabilities say [`in_transaction`](crate::drivers::Capabilities::in_transaction) must have some.
    fn begin(&self) -> Option<BoxFuture<'_, Box<dyn OpenTransaction>>> {
        None
    }

    /// Why there is no such store on this machine, such as a server that is not there: every rule is skipped then.
    fn is_missing(&self) -> Option<String> {
        None
    }

    /// Takes the store away after a rule, for example a schema that was made for it. After a broken rule it stays, to be looked at.
    fn remove(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// A transaction that [`Store::begin`] began.
pub trait OpenTransaction: Send {
    /// As the driver takes it.
    fn transaction(&mut self) -> &mut dyn StoreTransaction;

    /// Commits it.
    fn commit(self: Box<Self>) -> BoxFuture<'static, ()>;

    /// Rolls it back.
    fn roll_back(self: Box<Self>) -> BoxFuture<'static, ()>;
}

impl<F, D> Store for F
where
    F: Fn(Clock) -> D + Send + Sync + 'static,
    D: Driver,
{
    fn open(&self, clock: Clock) -> BoxFuture<'_, Arc<dyn Driver>> {
        let driver: Arc<dyn Driver> = Arc::new(self(clock));
        Box::pin(std::future::ready(driver))
    }
}
