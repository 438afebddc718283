//! Listing jobs, page by page in the order of their ids.

use uuid::Uuid;

use super::Core;
use super::error::Fault;
use super::rows;
use super::statement::Statement;
use crate::drivers::Page;
use crate::job::{Filter, JobRow, JobState};
use sqlx::Row;

impl Core {
    /// A page of the jobs that fit.
    pub(super) async fn page(&self, filter: &Filter) -> Result<Page, Fault> {
        let jobs = self.listed(filter).await?;
        let next = jobs.last().filter(|_| jobs.len() == filter.page()).map(|row| row.id);
        Ok(Page::new(jobs, next))
    }

    async fn listed(&self, filter: &Filter) -> Result<Vec<JobRow>, Fault> {
        let is_indexed = |state: &JobState| matches!(state, JobState::Failed | JobState::Cancelled);
        let is_failed = !filter.states.is_empty() && filter.states.iter().all(is_indexed);
        let mut jobs = Vec::new();
        let mut after = filter.after.map(rows::uuid).unwrap_or_default();
        // Until the page is full: one that a stranger broke cannot be shown, and takes nobody's place.
        loop {
            let left = filter.page() - jobs.len();
            let statement = match is_failed {
                // The few that failed need not be looked for among all that did not.
                true => bind(self.dialect.statement(include_str!("sql/jobs_failed.sql")), filter, after, left),
                false => bind(self.dialect.statement(include_str!("sql/jobs.sql")), filter, after, left)
                    .bind(has(filter, |state| !state.is_terminal()))
                    .bind(has(filter, JobState::is_terminal)),
            };
            let rows = self.looked(statement).await?;
            jobs.extend(rows.iter().filter_map(|row| rows::job(row).ok()));
            let Some(last) = rows.last().filter(|_| rows.len() == left && jobs.len() < filter.page()) else { return Ok(jobs) };
            after = last.try_get(0)?;
        }
    }
}

/// Whether a filter asks for states of a sort.
fn has(filter: &Filter, sort: impl Fn(JobState) -> bool) -> bool {
    filter.states.is_empty() || filter.states.iter().any(|&state| sort(state))
}

fn bind(statement: Statement, filter: &Filter, after: Uuid, left: usize) -> Statement {
    let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
    statement
        .bind(if states.is_empty() { None } else { Some(states) })
        .bind(words(&filter.kinds))
        .bind(words(&filter.queues))
        .bind(words(&filter.tags))
        .bind(after)
        .bind(rows::number(left))
}

/// A list of a filter; null where it is empty and so fits all. What has a NUL fits nothing that is stored.
pub(super) fn words(list: &[String]) -> Option<Vec<String>> {
    if list.is_empty() { None } else { Some(list.iter().filter(|word| !word.contains('\0')).cloned().collect()) }
}
