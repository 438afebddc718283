//! Trying ended jobs again, many in one commit.

use std::collections::HashSet;

use sqlx::Row;
use uuid::Uuid;

use super::Core;
use super::error::Fault;
use super::list;
use super::rows;
use crate::drivers::Retried;
use crate::drivers::events::News;
use crate::error::Error;
use crate::job::{Filter, JobId};

/// How many jobs are retried in one commit.
const BATCH: i64 = 500;

impl Core {
    /// Retries all that a filter fits.
    pub(super) async fn retry_fitting(&self, filter: &Filter) -> Result<Retried, Error> {
        let mut done = Retried::default();
        let Some(filter) = filter.for_retry() else { return Ok(done) };
        // Nothing that ends from now on, so that a job which fails again at once is not retried for ever.
        let until = self.told(self.looked(self.timed(include_str!("sql/now.sql"))).await)?;
        let until: i64 = self.told(until.first().map_or(Ok(0), |row| row.try_get(0)).map_err(Fault::Sql))?;
        for &state in &filter.states {
            let mut behind = (i64::MIN, Uuid::nil());
            loop {
                let statement = self
                    .dialect
                    .statement(include_str!("sql/ended.sql"))
                    .bind(state.as_str())
                    .bind(behind.0)
                    .bind(behind.1)
                    .bind(until)
                    .bind(list::words(&filter.kinds))
                    .bind(list::words(&filter.queues))
                    .bind(list::words(&filter.tags))
                    .bind(BATCH);
                let ended = self.told(self.looked(statement).await)?;
                let Some(last) = ended.last() else { break };
                let last = || Ok((last.try_get(1)?, last.try_get(0)?));
                behind = self.told(last().map_err(Fault::Sql))?;
                let ids = ended.iter().map(|row| rows::id(row, 0)).collect::<Result<Vec<_>, _>>();
                let ids = self.told(ids.map_err(Fault::Sql))?;
                let retried = self.told(self.make_available(&ids).await)?;
                done.retried += retried.len() as u64;
                for id in ids.into_iter().filter(|id| !retried.contains(id)) {
                    // One that somebody else retried or forgot meanwhile was not refused.
                    if self.told(self.find(id).await)?.is_some_and(|found| found.state == state) {
                        done.refused.push(id);
                    }
                }
            }
        }
        done.refused.sort_unstable();
        Ok(done)
    }

    /// Makes ended jobs available; answers which: not those whose unique key is taken.
    pub(super) async fn make_available(&self, ids: &[JobId]) -> Result<HashSet<JobId>, Fault> {
        let statement =
            self.timed(include_str!("sql/retry.sql")).bind(ids.iter().map(|id| rows::uuid(*id)).collect::<Vec<Uuid>>());
        let rows = self.looked(statement).await?;
        let mut news = News::default();
        let mut available = HashSet::with_capacity(rows.len());
        for row in &rows {
            available.insert(rows::id(row, 0)?);
            news.work.insert(rows::queue(row, 1)?);
        }
        self.events.tell(&news);
        self.tell_of_work(&news).await;
        Ok(available)
    }
}
