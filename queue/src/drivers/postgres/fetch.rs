//! Claiming jobs.

use std::sync::Arc;

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::Core;
use super::complete::Completed;
use super::error::Fault;
use super::frontier::Asked;
use super::rows;
use super::statement::Statement;
use super::unreadable::Claimed;
use crate::drivers::{Delivery, FetchRequest, QueueRequest};

impl Core {
    /// Claims, and commits.
    pub(super) async fn claim(self: &Arc<Self>, request: &FetchRequest) -> Result<Vec<Delivery>, Fault> {
        if wanted(request).is_empty() {
            return Ok(Vec::new());
        }
        let Completed { deliveries, .. } = self.complete(&[], Some(request)).await?;
        Ok(deliveries)
    }

    /// What gives back what the worker claimed since a time and does not know of, because the answer was lost: at once, and not only when its lease
    /// has run out.
    pub(super) fn lost(&self, request: &FetchRequest, since: i64) -> Statement {
        // A lease that was given since then ends later.
        let ends = since.saturating_add(rows::span(request.lease));
        self.dialect.statement(include_str!("sql/give_back.sql")).bind(request.worker).bind(since).bind(ends)
    }

    /// Binds what is asked for, or nothing.
    pub(super) fn bind_request(&self, statement: Statement, request: Option<&FetchRequest>, asked: &Asked) -> Statement {
        let queues = request.map(wanted).unwrap_or_default();
        let except = request.map(|request| &request.except[..]).unwrap_or_default();
        let parts = &asked.parts;
        statement
            .bind(queues.iter().map(|wanted| &*wanted.queue).collect::<Vec<&str>>())
            .bind(queues.iter().map(|wanted| limit(wanted.free)).collect::<Vec<i64>>())
            .bind(queues.iter().map(|wanted| limit(wanted.ahead)).collect::<Vec<i64>>())
            .bind(parts.iter().map(|(queue, _)| &**queue).collect::<Vec<&str>>())
            .bind(parts.iter().map(|(_, part)| part.priority).collect::<Vec<i64>>())
            .bind(parts.iter().map(|(_, part)| part.due_at).collect::<Vec<i64>>())
            .bind(parts.iter().map(|(_, part)| part.id).collect::<Vec<Uuid>>())
            .bind(parts.iter().map(|(_, part)| part.below).collect::<Vec<i64>>())
            .bind(except.iter().map(|except| &*except.kind).collect::<Vec<&str>>())
            .bind(except.iter().map(|except| except.from_version.map_or(i64::MIN, i64::from)).collect::<Vec<i64>>())
            .bind(request.map(|request| request.worker).unwrap_or_default())
            .bind(request.map(|request| rows::span(request.lease)).unwrap_or_default())
            .bind(asked.places.clone())
    }

    /// What the statement claimed, by queue and in order.
    pub(super) fn claimed<'r>(&self, rows: impl Iterator<Item = &'r PgRow>, request: &FetchRequest) -> Result<Claimed, Fault> {
        let mut claimed = Claimed::default();
        for row in rows {
            let name: &str = row.try_get(2)?;
            let asked = request.queues.iter().find(|wanted| *wanted.queue == *name);
            let queue = asked.map_or_else(|| Arc::from(name), |wanted| Arc::clone(&wanted.queue));
            let kind = self.names.get(row.try_get(3)?);
            match rows::delivery(row, &queue, kind) {
                Ok(delivery) => claimed.deliveries.push(delivery),
                Err(error) => claimed.refuse(rows::id(row, 1)?, &error),
            }
        }
        claimed.deliveries.sort_by(|one, other| (&one.queue, one.order()).cmp(&(&other.queue, other.order())));
        Ok(claimed)
    }
}

/// The queues that something is asked of.
pub(super) fn wanted(request: &FetchRequest) -> Vec<&QueueRequest> {
    request.queues.iter().filter(|wanted| wanted.free > 0 || wanted.ahead > 0).collect()
}

/// More than there ever are is as many as there are, and two of it still a number.
fn limit(jobs: usize) -> i64 {
    rows::number(jobs).min(i64::MAX / 4)
}
