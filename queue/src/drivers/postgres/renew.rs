//! Keeping leases alive, and the rows of workers.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::Core;
use super::error::Fault;
use super::rows;
use crate::drivers::{Renewal, Renewed, Told, WorkerRow};
use crate::job::JobId;

impl Core {
    /// Renews, in one statement.
    pub(super) async fn extend(&self, worker: &WorkerRow, renewals: &[Renewal]) -> Result<Renewed, Fault> {
        let queues: Vec<_> = worker.queues.iter().map(|(queue, slots)| (&**queue, slots)).collect();
        let queues = serde_json::to_string(&queues).unwrap_or_default();
        let kinds: Vec<&str> = worker.kinds.iter().map(|kind| &**kind).collect();
        let progress = |renewal: &Renewal| {
            let said = renewal.progress.as_ref()?;
            serde_json::to_string(&(said.percent, &said.message)).ok()
        };
        let statement = self
            .timed(include_str!("sql/extend.sql"))
            .bind(worker.id)
            .bind(plain(&worker.name))
            .bind(plain(&worker.host))
            .bind(i64::from(worker.pid))
            .bind(rows::micros(worker.started_at))
            .bind(queues)
            .bind(rows::number(worker.running))
            .bind(rows::span(worker.lease))
            .bind(renewals.iter().map(|renewal| rows::uuid(renewal.lease.id)).collect::<Vec<Uuid>>())
            .bind(worker.state.as_str())
            .bind(renewals.iter().map(|renewal| rows::token(renewal.lease.token)).collect::<Vec<i64>>())
            .bind(renewals.iter().map(progress).collect::<Vec<Option<String>>>())
            .bind(serde_json::to_string(&kinds).unwrap_or_default());
        let rows = self.lines.renewals.rows(&self.dialect, &statement).await?;
        renewed(&rows, renewals)
    }
}

/// A name without the one character that Postgres does not keep.
fn plain(name: &str) -> String {
    name.replace('\0', "")
}

fn renewed(rows: &[PgRow], renewals: &[Renewal]) -> Result<Renewed, Fault> {
    let mut renewed = Renewed::default();
    let mut good: HashMap<(JobId, u64), bool> = HashMap::with_capacity(renewals.len());
    for row in rows {
        match row.try_get::<Option<Uuid>, _>(0)? {
            None => renewed.told = row.try_get::<Option<&str>, _>(3)?.and_then(Told::of_word),
            Some(id) => {
                good.insert((JobId::from_u128(id.as_u128()), rows::bounded(row, 1)?), row.try_get(2)?);
            }
        }
    }
    for Renewal { lease, .. } in renewals {
        match good.get(&(lease.id, lease.token)) {
            None => renewed.lost.push(lease.id),
            Some(true) => renewed.cancelled.push(lease.id),
            Some(false) => {}
        }
    }
    Ok(renewed)
}
