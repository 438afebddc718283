//! The transactions of this store: a copy of the table, and the lock on it, so that there is one writer at a time.

use std::any::Any;
use std::sync::Arc;
use std::time::SystemTime;

use queue::drivers::{BoxFuture, NewJob, PushError, PushResult, Settled, Settlement};
use queue::job::{SettleError, StoreTransaction};
use queue::testing::conformance::OpenTransaction;
use tokio::sync::OwnedMutexGuard;

use super::Shared;
use super::table::Table;

/// A transaction, as the client library of a database has it.
pub(crate) struct Transaction {
    shared: Arc<Shared>,
    locked: OwnedMutexGuard<Table>,
    copy: Copy,
}

/// What the driver downcasts to: the connection, in a database.
struct Copy(Table);

impl Transaction {
    pub(crate) async fn begin(shared: &Arc<Shared>) -> Self {
        let locked = Arc::clone(&shared.table).lock_owned().await;
        let copy = Copy(locked.clone());
        Self { shared: Arc::clone(shared), locked, copy }
    }
}

impl StoreTransaction for Transaction {
    fn connection(&mut self) -> &mut (dyn Any + Send) {
        &mut self.copy
    }

    fn database(&self) -> &'static str {
        "outside"
    }
}

impl OpenTransaction for Transaction {
    fn transaction(&mut self) -> &mut dyn StoreTransaction {
        self
    }

    fn commit(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let events = std::mem::take(&mut self.copy.0.events);
            *self.locked = self.copy.0;
            drop(self.locked);
            self.shared.tell(events);
        })
    }

    fn roll_back(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { drop(self) })
    }
}

pub(crate) fn push_in(
    transaction: &mut dyn StoreTransaction,
    queue: &'static str,
    jobs: &[NewJob],
    now: SystemTime,
) -> PushResult {
    let database = transaction.database();
    let Some(Copy(table)) = transaction.connection().downcast_mut() else {
        return Err(PushError::WrongTransaction { queue, transaction: database });
    };
    Ok(jobs.iter().map(|job| table.push_one(job, now)).collect())
}

pub(crate) fn settle_in(
    transaction: &mut dyn StoreTransaction,
    queue: &'static str,
    settlements: &[Settlement],
    now: SystemTime,
) -> Result<Vec<Settled>, SettleError> {
    let database = transaction.database();
    let Some(Copy(table)) = transaction.connection().downcast_mut() else {
        return Err(SettleError::WrongTransaction { queue, transaction: database });
    };
    table.settle(settlements, now).map_err(|error| SettleError::Store(error.into()))
}
