//! Looking and acting.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Executor, Row, SqliteConnection};

use super::Sqlite;
use super::acted::Acted;
use super::error::Fault;
use super::list;
use super::push;
use super::retry;
use super::rows;
use super::script::{Answer, Script};
use crate::drivers::{BoxFuture, Counts, Delivery, Inspect, Page, QueueCounts, Retried, Told, WorkerId, WorkerRow, WorkerState};
use crate::error::{Error, ErrorKind};
use crate::job::{Filter, JobId, JobRow, JobState};

impl Inspect for Sqlite {
    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobRow>, Error>> {
        Box::pin(self.read(async move |connection| {
            let row = connection.fetch_optional(sqlx::query(include_str!("sql/job.sql")).bind(rows::bytes(id))).await?;
            Ok(row.as_ref().map(rows::job).transpose()?)
        }))
    }

    fn jobs<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(self.read(async move |connection| list::page(connection, filter).await))
    }

    fn counts(&self) -> BoxFuture<'_, Result<Counts, Error>> {
        Box::pin(self.read(async |connection| {
            let now = self.now();
            let workers = workers(connection).await?;
            let is_alive = |worker: &&WorkerRow| now < rows::micros(worker.seen_at).saturating_add(rows::span(worker.lease));
            let served: BTreeSet<&str> =
                workers.iter().filter(is_alive).flat_map(|worker| &worker.queues).map(|(queue, _)| &**queue).collect();
            let mut counts = Counts::default();
            for row in connection.fetch_all(include_str!("sql/counts.sql")).await? {
                let Some(name) = rows::queue(&row, 0)? else { continue };
                let mut queue = QueueCounts { is_paused: row.try_get(1)?, ..QueueCounts::default() };
                for (state, column) in JobState::ALL.into_iter().zip(2..) {
                    let count: u64 = rows::number(&row, column)?;
                    if count > 0 {
                        queue.states.insert(state, count);
                    }
                    if state.is_waiting() && !served.contains(&*name) {
                        queue.unserved += count;
                    }
                }
                let oldest: Option<i64> = row.try_get(10)?;
                queue.oldest_available = oldest.map(|due| rows::time(now).duration_since(rows::time(due)).unwrap_or_default());
                counts.queues.insert(name.to_string(), queue);
            }
            Ok(counts)
        }))
    }

    fn workers(&self) -> BoxFuture<'_, Result<Vec<WorkerRow>, Error>> {
        Box::pin(self.read(async |connection| workers(connection).await))
    }

    fn tell<'a>(&'a self, _told: Told, _workers: &'a [WorkerId]) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(async { Err(Error::new(ErrorKind::Unsupported, "not here yet")) })
    }

    fn claim(&self, _id: JobId, _worker: WorkerId, _lease: Duration) -> BoxFuture<'_, Result<Delivery, Error>> {
        Box::pin(async { Err(Error::new(ErrorKind::Unsupported, "not here yet")) })
    }

    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<JobState, Error>> {
        Box::pin(self.act(async move |connection, acted| {
            let found = find(connection, id).await?;
            if found.state.is_terminal() {
                return Err(refused(id, found.state, "only a job that has not ended can be cancelled"));
            }
            if found.state == JobState::Running {
                run(connection, include_str!("sql/cancel_running.sql"), None, found.place).await?;
                acted.news.cancelled.push(id);
                return Ok(JobState::Running);
            }
            run(connection, include_str!("sql/cancel_waiting.sql"), Some(acted.now), found.place).await?;
            acted.tally.moved(&found.queue, found.state, JobState::Cancelled);
            Ok(JobState::Cancelled)
        }))
    }

    fn retry(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.act(async move |connection, acted| {
            let found = find(connection, id).await?;
            if !matches!(found.state, JobState::Failed | JobState::Cancelled) {
                return Err(refused(id, found.state, "only a failed or cancelled job can be retried"));
            }
            if let Some(key) = &found.unique_key
                && let Some(winner) = push::holder(connection, key).await?
            {
                let text = format!("job {id} cannot be retried while job {winner} has its unique key `{key}`");
                return Err(Fault::Own(Error::new(ErrorKind::Conflict, text)));
            }
            retry::available(connection, &[found.place], acted.now).await?;
            acted.tally.moved(&found.queue, found.state, JobState::Available);
            acted.news.work.insert(found.queue);
            Ok(())
        }))
    }

    fn retry_all<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Retried, Error>> {
        Box::pin(self.retry_fitting(filter))
    }

    fn forget(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.act(async move |connection, acted| {
            let found = find(connection, id).await?;
            if !found.state.is_terminal() {
                return Err(refused(id, found.state, "only a job that has ended can be forgotten: cancel it first"));
            }
            run(connection, include_str!("sql/forget.sql"), None, found.place).await?;
            acted.tally.add(&found.queue, found.state, -1);
            Ok(())
        }))
    }

    fn pause<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.act(async move |connection, acted| {
            let mut script = Script::default();
            script.add(include_str!("sql/pause.sql")).bind(queue);
            acted.news.paused = script.run(connection).await?.first().is_some_and(|answer| answer.changes > 0);
            Ok(())
        }))
    }

    fn resume<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.act(async move |connection, acted| {
            let mut script = Script::default();
            script.add(include_str!("sql/resume.sql")).bind(queue);
            let answers = script.run(connection).await?;
            if let Some(row) = answers.first().and_then(|answer: &Answer| answer.rows.first()) {
                acted.news.paused = true;
                if row.try_get::<i64, _>(0)? > 0 {
                    acted.news.work.insert(Arc::from(queue));
                }
            }
            Ok(())
        }))
    }
}

impl Sqlite {
    /// Reads, beside whoever writes.
    pub(super) async fn read<T>(&self, read: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Fault>) -> Result<T, Error> {
        // What is read in a file that is gone was true once.
        self.writer.check()?;
        self.told(self.reader.with(read)).await
    }

    /// Acts in a transaction of its own, which is durable before it is answered.
    pub(super) async fn act<T>(
        &self,
        act: impl AsyncFnOnce(&mut SqliteConnection, &mut Acted) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let acted = async {
            let mut transaction = self.writer.durable().await?;
            transaction.begin().await?;
            let mut acted = Acted::at(self.now());
            let answer = transaction.with(async |connection| act(connection, &mut acted).await).await?;
            acted.commit(transaction, &self.events, |_| {}).await?;
            Ok(answer)
        };
        self.told(acted).await
    }
}

/// A job as an action finds it.
struct Found {
    place: i64,
    state: JobState,
    queue: Arc<str>,
    unique_key: Option<String>,
}

async fn find(connection: &mut SqliteConnection, id: JobId) -> Result<Found, Fault> {
    let row = connection.fetch_optional(sqlx::query(include_str!("sql/find.sql")).bind(rows::bytes(id))).await?;
    let unknown = || Fault::Own(Error::new(ErrorKind::NotFound, format!("there is no job {id}")));
    let row = row.ok_or_else(unknown)?;
    let queue = Arc::from(rows::text(&row, 2)?);
    let unique_key = row.try_get::<Option<&[u8]>, _>(3)?.map(|key| String::from_utf8_lossy(key).into_owned());
    Ok(Found { place: row.try_get(0)?, state: rows::state(&row, 1)?, queue, unique_key })
}

/// The error of an action that does not fit the state of a job.
fn refused(id: JobId, state: JobState, rule: &str) -> Fault {
    Fault::Own(Error::new(ErrorKind::Conflict, format!("job {id} is {state}, and {rule}")))
}

/// Runs the statement of an action on a row.
async fn run(connection: &mut SqliteConnection, statement: &str, now: Option<i64>, place: i64) -> Result<(), Fault> {
    let mut script = Script::default();
    script.add(statement);
    if let Some(now) = now {
        script.bind(now);
    }
    script.bind(place);
    script.run(connection).await?;
    Ok(())
}

async fn workers(connection: &mut SqliteConnection) -> Result<Vec<WorkerRow>, Fault> {
    let rows = connection.fetch_all(include_str!("sql/workers.sql")).await?;
    rows.iter()
        .map(|row| {
            let queues: Vec<(Arc<str>, usize)> = rows::json(row.try_get(6)?);
            Ok(WorkerRow {
                id: WorkerId::from_slice(row.try_get(0)?).unwrap_or_default(),
                name: rows::text(row, 1)?.into_owned(),
                host: rows::text(row, 2)?.into_owned(),
                pid: rows::number(row, 3)?,
                started_at: rows::time(row.try_get(4)?),
                seen_at: rows::time(row.try_get(5)?),
                queues,
                kinds: Vec::new(),
                running: rows::number(row, 7)?,
                lease: Duration::from_micros(rows::number(row, 8)?),
                state: WorkerState::of_word(&rows::text(row, 9)?),
            })
        })
        .collect()
}
