//! What time brings: jobs that are due, leases that have run out, rows that are old.

use std::time::Duration;

use sqlx::Row;

use super::Sqlite;
use super::error::Fault;
use super::events::News;
use super::renew::add_heard;
use super::rows;
use super::script::Script;
use super::tally::Tally;
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
        let mut done = Maintained::default();
        let (mut tally, mut news) = (Tally::default(), News::default());
        let mut is_full = promote(&mut transaction, limits, now, &mut done, &mut tally, &mut news).await?;
        is_full |= rescue(&mut transaction, limits, now, &mut done, &mut tally, &mut news).await?;
        is_full |= prune(&mut transaction, limits, now, &mut done, &mut tally).await?;

        let mut script = Script::default();
        script
            .add(include_str!("sql/prune_ticks.sql"))
            .bind(now.saturating_sub(rows::span(KEEP_TICKS)))
            .bind(batch(limits.batch));
        script.add(include_str!("sql/prune_workers.sql")).bind(rows::span(limits.keep_completed)).bind(now);
        tally.write(&mut script);
        script.add(include_str!("sql/sweep.sql")).bind(batch(limits.batch));
        script.add(include_str!("sql/next_due.sql"));
        let answers = transaction.finish(script).await?;
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
        self.events.tell(&news);
        Ok(done)
    }
}

fn batch(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Makes available what is due; answers whether there may be more.
async fn promote(
    transaction: &mut Transaction,
    limits: &MaintainLimits,
    now: i64,
    done: &mut Maintained,
    tally: &mut Tally,
    news: &mut News,
) -> Result<bool, Fault> {
    for state in TIMED {
        let left = limits.batch.saturating_sub(done.promoted);
        let mut script = Script::default();
        if done.promoted == 0 && state == TIMED[0] {
            add_heard(&mut script, now);
        }
        script.add(include_str!("sql/promote.sql")).bind(state.as_str()).bind(now).bind(batch(left));
        let answers = transaction.run(script).await?;
        let rows = answers.last().map(|answer| &answer.rows[..]).unwrap_or_default();
        done.promoted += rows.len();
        for row in rows {
            if let Some(queue) = rows::queue(row, 0)? {
                tally.moved(&queue, state, JobState::Available);
                news.work.insert(queue);
            }
        }
    }
    Ok(done.promoted >= limits.batch)
}

/// Takes back what dead workers hold; answers whether there may be more.
async fn rescue(
    transaction: &mut Transaction,
    limits: &MaintainLimits,
    now: i64,
    done: &mut Maintained,
    tally: &mut Tally,
    news: &mut News,
) -> Result<bool, Fault> {
    let mut script = Script::default();
    script.add(include_str!("sql/rescue.sql")).bind(now).bind(i64::from(limits.max_rescues)).bind(DIED).bind(batch(limits.batch));
    let answers = transaction.run(script).await?;
    let rows = answers.first().map(|answer| &answer.rows[..]).unwrap_or_default();
    let mut failed = Vec::new();
    for row in rows {
        let state = rows::state(row, 2)?;
        match state {
            JobState::Failed => failed.push(row.try_get::<i64, _>(0)?),
            _ => done.rescued += 1,
        }
        let Some(queue) = rows::queue(row, 1)? else { continue };
        tally.moved(&queue, JobState::Running, state);
        if state == JobState::Available {
            news.work.insert(queue);
        }
    }
    if !failed.is_empty() {
        let mut script = Script::default();
        script.add(include_str!("sql/jobs_at.sql")).bind(serde_json::to_string(&failed).unwrap_or_default());
        let answers = transaction.run(script).await?;
        // A row that a stranger broke has failed like the others, and cannot be shown to anybody.
        done.failed.extend(answers.iter().flat_map(|answer| &answer.rows).filter_map(|row| rows::job(row).ok()));
    }
    Ok(!rows.is_empty() && rows.len() >= limits.batch)
}

/// Removes what is older than it is kept; answers whether there may be more.
async fn prune(
    transaction: &mut Transaction,
    limits: &MaintainLimits,
    now: i64,
    done: &mut Maintained,
    tally: &mut Tally,
) -> Result<bool, Fault> {
    for state in ENDED {
        let left = limits.batch.saturating_sub(done.pruned);
        let keep = if state == JobState::Failed { limits.keep_failed } else { limits.keep_completed };
        let mut script = Script::default();
        let before = now.saturating_sub(rows::span(keep));
        script.add(include_str!("sql/prune.sql")).bind(state.as_str()).bind(before).bind(batch(left));
        let answers = transaction.run(script).await?;
        let rows = answers.first().map(|answer| &answer.rows[..]).unwrap_or_default();
        done.pruned += rows.len();
        for row in rows {
            if let Some(queue) = rows::queue(row, 0)? {
                tally.add(&queue, state, -1);
            }
        }
    }
    Ok(done.pruned >= limits.batch)
}
