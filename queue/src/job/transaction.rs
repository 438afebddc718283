//! The caller's transaction, as far as the core must know it.

use std::any::Any;

use crate::error::BoxError;
use futures_util::future::BoxFuture;

/// A transaction of a store that jobs are kept in. Drivers implement it for the types of their client library.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a transaction that a queue driver knows",
    note = "give the transaction of the client library of your driver, behind the feature of that driver"
)]
pub trait StoreTransaction: Send {
    /// The connection, which the driver downcasts to the type it knows.
    fn connection(&mut self) -> &mut (dyn Any + Send);

    /// The name of the database, for the error that a wrong one gives.
    fn database(&self) -> &'static str;
}

/// The right to end the running job inside a transaction; the worker puts it into the [`JobContext`](super::JobContext).
pub trait HeldLease: Send + Sync {
    /// Completes the job in the caller's transaction, if the lease still holds.
    fn complete_in<'a>(&'a self, transaction: &'a mut dyn StoreTransaction) -> BoxFuture<'a, Result<(), SettleError>>;
}

/// Why a settlement was not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettleError {
    /// The lease ran out and somebody else has the job, or it was settled before.
    #[error("the lease of this run was lost, so its outcome is not stored")]
    Lost,
    /// The transaction belongs to another store.
    #[error("the queue `{queue}` cannot write into a transaction of `{transaction}`")]
    WrongTransaction {
        /// The driver.
        queue: &'static str,
        /// The transaction's database.
        transaction: &'static str,
    },
    /// The store answered with an error.
    #[error("the outcome could not be stored")]
    Store(#[source] BoxError),
}
