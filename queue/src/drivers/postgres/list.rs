//! Listing and counting jobs, look by look: each goes over so many rows at most, however many there are.

use std::collections::HashSet;
use std::sync::LazyLock;

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::Core;
use super::error::Fault;
use super::rows;
use super::statement::Statement;
use crate::drivers::inspect::MOST_LOOKS;
use crate::drivers::{Count, Page};
use crate::job::filter::Bounds;
use crate::job::{Filter, JobId, JobRow, JobState};

/// How many rows one look brings at most where not the statement says which of them fit, because they bring what it is asked of.
const WIDE: usize = 1_000;

/// The other way round.
static NEWEST: LazyLock<String> = LazyLock::new(|| include_str!("sql/jobs.sql").replace("ORDER BY id", "ORDER BY id DESC"));

/// What one look is asked for.
#[derive(Debug, Clone, Copy)]
struct Ask {
    /// So many rows at most.
    rows: usize,
    /// With their payloads.
    is_whole: bool,
}

/// What one look came to.
struct Seen {
    jobs: Vec<JobRow>,
    /// Behind what it looked; `None` at the end.
    next: Option<JobId>,
    /// It went over as many rows as it may, and not only over as many as were asked for.
    is_over: bool,
}

impl Core {
    /// A page of the jobs that fit.
    pub(super) async fn page(&self, filter: &Filter) -> Result<Page, Fault> {
        self.page_of(filter, true).await
    }

    /// The same; the payloads are not read where nobody wants them and the filter does not ask for them.
    pub(super) async fn page_of(&self, filter: &Filter, is_whole: bool) -> Result<Page, Fault> {
        let (size, is_whole) = (filter.page(), is_whole || !filter.args.is_empty());
        let known = self.known(filter).await?;
        let mut filter = filter.clone();
        let mut jobs: Vec<JobRow> = Vec::new();
        // Until the page is full: one that a stranger broke cannot be shown, and takes nobody's place.
        for _ in 0..MOST_LOOKS {
            let left = size - jobs.len();
            let rows = if filter.reads_rows() { WIDE } else { left };
            let Seen { jobs: mut seen, next, is_over } = self.search(&filter, known.as_deref(), Ask { rows, is_whole }).await?;
            let is_cut = seen.len() > left;
            seen.truncate(left);
            jobs.append(&mut seen);
            if is_cut {
                let last = jobs.last().map(|job| job.id);
                return Ok(Page::new(jobs, last));
            }
            if next.is_none() || is_over || jobs.len() == size {
                return Ok(Page::new(jobs, next));
            }
            filter.after = next;
        }
        Ok(Page::new(jobs, filter.after))
    }

    /// How many jobs fit, in some looks.
    pub(super) async fn number(&self, filter: &Filter, most: u64) -> Result<Count, Fault> {
        let mut filter = Filter { after: None, newest_first: false, ..filter.clone() };
        let known = self.known(&filter).await?;
        let mut jobs = 0;
        for _ in 0..MOST_LOOKS {
            let (found, next) = if filter.reads_rows() {
                let ask = Ask { rows: WIDE, is_whole: !filter.args.is_empty() };
                let seen = self.search(&filter, known.as_deref(), ask).await?;
                (seen.jobs.len() as u64, seen.next)
            } else {
                self.counted(&filter, known.as_deref()).await?
            };
            jobs += found;
            let Some(next) = next else { return Ok(Count::new(jobs, true)) };
            if jobs >= most {
                break;
            }
            filter.after = Some(next);
        }
        Ok(Count::new(jobs, false))
    }

    /// The ids of all that can fit, where they are known without going over a table: those that the filter names, or those of the few that run.
    async fn known(&self, filter: &Filter) -> Result<Option<Vec<JobId>>, Fault> {
        if !filter.ids.is_empty() {
            return Ok(Some(filter.ids.clone()));
        }
        if filter.states.is_empty() || filter.states.iter().any(|&state| state != JobState::Running) {
            return Ok(None);
        }
        let statement = self.dialect.statement(include_str!("sql/running.sql")).bind(rows::number(Filter::LOOK));
        let rows = self.looked(statement).await?;
        // Where that are not all of them, they are looked for among the others, in the order of their ids.
        let are_all = rows.len() < Filter::LOOK;
        Ok(are_all.then(|| rows.iter().map(|row| rows::id(row, 0)).collect::<Result<_, _>>()).transpose()?)
    }

    /// Looks once.
    async fn search(&self, filter: &Filter, known: Option<&[JobId]>, ask: Ask) -> Result<Seen, Fault> {
        let nothing = Seen { jobs: Vec::new(), next: None, is_over: false };
        let (rows, end) = match known {
            Some(known) => {
                let Named { ids, next } = Named::of(filter, known);
                if ids.is_empty() {
                    return Ok(nothing);
                }
                let statement = self.fitting(include_str!("sql/jobs_by_id.sql"), filter);
                (self.looked(statement.bind(ids).bind(ask.is_whole).bind(rows::number(ask.rows))).await?, next)
            }
            None => {
                let Some(range) = Range::of(filter) else { return Ok(nothing) };
                let text = if filter.newest_first { NEWEST.as_str() } else { include_str!("sql/jobs.sql") };
                let statement = range.bind(self.fitting(text, filter), filter);
                (self.looked(statement.bind(ask.is_whole).bind(rows::number(ask.rows))).await?, None)
            }
        };
        let mut seen = Seen { next: end, ..nothing };
        for row in &rows {
            // Also those of which the statement cannot say whether they fit.
            seen.jobs.extend(rows::job(row).ok().filter(|job| filter.fits(job)));
            if known.is_none() && row.try_get(20)? {
                // What comes behind may be of another table, and this one was not looked at so far.
                return Ok(Seen { next: Some(rows::id(row, 0)?), is_over: true, ..seen });
            }
        }
        if let Some(last) = rows.last().filter(|_| rows.len() >= ask.rows) {
            seen.next = Some(rows::id(last, 0)?);
        }
        Ok(seen)
    }

    /// Counts in one look; answers where the next one begins, too.
    async fn counted(&self, filter: &Filter, known: Option<&[JobId]>) -> Result<(u64, Option<JobId>), Fault> {
        let count = |rows: &[PgRow], column| rows.first().map_or(Ok(0), |row| rows::bounded(row, column));
        if let Some(known) = known {
            let Named { ids, next } = Named::of(filter, known);
            let rows = self.looked(self.fitting(include_str!("sql/count_by_id.sql"), filter).bind(ids)).await?;
            return Ok((count(&rows, 0)?, next));
        }
        let Some(range) = Range::of(filter) else { return Ok((0, None)) };
        let rows = self.looked(range.bind(self.fitting(include_str!("sql/count.sql"), filter), filter)).await?;
        let reached: Option<Uuid> = rows.first().map_or(Ok(None), |row| row.try_get(0))?;
        Ok((count(&rows, 1)?, reached.map(|id| JobId::from_u128(id.as_u128()))))
    }

    /// A statement with what of a filter it can say by itself.
    fn fitting(&self, text: &'static str, filter: &Filter) -> Statement {
        let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
        self.dialect
            .statement(text)
            .bind(if states.is_empty() { None } else { Some(states) })
            .bind(words(&filter.kinds))
            .bind(words(&filter.queues))
            .bind(words(&filter.tags))
            .bind(words(&filter.not_kinds))
            .bind(words(&filter.not_queues))
            .bind(words(&filter.not_tags))
    }
}

/// Those of the known ids that one look asks for, in the order of the page.
struct Named {
    ids: Vec<Uuid>,
    /// The last of them, where there are more.
    next: Option<JobId>,
}

impl Named {
    fn of(filter: &Filter, known: &[JobId]) -> Self {
        let Some(range) = Range::of(filter) else { return Self { ids: Vec::new(), next: None } };
        let ids: HashSet<Uuid> =
            known.iter().map(|id| rows::uuid(*id)).filter(|id| range.least <= *id && *id <= range.greatest).collect();
        let mut ids: Vec<Uuid> = ids.into_iter().collect();
        ids.sort_unstable();
        if filter.newest_first {
            ids.reverse();
        }
        let is_all = ids.len() <= Filter::LOOK;
        ids.truncate(Filter::LOOK);
        let next = ids.last().filter(|_| !is_all).map(|id| JobId::from_u128(id.as_u128()));
        Self { ids, next }
    }
}

/// The ids among which a page lies, both ends included.
struct Range {
    least: Uuid,
    greatest: Uuid,
}

impl Range {
    /// `None` where there is no such id.
    fn of(filter: &Filter) -> Option<Self> {
        let Bounds { above, below } = filter.bounds();
        let least = above.map_or(Some(0), |id| id.as_u128().checked_add(1))?;
        let greatest = below.map_or(Some(u128::MAX), |id| id.as_u128().checked_sub(1))?;
        (least <= greatest).then(|| Self { least: Uuid::from_u128(least), greatest: Uuid::from_u128(greatest) })
    }

    /// Binds where is looked: how far in each table, and in which. The few that failed or were cancelled need not be looked for among all that
    /// completed: they have an index of their own.
    fn bind(&self, statement: Statement, filter: &Filter) -> Statement {
        let asks = |state: JobState| filter.has_state(state);
        let is_live = JobState::ALL.into_iter().any(|state| !state.is_terminal() && asks(state));
        let is_ended = asks(JobState::Completed);
        let (is_failed, is_cancelled) = (!is_ended && asks(JobState::Failed), !is_ended && asks(JobState::Cancelled));
        // Two looks at one table share what it may go over.
        let ended = if is_failed && is_cancelled { Filter::LOOK / 2 } else { Filter::LOOK };
        statement
            .bind(self.least)
            .bind(self.greatest)
            .bind(rows::number(Filter::LOOK))
            .bind(rows::number(ended))
            .bind(is_live)
            .bind(is_ended)
            .bind(is_failed)
            .bind(is_cancelled)
    }
}

/// A list of a filter; null where it is empty and so says nothing. What has a NUL fits nothing that is stored.
fn words(list: &[String]) -> Option<Vec<String>> {
    if list.is_empty() { None } else { Some(list.iter().filter(|word| !word.contains('\0')).cloned().collect()) }
}
