//! Looking and acting.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Executor, Row, SqliteConnection};

use super::Sqlite;
use super::acted::Acted;
use super::error::Fault;
use super::list;
use super::rows;
use super::script::{Answer, Script};
use super::workers;
use crate::drivers::{
    Action, BoxFuture, Count, Counts, Delivery, Inspect, Page, QueueCounts, Retried, Told, WorkerId, WorkerRow,
};
use crate::error::Error;
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

    fn count<'a>(&'a self, filter: &'a Filter, most: u64) -> BoxFuture<'a, Result<Count, Error>> {
        Box::pin(self.count_fitting(filter, most))
    }

    fn counts(&self) -> BoxFuture<'_, Result<Counts, Error>> {
        Box::pin(self.read(async |connection| {
            let now = self.now();
            let workers = workers::all(connection).await?;
            let is_alive = |worker: &&WorkerRow| worker.is_alive(rows::time(now));
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
        Box::pin(self.read(async |connection| workers::all(connection).await))
    }

    fn tell<'a>(&'a self, told: Told, workers: &'a [WorkerId]) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(self.tell_workers(told, workers))
    }

    fn claim(&self, id: JobId, worker: WorkerId, lease: Duration) -> BoxFuture<'_, Result<Delivery, Error>> {
        Box::pin(self.claim_one(id, worker, lease))
    }

    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<JobState, Error>> {
        Box::pin(self.act_on(Action::Cancel, id))
    }

    fn retry(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.act_on(Action::Retry, id).await.map(|_| ()) })
    }

    fn forget(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.act_on(Action::Forget, id).await.map(|_| ()) })
    }

    fn act<'a>(&'a self, action: Action, ids: &'a [JobId]) -> BoxFuture<'a, Result<Vec<Result<JobState, Error>>, Error>> {
        Box::pin(self.act_on_many(action, ids))
    }

    fn retry_all<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Retried, Error>> {
        Box::pin(self.retry_fitting(filter))
    }

    fn pause<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.acting(async move |connection, acted| {
            let mut script = Script::default();
            script.add(include_str!("sql/pause.sql")).bind(queue);
            acted.news.paused = script.run(connection).await?.first().is_some_and(|answer| answer.changes > 0);
            Ok(())
        }))
    }

    fn resume<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.acting(async move |connection, acted| {
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
    pub(super) async fn acting<T>(
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
