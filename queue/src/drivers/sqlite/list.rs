//! Listing and counting jobs: look by look, so that no statement takes longer the more jobs there are.

use sqlx::SqliteConnection;

use super::Sqlite;
use super::error::Fault;
use super::look::{self, BATCH, Look};
use crate::drivers::inspect::MOST_LOOKS;
use crate::drivers::{Count, Page};
use crate::error::Error;
use crate::job::{Filter, JobId};

/// A page of the jobs that fit.
pub(super) async fn page(connection: &mut SqliteConnection, filter: &Filter) -> Result<Page, Fault> {
    let size = filter.page();
    let (mut jobs, mut next) = (Vec::new(), None::<JobId>);
    let looks = look::looks(connection, filter).await?;
    let are_many = looks.len() > 1;
    for look in looks {
        let mut found = 0;
        // One more than there is room for says whether there is another page.
        let take = |job| {
            jobs.push(job);
            found += 1;
            found > size
        };
        let end = look.rows(connection, take, size + 1).await?;
        next = next.into_iter().chain(end).min_by_key(|id| filter.rank(*id));
    }
    if are_many {
        jobs.sort_by_key(|job| filter.rank(job.id));
        // A job that moved while the looks were taken was met twice.
        jobs.dedup_by_key(|job| job.id);
        // What is behind the end of one of them is not known whole.
        jobs.retain(|job| next.is_none_or(|next| filter.rank(job.id) <= filter.rank(next)));
    }
    if jobs.len() > size {
        jobs.truncate(size);
        next = jobs.last().map(|job| job.id);
    }
    Ok(Page::new(jobs, next))
}

impl Sqlite {
    /// How many jobs fit, up to about so many. Who else reads comes in between two looks.
    pub(super) async fn count_fitting(&self, filter: &Filter, most: u64) -> Result<Count, Error> {
        let filter = Filter { after: None, newest_first: false, ..filter.clone() };
        let (mut jobs, mut looked) = (0, 0);
        for mut look in self.read(async |connection| look::looks(connection, &filter).await).await? {
            loop {
                if looked == MOST_LOOKS || (looked > 0 && jobs >= most) {
                    return Ok(Count::new(jobs, false));
                }
                looked += 1;
                let (fitting, end) = self.read(async |connection| counted(connection, &look).await).await?;
                jobs += fitting;
                let Some(end) = end else { break };
                look.go_on_behind(end);
            }
        }
        Ok(Count::new(jobs, true))
    }
}

/// How many jobs one look finds, and where it ended.
async fn counted(connection: &mut SqliteConnection, look: &Look<'_>) -> Result<(u64, Option<JobId>), Fault> {
    if !look.reads_rows() {
        return look.count(connection).await;
    }
    let mut jobs = 0;
    let take = |_| {
        jobs += 1;
        false
    };
    let end = look.rows(connection, take, BATCH).await?;
    Ok((jobs, end))
}
