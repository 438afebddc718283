//! Looking and acting.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::error::Fault;
use super::rows;
use super::statement::Statement;
use super::tell::Message;
use super::{Core, Postgres};
use crate::drivers::events::News;
use crate::drivers::{BoxFuture, Counts, Delivery, Inspect, Page, QueueCounts, Retried, Told, WorkerId, WorkerRow, WorkerState};
use crate::error::{Error, ErrorKind};
use crate::job::{Filter, JobId, JobRow, JobState};

/// How often an action looks again at a job that changes while it acts.
const TRIES: usize = 5;

impl Inspect for Postgres {
    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobRow>, Error>> {
        Box::pin(async move { self.core.told(self.core.job(id).await) })
    }

    fn jobs<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move { self.core.told(self.core.page(filter).await) })
    }

    fn counts(&self) -> BoxFuture<'_, Result<Counts, Error>> {
        Box::pin(async move { self.core.told(self.core.counts().await) })
    }

    fn workers(&self) -> BoxFuture<'_, Result<Vec<WorkerRow>, Error>> {
        Box::pin(async move { self.core.told(self.core.workers().await) })
    }

    fn tell<'a>(&'a self, _told: Told, _workers: &'a [WorkerId]) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(async { Err(Error::new(ErrorKind::Unsupported, "not here yet")) })
    }

    fn claim(&self, _id: JobId, _worker: WorkerId, _lease: Duration) -> BoxFuture<'_, Result<Delivery, Error>> {
        Box::pin(async { Err(Error::new(ErrorKind::Unsupported, "not here yet")) })
    }

    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<JobState, Error>> {
        Box::pin(async move { self.core.told(self.core.cancel(id).await) })
    }

    fn retry(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.core.told(self.core.retry(id).await) })
    }

    fn retry_all<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Retried, Error>> {
        Box::pin(self.core.retry_fitting(filter))
    }

    fn forget(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.core.told(self.core.forget(id).await) })
    }

    fn pause<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.core.told(self.core.set_paused(queue, true).await) })
    }

    fn resume<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.core.told(self.core.set_paused(queue, false).await) })
    }
}

/// A job as an action finds it.
pub(super) struct Found {
    pub(super) state: JobState,
    unique_key: Option<String>,
    /// The live job that has the key.
    holder: Option<JobId>,
}

impl Core {
    /// What a look answers, beside whoever works.
    pub(super) async fn looked(&self, statement: Statement) -> Result<Vec<PgRow>, Fault> {
        self.lines.looks.rows(&self.dialect, &statement).await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobRow>, Fault> {
        let rows = self.looked(self.dialect.statement(include_str!("sql/job.sql")).bind(rows::uuid(id))).await?;
        Ok(rows.first().map(rows::job).transpose()?)
    }

    async fn counts(&self) -> Result<Counts, Fault> {
        let mut served: BTreeSet<Arc<str>> = BTreeSet::new();
        for row in &self.looked(self.timed(include_str!("sql/workers.sql"))).await? {
            if row.try_get::<bool, _>(10)? {
                served.extend(worker(row)?.queues.into_iter().map(|(queue, _)| queue));
            }
        }
        let mut counts = Counts::default();
        for row in self.looked(self.timed(include_str!("sql/counts.sql"))).await? {
            let name: &str = row.try_get(0)?;
            let mut queue = QueueCounts { is_paused: row.try_get(1)?, ..QueueCounts::default() };
            for (state, column) in JobState::ALL.into_iter().zip(2..) {
                let count: u64 = rows::bounded(&row, column)?;
                if count > 0 {
                    queue.states.insert(state, count);
                }
                if state.is_waiting() && !served.contains(name) {
                    queue.unserved += count;
                }
            }
            let oldest: Option<i64> = row.try_get(10)?;
            queue.oldest_available = oldest.map(|age| Duration::from_micros(u64::try_from(age).unwrap_or_default()));
            counts.queues.insert(name.to_owned(), queue);
        }
        Ok(counts)
    }

    async fn workers(&self) -> Result<Vec<WorkerRow>, Fault> {
        let rows = self.looked(self.timed(include_str!("sql/workers.sql"))).await?;
        Ok(rows.iter().map(worker).collect::<Result<_, _>>()?)
    }

    /// What an action must know of a job.
    pub(super) async fn find(&self, id: JobId) -> Result<Option<Found>, Fault> {
        let statement = self.dialect.statement(include_str!("sql/find.sql")).bind(rows::uuid(id));
        let rows = self.looked(statement).await?;
        let found = |row: &PgRow| {
            let holder: Option<uuid::Uuid> = row.try_get(3)?;
            Ok(Found {
                state: rows::state(row, 0)?,
                unique_key: row.try_get(2)?,
                holder: holder.map(|holder| JobId::from_u128(holder.as_u128())).filter(|holder| *holder != id),
            })
        };
        rows.first().map(found).transpose().map_err(Fault::Sql)
    }

    async fn cancel(&self, id: JobId) -> Result<JobState, Fault> {
        let texts = self.teller.texts(&[Message::Cancel(id)]);
        let statement = self.timed(include_str!("sql/cancel.sql")).bind(rows::uuid(id)).bind(&*self.teller.channel).bind(texts);
        for _ in 0..TRIES {
            let rows = self.looked(statement.clone()).await?;
            if let Some(row) = rows.first() {
                let state = rows::state(row, 0)?;
                if state == JobState::Running {
                    self.events.tell(&News { cancelled: vec![id], ..News::default() });
                }
                return Ok(state);
            }
            let found = self.find(id).await?.ok_or_else(|| unknown(id))?;
            if found.state.is_terminal() {
                return Err(refused(id, found.state, "only a job that has not ended can be cancelled"));
            }
            // It changed between the two.
        }
        Err(changing(id))
    }

    async fn retry(&self, id: JobId) -> Result<(), Fault> {
        for _ in 0..TRIES {
            if !self.make_available(&[id]).await?.is_empty() {
                return Ok(());
            }
            let found = self.find(id).await?.ok_or_else(|| unknown(id))?;
            if !matches!(found.state, JobState::Failed | JobState::Cancelled) {
                return Err(refused(id, found.state, "only a failed or cancelled job can be retried"));
            }
            if let (Some(key), Some(winner)) = (found.unique_key, found.holder) {
                let text = format!("job {id} cannot be retried while job {winner} has its unique key `{key}`");
                return Err(Fault::Own(Error::new(ErrorKind::Conflict, text)));
            }
        }
        Err(changing(id))
    }

    async fn forget(&self, id: JobId) -> Result<(), Fault> {
        let statement = self.dialect.statement(include_str!("sql/forget.sql")).bind(rows::uuid(id));
        if !self.looked(statement).await?.is_empty() {
            return Ok(());
        }
        let found = self.find(id).await?.ok_or_else(|| unknown(id))?;
        Err(refused(id, found.state, "only a job that has ended can be forgotten"))
    }

    async fn set_paused(&self, queue: &str, is_paused: bool) -> Result<(), Fault> {
        if queue.contains('\0') {
            let text =
                format!("the name `{}` of a queue has the character NUL, which Postgres does not keep", queue.escape_debug());
            return Err(Fault::Own(Error::new(ErrorKind::Invalid, text)));
        }
        let text = if is_paused { include_str!("sql/pause.sql") } else { include_str!("sql/resume.sql") };
        let statement = self.dialect.statement(text).bind(queue).bind(&*self.teller.channel);
        let statement = statement.bind(self.teller.texts(&[Message::Pause]));
        let changed = self.looked(statement).await?;
        let mut news = News {
            paused: changed.first().map(|row| row.try_get::<bool, _>(0)).transpose()?.unwrap_or_default(),
            ..News::default()
        };
        if news.paused && !is_paused {
            news.work.insert(Arc::from(queue));
        }
        self.events.tell(&news);
        Ok(())
    }
}

fn unknown(id: JobId) -> Fault {
    Fault::Own(Error::new(ErrorKind::NotFound, format!("there is no job {id}")))
}

fn changing(id: JobId) -> Fault {
    Fault::Own(Error::new(ErrorKind::Conflict, format!("job {id} changes all the time: try again")))
}

/// The error of an action that does not fit the state of a job.
fn refused(id: JobId, state: JobState, rule: &str) -> Fault {
    Fault::Own(Error::new(ErrorKind::Conflict, format!("job {id} is {state}, and {rule}")))
}

fn worker(row: &PgRow) -> Result<WorkerRow, sqlx::Error> {
    Ok(WorkerRow {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        host: row.try_get(2)?,
        pid: rows::bounded(row, 3)?,
        started_at: rows::time(row.try_get(4)?),
        seen_at: rows::time(row.try_get(5)?),
        queues: rows::json(row.try_get(6)?),
        kinds: Vec::new(),
        running: rows::bounded(row, 7)?,
        lease: Duration::from_micros(rows::bounded(row, 8)?),
        state: WorkerState::of_word(row.try_get(9)?),
    })
}
