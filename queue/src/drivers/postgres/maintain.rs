//! What time brings: jobs that are due, leases that have run out, rows that are old.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::Core;
use super::error::Fault;
use super::rows;
use super::statement::Statement;
use crate::drivers::events::News;
use crate::drivers::{MaintainLimits, Maintained};
use crate::job::JobState;

/// What a job that killed its process too often has as its last error, as JSON.
const DIED: &str = "\"its process died while running it\"";

/// For how long a cron tick is remembered: longer than any two schedulers disagree on the time.
const KEEP_TICKS: Duration = Duration::from_secs(24 * 3600);

/// From how many rows of counts on they are added up, and how many at once.
const COUNTS: (i64, i64) = (500, 20_000);

impl Core {
    /// Maintains, a commit a sort of work: each is bounded, and nobody waits for all of them.
    pub(super) async fn look_after(&self, limits: &MaintainLimits) -> Result<Maintained, Fault> {
        let mut round = Round { core: self, limits, done: Maintained::default(), news: News::default(), is_full: false };
        let may_rescue = round.hear().await?;
        let due = round.promote().await?;
        if may_rescue {
            round.rescue().await?;
        }
        round.prune().await?;
        let Round { mut done, news, is_full, .. } = round;
        self.events.tell(&news);
        done.next_due = if is_full { Some(Duration::ZERO) } else { due.map(|due| due.after) };
        let due = due.map(|due| due.at);
        self.events.note_due(due);
        self.teller.note_due(due);
        Ok(done)
    }
}

/// When the next job is due.
#[derive(Debug, Clone, Copy)]
struct Next {
    /// In microseconds since 1970.
    at: i64,
    after: Duration,
}

/// One round of it, on its way.
struct Round<'a> {
    core: &'a Core,
    limits: &'a MaintainLimits,
    done: Maintained,
    news: News,
    /// Of some sort there may be more than a batch.
    is_full: bool,
}

impl Round<'_> {
    async fn rows(&self, statement: Statement) -> Result<Vec<PgRow>, Fault> {
        self.core.lines.upkeep.rows(&self.core.dialect, &statement).await
    }

    fn batch(&self) -> i64 {
        rows::number(self.limits.batch)
    }

    /// Says that somebody writes; answers whether leases may be taken back.
    async fn hear(&mut self) -> Result<bool, Fault> {
        let rows = self.rows(self.core.timed(include_str!("sql/heard.sql"))).await?;
        let Some(row) = rows.first() else { return Ok(false) };
        self.core.frontier.note_dead(row.try_get(1)?);
        Ok(row.try_get(0)?)
    }

    /// Makes available what is due; answers when the next one is.
    async fn promote(&mut self) -> Result<Option<Next>, Fault> {
        let statement = self.core.timed(include_str!("sql/promote.sql")).bind(i64::MIN).bind(self.batch());
        let mut next = None;
        for row in &self.rows(statement).await? {
            let Some(queue) = row.try_get::<Option<&str>, _>(0)? else {
                let now: i64 = row.try_get(2)?;
                next = row.try_get::<Option<i64>, _>(3)?.map(|at| Next { at, after: after(now, at) });
                continue;
            };
            self.done.promoted += rows::bounded::<usize>(row, 2)?;
            self.core.frontier.note_places(queue, row.try_get::<Option<Vec<String>>, _>(1)?.unwrap_or_default());
            self.news.work.insert(queue.into());
        }
        self.is_full |= self.done.promoted >= self.limits.batch;
        Ok(next)
    }

    /// Takes back what dead workers hold.
    async fn rescue(&mut self) -> Result<(), Fault> {
        let statement = self.core.timed(include_str!("sql/rescue.sql")).bind(i64::MIN).bind(self.batch());
        let rows = self.rows(statement.bind(i64::from(self.limits.max_rescues)).bind(DIED)).await?;
        for row in &rows {
            match rows::state(row, 4)? {
                JobState::Failed => self.done.failed.push(rows::job(row)?),
                JobState::Available => {
                    self.done.rescued += 1;
                    let queue = rows::queue(row, 3)?;
                    self.core.frontier.note_places(&queue, row.try_get::<Option<String>, _>(20)?.into_iter().collect());
                    self.news.work.insert(queue);
                }
                // It was to be cancelled, and is.
                _ => self.done.rescued += 1,
            }
        }
        self.is_full |= !rows.is_empty() && rows.len() >= self.limits.batch;
        Ok(())
    }

    /// Removes what is older than it is kept.
    async fn prune(&mut self) -> Result<(), Fault> {
        let MaintainLimits { keep_completed, keep_failed, .. } = *self.limits;
        let rules =
            [(JobState::Completed, keep_completed), (JobState::Cancelled, keep_completed), (JobState::Failed, keep_failed)];
        let statement = self
            .core
            .timed(include_str!("sql/prune.sql"))
            .bind(rules.iter().map(|(state, _)| state.as_str()).collect::<Vec<&str>>())
            .bind(rules.iter().map(|(_, keep)| rows::span(*keep).min(i64::MAX / 4)).collect::<Vec<i64>>())
            .bind(self.batch())
            .bind(rows::span(KEEP_TICKS))
            .bind(rows::span(keep_completed).min(i64::MAX / 4))
            .bind(COUNTS.1)
            .bind(COUNTS.0);
        if let Some(row) = self.rows(statement).await?.first() {
            self.done.pruned += rows::bounded::<usize>(row, 0)?;
        }
        self.is_full |= self.done.pruned >= self.limits.batch;
        Ok(())
    }
}

fn after(now: i64, at: i64) -> Duration {
    Duration::from_micros(u64::try_from(at.saturating_sub(now)).unwrap_or_default())
}
