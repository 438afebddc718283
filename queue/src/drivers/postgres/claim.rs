//! Claiming one job by its id, for a run that its worker decides on.

use std::time::Duration;

use sqlx::postgres::PgRow;

use super::Core;
use super::act::{self, TRIES};
use super::error::Fault;
use super::rows;
use super::unreadable::Claimed;
use crate::drivers::{Action, Delivery, WorkerId, refusal};
use crate::job::JobId;

impl Core {
    /// Claims it, due or not, and paused or not. One that has ended is retried for it.
    pub(super) async fn claim_one(&self, id: JobId, worker: WorkerId, lease: Duration) -> Result<Delivery, Fault> {
        let claim = self.timed(include_str!("sql/claim.sql")).bind(rows::uuid(id)).bind(worker).bind(rows::span(lease));
        let both = [self.retry(&[id]), claim];
        let mut has_ended = false;
        for _ in 0..TRIES {
            // In one commit: nobody else sees it between the two, and nobody is told of it.
            let statements = if has_ended { &both[..] } else { &both[1..] };
            let rows = self.lines.looks.rows_of_last(&self.dialect, statements).await?;
            if let Some(row) = rows.first() {
                return self.claimed_one(row, worker).await;
            }
            let found = self.find(&[id]).await?.remove(&id).ok_or_else(|| Fault::Own(refusal::unknown(id)))??;
            has_ended = Action::Retry.fits(found.state);
            if let Some(error) = found.refusal_of_claim(id) {
                return Err(Fault::Own(error));
            }
            // It has ended, or it changed between the two.
        }
        Err(Fault::Own(act::changing(id)))
    }

    async fn claimed_one(&self, row: &PgRow, worker: WorkerId) -> Result<Delivery, Fault> {
        let (queue, kind) = (rows::queue(row, 2)?, rows::queue(row, 3)?);
        match rows::delivery(row, &queue, self.names.get(&kind)) {
            Ok(delivery) => Ok(delivery),
            Err(error) => {
                let mut claimed = Claimed::default();
                claimed.refuse(rows::id(row, 1)?, &error);
                self.readable(worker, claimed).await;
                Err(Fault::Sql(error))
            }
        }
    }
}
