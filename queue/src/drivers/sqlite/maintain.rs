//! What time brings: jobs that are due, leases that have run out, rows that are old.

use std::time::Duration;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::Sqlite;
use super::acted::Acted;
use super::error::Fault;
use super::renew::add_heard;
use super::rows;
use super::script::Script;
use super::writer::Transaction;
use crate::drivers::{MaintainLimits, Maintained};
use crate::job::JobState;

/// What a job that killed its process too often has as its last error.
const DIED: &str = "its process died while running it";

/// For how long a cron tick is remembered: longer than any two schedulers disagree on the time.
const KEEP_TICKS: Duration = Duration::from_secs(24 * 3600);

/// The states that wait for a time.
const TIMED: [JobState; 2] = [JobState::Scheduled, JobState::Retryable];

/// The terminal states.
const ENDED: [JobState; 3] = [JobState::Completed, JobState::Cancelled, JobState::Failed];

impl Sqlite {
    /// Maintains, and commits. A power cut may undo it, and then it is done again.
    pub(super) async fn look_after(&self, limits: &MaintainLimits) -> Result<Maintained, Fault> {
        let mut transaction = self.writer.quick().await?;
        transaction.begin().await?;
        // Read with the lock at hand, so that the times of those who write ascend.
        let now = self.now();
        let mut round = Round {
            limits,
            transaction,
            acted: Acted::at(now),
            done: Maintained::default(),
            heard: Script::default(),
            is_full: false,
        };
        add_heard(&mut round.heard, now);
        for state in TIMED {
            round.promote(state).await?;
        }
        round.rescue().await?;
        for state in ENDED {
            round.prune(state).await?;
        }
        let Round { transaction, acted, mut done, is_full, .. } = round;
        let answers = acted.commit(transaction, &self.events, |script| add_last(script, limits, now)).await?;
        let due = answers
            .last()
            .and_then(|answer| answer.rows.first())
            .map(|row| row.try_get::<Option<i64>, _>(0))
            .transpose()?
            .flatten();
        done.next_due = match is_full {
            true => Some(Duration::ZERO),
            false => due.map(|due| Duration::from_micros(u64::try_from(due.saturating_sub(now)).unwrap_or_default())),
        };
        self.events.note_due(due);
        Ok(done)
    }
}

/// What is done once the jobs are looked after; the last statement answers when the next one is due.
fn add_last(script: &mut Script, limits: &MaintainLimits, now: i64) {
    script.add(include_str!("sql/prune_ticks.sql")).bind(now.saturating_sub(rows::span(KEEP_TICKS))).bind(batch(limits.batch));
    script.add(include_str!("sql/prune_workers.sql")).bind(rows::span(limits.keep_completed)).bind(now);
    script.add(include_str!("sql/sweep.sql")).bind(batch(limits.batch));
    script.add(include_str!("sql/next_due.sql"));
}

fn batch(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// One round of it, on its way.
struct Round<'a> {
    limits: &'a MaintainLimits,
    transaction: Transaction,
    acted: Acted,
    done: Maintained,
    /// What everybody says who writes: it goes with the first statement.
    heard: Script,
    /// Of some sort there may be more than a batch.
    is_full: bool,
}

impl Round<'_> {
    /// Runs a script, and answers the rows of its last statement.
    async fn rows(&mut self, script: Script) -> Result<Vec<SqliteRow>, Fault> {
        let mut answers = self.transaction.run(script).await?;
        Ok(answers.pop().unwrap_or_default().rows)
    }

    /// Makes available what is due, of one state.
    async fn promote(&mut self, state: JobState) -> Result<(), Fault> {
        let left = self.limits.batch.saturating_sub(self.done.promoted);
        let mut script = std::mem::take(&mut self.heard);
        script.add(include_str!("sql/promote.sql")).bind(state.as_str()).bind(self.acted.now).bind(batch(left));
        let rows = self.rows(script).await?;
        self.done.promoted += rows.len();
        for row in &rows {
            if let Some(queue) = rows::queue(row, 0)? {
                self.acted.tally.moved(&queue, state, JobState::Available);
                self.acted.news.work.insert(queue);
            }
        }
        self.is_full |= self.done.promoted >= self.limits.batch;
        Ok(())
    }

    /// Takes back what dead workers hold.
    async fn rescue(&mut self) -> Result<(), Fault> {
        let mut script = Script::default();
        script.add(include_str!("sql/rescue.sql")).bind(self.acted.now).bind(i64::from(self.limits.max_rescues)).bind(DIED);
        script.bind(batch(self.limits.batch));
        let rows = self.rows(script).await?;
        let mut failed = Vec::new();
        for row in &rows {
            let state = rows::state(row, 2)?;
            match state {
                JobState::Failed => failed.push(row.try_get::<i64, _>(0)?),
                _ => self.done.rescued += 1,
            }
            let Some(queue) = rows::queue(row, 1)? else { continue };
            self.acted.tally.moved(&queue, JobState::Running, state);
            if state == JobState::Available {
                self.acted.news.work.insert(queue);
            }
        }
        self.is_full |= !rows.is_empty() && rows.len() >= self.limits.batch;
        if failed.is_empty() {
            return Ok(());
        }
        let mut script = Script::default();
        script.add(include_str!("sql/jobs_at.sql")).bind(serde_json::to_string(&failed).unwrap_or_default());
        // A row that a stranger broke has failed like the others, and cannot be shown to anybody.
        let failed = self.rows(script).await?;
        self.done.failed.extend(failed.iter().filter_map(|row| rows::job(row).ok()));
        Ok(())
    }

    /// Removes what is older than it is kept, of one state.
    async fn prune(&mut self, state: JobState) -> Result<(), Fault> {
        let left = self.limits.batch.saturating_sub(self.done.pruned);
        let keep = if state == JobState::Failed { self.limits.keep_failed } else { self.limits.keep_completed };
        let before = self.acted.now.saturating_sub(rows::span(keep));
        let mut script = Script::default();
        script.add(include_str!("sql/prune.sql")).bind(state.as_str()).bind(before).bind(batch(left));
        let rows = self.rows(script).await?;
        self.done.pruned += rows.len();
        for row in &rows {
            if let Some(queue) = rows::queue(row, 0)? {
                self.acted.tally.add(&queue, state, -1);
            }
        }
        self.is_full |= self.done.pruned >= self.limits.batch;
        Ok(())
    }
}
