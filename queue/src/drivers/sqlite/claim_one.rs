//! Claiming one job by its id, for a run that somebody asked for.

use std::time::Duration;

use super::Sqlite;
use super::act::{self, Asked, Refusal};
use super::error::Fault;
use super::rows;
use super::script::Script;
use crate::drivers::refusal::UNCLAIMABLE;
use crate::drivers::{Action, Delivery, WorkerId};
use crate::error::Error;
use crate::job::{JobId, JobState};

impl Sqlite {
    /// Claims a waiting job, due or not, in a queue that is paused or not, or one that has failed or was cancelled.
    pub(super) async fn claim_one(&self, id: JobId, worker: WorkerId, lease: Duration) -> Result<Delivery, Error> {
        let claimed = self.acting(async move |connection, acted| {
            let Some(found) = act::find(connection, &[id]).await?.remove(&id) else { return Ok(Err(Refusal::Unknown)) };
            let found = found?;
            let state = match found.state {
                JobState::Scheduled | JobState::Available | JobState::Retryable => found.state,
                JobState::Failed | JobState::Cancelled => {
                    let retried = act::act(connection, Asked { action: Action::Retry, ids: &[id] }, acted).await?.pop();
                    // It is not left available, so nobody is told of work.
                    acted.news.work.clear();
                    match retried.unwrap_or(Err(Refusal::Unknown)) {
                        Ok(state) => state,
                        Err(refusal) => return Ok(Err(refusal)),
                    }
                }
                state => return Ok(Err(Refusal::State(state, UNCLAIMABLE))),
            };
            let mut script = Script::default();
            script.add(include_str!("sql/claim_one.sql")).bind(worker.as_bytes().to_vec());
            script.bind(acted.now).bind(acted.now.saturating_add(rows::span(lease))).bind(found.place);
            let answers = script.run(connection).await?;
            let Some(row) = answers.first().and_then(|answer| answer.rows.first()) else { return Ok(Err(Refusal::Unknown)) };
            // A row that cannot be handed out is an error, with which the claim is undone.
            let delivery = rows::delivery(row, &found.queue, self.kinds.get(rows::kind(row, 2)?))?;
            acted.tally.moved(&found.queue, state, JobState::Running);
            Ok::<_, Fault>(Ok(delivery))
        });
        claimed.await?.map_err(|refusal| self.refused(id, refusal))
    }
}
