//! Claimed rows that cannot be handed out, because a stranger wrote something into them: they fail, so that nobody meets them again.

use std::path::Path;

use super::Sqlite;
use super::acted::Acted;
use super::error::Fault;
use super::rows;
use super::script::Script;
use crate::drivers::{Delivery, WorkerId};
use crate::error::chain;
use crate::job::JobState;

/// What a claim brought.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    pub(super) deliveries: Vec<Delivery>,
    /// The places of the rows that cannot be handed out, and what is wrong with each.
    unreadable: Vec<(i64, String)>,
}

impl Claimed {
    /// Notes a row that could not be read.
    pub(super) fn refuse(&mut self, place: i64, error: &sqlx::Error) {
        self.unreadable.push((place, format!("its row in the file cannot be read: {}", chain(error))));
    }

    pub(super) fn add(&mut self, other: Self) {
        self.deliveries.extend(other.deliveries);
        self.unreadable.extend(other.unreadable);
    }
}

impl Sqlite {
    /// What can be handed out; the rest fails in a commit of its own. Called after the commit that claimed.
    pub(super) async fn readable(&self, worker: WorkerId, claimed: Claimed) -> Vec<Delivery> {
        if !claimed.unreadable.is_empty()
            && let Err(fault) = self.fail_unreadable(worker, &claimed.unreadable).await
        {
            // What was claimed is not lost with it: the rows are taken back when the lease has run out, and met again.
            tracing::warn!(error = %chain(&self.in_words(fault)), "rows that cannot be read could not be failed");
        }
        claimed.deliveries
    }

    async fn fail_unreadable(&self, worker: WorkerId, unreadable: &[(i64, String)]) -> Result<(), Fault> {
        let now = self.now();
        let mut script = Script::default();
        script.add(include_str!("sql/fail_unreadable.sql")).bind(now);
        script.bind(serde_json::to_string(unreadable).unwrap_or_default()).bind(worker.as_bytes().to_vec());
        let mut transaction = self.writer.durable().await?;
        let answers = transaction.run(script).await?;
        let mut acted = Acted::at(now);
        for row in answers.iter().flat_map(|answer| &answer.rows) {
            if let Some(queue) = rows::queue(row, 0)? {
                acted.tally.moved(&queue, JobState::Running, JobState::Failed);
                // There may be others behind them.
                acted.news.work.insert(queue);
            }
        }
        acted.commit(transaction, &self.events, |_| {}).await?;
        tell(self.path(), unreadable);
        Ok(())
    }
}

fn tell(path: &Path, unreadable: &[(i64, String)]) {
    for (place, error) in unreadable {
        tracing::error!(path = %path.display(), place, %error, "a job was failed that cannot be handed out");
    }
}
