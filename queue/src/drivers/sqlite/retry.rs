//! Trying ended jobs again, all that a filter fits.

use super::Sqlite;
use super::act::{self, Asked, Refusal};
use crate::drivers::{Action, Inspect, Retried};
use crate::error::Error;
use crate::job::{Filter, JobId};

impl Sqlite {
    /// Retries all that a filter fits, page by page, each in one commit.
    pub(super) async fn retry_fitting(&self, filter: &Filter) -> Result<Retried, Error> {
        let mut done = Retried::default();
        let Some(mut filter) = filter.for_retry() else { return Ok(done) };
        filter.limit = Some(act::BATCH);
        loop {
            let page = self.jobs(&filter).await?;
            let ids: Vec<JobId> = page.jobs.iter().map(|row| row.id).collect();
            if !ids.is_empty() {
                let asked = Asked { action: Action::Retry, ids: &ids };
                let answers = self.acting(async |connection, acted| act::act(connection, asked, acted).await).await?;
                for (&id, answer) in ids.iter().zip(&answers) {
                    match answer {
                        Ok(_) => done.retried += 1,
                        Err(Refusal::Taken { .. }) => done.refused.push(id),
                        // Somebody was faster: it is forgotten, or retried already.
                        Err(_) => {}
                    }
                }
            }
            // By id, so that a job which fails again meanwhile is not met again.
            let Some(next) = page.next else { break };
            filter.after = Some(next);
        }
        done.refused.sort_unstable();
        Ok(done)
    }
}
