//! Claiming one job by its id, for a run that its worker decides on.

use std::time::Duration;

use super::Core;
use super::act::{self, TRIES};
use super::error::Fault;
use super::rows;
use super::unreadable::Claimed;
use crate::drivers::{Delivery, WorkerId};
use crate::job::JobId;

impl Core {
    /// Claims it, due or not, and paused or not.
    pub(super) async fn claim_one(&self, id: JobId, worker: WorkerId, lease: Duration) -> Result<Delivery, Fault> {
        let statement = self.timed(include_str!("sql/claim.sql")).bind(rows::uuid(id)).bind(worker).bind(rows::span(lease));
        for _ in 0..TRIES {
            let rows = self.looked(statement.clone()).await?;
            if let Some(row) = rows.first() {
                let (queue, kind) = (rows::queue(row, 2)?, rows::queue(row, 3)?);
                return match rows::delivery(row, &queue, self.names.get(&kind)) {
                    Ok(delivery) => Ok(delivery),
                    Err(error) => {
                        let mut claimed = Claimed::default();
                        claimed.refuse(id, &error);
                        self.readable(worker, claimed).await;
                        Err(Fault::Sql(error))
                    }
                };
            }
            let found = self.find(&[id]).await?.remove(&id).ok_or_else(|| Fault::Own(act::unknown(id)))??;
            if !found.can_be_claimed() {
                return Err(Fault::Own(found.conflict(id, "only a scheduled, available or retryable job can be claimed")));
            }
            // It changed between the two.
        }
        Err(Fault::Own(act::changing(id)))
    }
}
