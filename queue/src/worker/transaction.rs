//! Completing the running job in the user's transaction.

use std::sync::Arc;

use crate::drivers::{BoxFuture, Lease, Settled, Settlement};
use crate::job::{HeldLease, Outcome, SettleError, StoreTransaction};

use super::shared::Shared;

/// The lease of a run, as its context holds it.
pub(super) struct Held {
    shared: Arc<Shared>,
    lease: Lease,
}

impl Held {
    pub(super) fn new(shared: Arc<Shared>, lease: Lease) -> Self {
        Self { shared, lease }
    }
}

impl HeldLease for Held {
    fn complete_in<'a>(&'a self, transaction: &'a mut dyn StoreTransaction) -> BoxFuture<'a, Result<(), SettleError>> {
        Box::pin(async move {
            let settlements = vec![Settlement::new(self.lease, Outcome::Complete)];
            match self.shared.driver.settle_in(transaction, settlements).await?.as_slice() {
                [Settled::Stored] => {
                    self.shared.completed_in(self.lease.id);
                    Ok(())
                }
                _ => Err(SettleError::Lost),
            }
        })
    }
}
