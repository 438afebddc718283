//! Claimed rows that cannot be handed out, because a stranger wrote something into them: they fail, so that nobody meets them again.

use uuid::Uuid;

use super::Core;
use super::error::Fault;
use super::rows;
use crate::drivers::events::News;
use crate::drivers::{Delivery, WorkerId};
use crate::error::chain;
use crate::job::JobId;

/// What a claim brought.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    pub(super) deliveries: Vec<Delivery>,
    /// The rows that cannot be handed out, and what is wrong with each.
    unreadable: Vec<(JobId, String)>,
}

impl Claimed {
    /// Notes a row that could not be read.
    pub(super) fn refuse(&mut self, id: JobId, error: &sqlx::Error) {
        self.unreadable.push((id, format!("its row in the database cannot be read: {}", chain(error))));
    }
}

impl Core {
    /// What can be handed out; the rest fails in a commit of its own. Called after the commit that claimed.
    pub(super) async fn readable(&self, worker: WorkerId, claimed: Claimed) -> Vec<Delivery> {
        if !claimed.unreadable.is_empty()
            && let Err(fault) = self.fail_unreadable(worker, &claimed.unreadable).await
        {
            // What was claimed is not lost with it: the rows are taken back when the lease has run out, and met again.
            tracing::warn!(error = %chain(&fault.into_error(&self.place)), "rows that cannot be read could not be failed");
        }
        claimed.deliveries
    }

    async fn fail_unreadable(&self, worker: WorkerId, unreadable: &[(JobId, String)]) -> Result<(), Fault> {
        let ids: Vec<Uuid> = unreadable.iter().map(|(id, _)| rows::uuid(*id)).collect();
        let errors: Vec<String> = unreadable.iter().filter_map(|(_, error)| serde_json::to_string(error).ok()).collect();
        let statement = self.timed(include_str!("sql/fail_unreadable.sql")).bind(ids).bind(errors).bind(worker);
        let failed = self.lines.work.rows(&self.dialect, &statement).await?;
        let mut news = News::default();
        for row in &failed {
            // There may be others behind them.
            news.work.insert(rows::queue(row, 0)?);
        }
        self.events.tell(&news);
        for (id, error) in unreadable {
            tracing::error!(place = self.place, job = %id, %error, "a job was failed that cannot be handed out");
        }
        Ok(())
    }
}
