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
use crate::drivers::{
    Action, BoxFuture, Count, Counts, Delivery, Inspect, Page, QueueCounts, Retried, Told, WorkerId, WorkerRow,
};
use crate::error::{Error, ErrorKind};
use crate::job::{Filter, JobId, JobRow, JobState};

impl Inspect for Postgres {
    fn job(&self, id: JobId) -> BoxFuture<'_, Result<Option<JobRow>, Error>> {
        Box::pin(async move { self.core.told(self.core.job(id).await) })
    }

    fn jobs<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move { self.core.told(self.core.page(filter).await) })
    }

    fn count<'a>(&'a self, filter: &'a Filter, most: u64) -> BoxFuture<'a, Result<Count, Error>> {
        Box::pin(async move { self.core.told(self.core.number(filter, most).await) })
    }

    fn counts(&self) -> BoxFuture<'_, Result<Counts, Error>> {
        Box::pin(async move { self.core.told(self.core.counts().await) })
    }

    fn workers(&self) -> BoxFuture<'_, Result<Vec<WorkerRow>, Error>> {
        Box::pin(async move { Ok(self.core.told(self.core.heard_of().await)?.into_iter().map(|(worker, _)| worker).collect()) })
    }

    fn tell<'a>(&'a self, told: Told, workers: &'a [WorkerId]) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(async move { self.core.told(self.core.tell_workers(told, workers).await) })
    }

    fn claim(&self, id: JobId, worker: WorkerId, lease: Duration) -> BoxFuture<'_, Result<Delivery, Error>> {
        Box::pin(async move { self.core.told(self.core.claim_one(id, worker, lease).await) })
    }

    fn cancel(&self, id: JobId) -> BoxFuture<'_, Result<JobState, Error>> {
        Box::pin(async move { self.core.act_on(Action::Cancel, id).await })
    }

    fn retry(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.core.act_on(Action::Retry, id).await.map(|_| ()) })
    }

    fn retry_all<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Retried, Error>> {
        Box::pin(self.core.retry_fitting(filter))
    }

    fn forget(&self, id: JobId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.core.act_on(Action::Forget, id).await.map(|_| ()) })
    }

    fn act<'a>(&'a self, action: Action, ids: &'a [JobId]) -> BoxFuture<'a, Result<Vec<Result<JobState, Error>>, Error>> {
        Box::pin(self.core.act_on_many(action, ids))
    }

    fn pause<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.core.told(self.core.set_paused(queue, true).await) })
    }

    fn resume<'a>(&'a self, queue: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.core.told(self.core.set_paused(queue, false).await) })
    }
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
        for (worker, _) in self.heard_of().await?.into_iter().filter(|(_, is_alive)| *is_alive) {
            served.extend(worker.queues.into_iter().map(|(queue, _)| queue));
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
