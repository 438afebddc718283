//! What others did to the database, seen by looking: where nobody is heard, and seldom where they are.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;
use tokio::time::sleep;

use super::Core;
use super::error::Fault;
use super::rows;
use crate::drivers::Wake;
use crate::job::JobId;

/// How often the database is looked at although others are heard: a word can be lost with the connection that it came on.
const SELDOM: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Watch {
    seen: Mutex<Seen>,
}

impl Watch {
    /// What was seen last.
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

/// What the database looked like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    has_work: bool,
    pauses: i64,
    /// When the next scheduled job is due.
    due: Option<i64>,
    /// Running jobs that shall be cancelled.
    cancelled: BTreeSet<JobId>,
    queues: BTreeSet<String>,
}

impl Core {
    /// Looks again and again until there is something to do, or something differs from what was seen. Needs a runtime with time. Cancel safe.
    ///
    /// Each who waits compares with what was there when it began: what one of them saw is news to the others all the same.
    pub(super) async fn news(&self, since: Seen, queues: &[Arc<str>]) -> Wake {
        let mut before = since;
        loop {
            let is_heard = self.ear.as_ref().is_some_and(|ear| ear.is_listening());
            let pause = if is_heard { SELDOM.max(self.settings.poll) } else { self.settings.poll };
            // A fifth more or less, so that many processes do not look at once.
            sleep(pause.mul_f64(0.8 + 0.4 * fastrand::f64())).await;
            // That the server is away is said by whoever fetches.
            let Ok(now) = self.look(queues).await else { continue };
            self.watch.note(now.clone());
            let wake = Wake {
                work: now.has_work,
                queues: !now.queues.is_subset(&before.queues),
                cancelled: now.cancelled.difference(&before.cancelled).copied().collect(),
                paused: now.pauses != before.pauses,
                scheduled: now.due.is_some_and(|due| before.due.is_none_or(|before| due < before)),
            };
            if wake.work || wake.queues || wake.paused || wake.scheduled || !wake.cancelled.is_empty() {
                return wake;
            }
            before = now;
        }
    }

    async fn look(&self, queues: &[Arc<str>]) -> Result<Seen, Fault> {
        let names: Vec<&str> = queues.iter().map(|queue| &**queue).filter(|queue| !queue.contains('\0')).collect();
        let statement = self.dialect.statement(include_str!("sql/look.sql")).bind(names);
        let rows = self.looked(statement).await?;
        Ok(rows.first().map(seen).transpose()?.unwrap_or_default())
    }
}

fn seen(row: &PgRow) -> Result<Seen, sqlx::Error> {
    let cancelled: Vec<uuid::Uuid> = row.try_get(3)?;
    Ok(Seen {
        has_work: row.try_get(0)?,
        pauses: row.try_get(1)?,
        due: row.try_get(2)?,
        cancelled: cancelled.into_iter().map(|id| JobId::from_u128(id.as_u128())).collect(),
        queues: rows::json(row.try_get(4)?),
    })
}
