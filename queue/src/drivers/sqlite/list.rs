//! Listing jobs, page by page in the order of their ids.

use sqlx::{Executor, Row, SqliteConnection};

use super::error::Fault;
use super::rows;
use crate::drivers::Page;
use crate::job::{Filter, JobRow, JobState};

/// A page of the jobs that fit.
pub(super) async fn page(connection: &mut SqliteConnection, filter: &Filter) -> Result<Page, Fault> {
    let jobs = listed(connection, filter).await?;
    let next = jobs.last().filter(|_| jobs.len() == filter.page()).map(|row| row.id);
    Ok(Page::new(jobs, next))
}

async fn listed(connection: &mut SqliteConnection, filter: &Filter) -> Result<Vec<JobRow>, Fault> {
    let is_indexed = |state: &JobState| matches!(state, JobState::Failed | JobState::Cancelled);
    if filter.states.is_empty() || !filter.states.iter().all(is_indexed) {
        let states: Vec<_> = filter.states.iter().map(|state| state.as_str()).collect();
        return fill(connection, include_str!("sql/jobs.sql"), json(&states), filter).await;
    }
    // The few that failed need not be looked for among all that did not.
    let mut jobs = Vec::new();
    for state in [JobState::Failed, JobState::Cancelled].into_iter().filter(|state| filter.states.contains(state)) {
        jobs.extend(fill(connection, include_str!("sql/jobs_failed.sql"), Some(state.as_str().to_owned()), filter).await?);
    }
    jobs.sort_by_key(|job| job.id);
    jobs.truncate(filter.page());
    Ok(jobs)
}

/// Reads until the page is full. One that a stranger broke cannot be shown, and takes nobody's place.
async fn fill(
    connection: &mut SqliteConnection,
    statement: &'static str,
    states: Option<String>,
    filter: &Filter,
) -> Result<Vec<JobRow>, Fault> {
    let mut jobs = Vec::new();
    let mut after = filter.after.map(rows::bytes).unwrap_or_default();
    loop {
        let left = filter.page() - jobs.len();
        let query = sqlx::query(statement)
            .bind(states.clone())
            .bind(json(&filter.kinds))
            .bind(json(&filter.queues))
            .bind(json(&filter.tags))
            .bind(after)
            .bind(i64::try_from(left).unwrap_or(i64::MAX));
        let rows = connection.fetch_all(query).await?;
        jobs.extend(rows.iter().filter_map(|row| rows::job(row).ok()));
        let Some(last) = rows.last().filter(|_| rows.len() == left && jobs.len() < filter.page()) else { return Ok(jobs) };
        after = last.try_get(0)?;
    }
}

/// A list of a filter as JSON; null where it is empty and so fits all.
pub(super) fn json<T: serde::Serialize>(list: &[T]) -> Option<String> {
    if list.is_empty() { None } else { serde_json::to_string(list).ok() }
}
