//! One look for jobs that fit a filter: over a part of a file that does not grow with it.

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Executor, Row, Sqlite, SqliteConnection};

use super::error::Fault;
use super::rows;
use crate::job::filter::Bounds;
use crate::job::{Filter, JobId, JobRow, JobState};

/// How many rows a statement brings at most where they must be read to know which fit.
pub(super) const BATCH: usize = 1_000;

/// Where jobs are looked for.
enum Source {
    /// Among all, in the order of their ids.
    All,
    /// Among those that failed or were cancelled, which have an index of their own.
    Ended(JobState),
    /// Among these, in the order of the page.
    Of(Vec<JobId>),
}

/// A look that is to be taken.
pub(super) struct Look<'a> {
    filter: &'a Filter,
    source: Source,
    /// What is bound for the states.
    states: Option<String>,
    bounds: Bounds,
}

/// The looks that find what fits, in the least parts of the file; their finds are to be put together.
pub(super) async fn looks<'a>(connection: &mut SqliteConnection, filter: &'a Filter) -> Result<Vec<Look<'a>>, Fault> {
    let all = |source| Look::new(filter, source, &filter.states);
    if !filter.ids.is_empty() {
        return Ok(vec![all(Source::Of(filter.ids.clone()))]);
    }
    let is_small = |state: &JobState| matches!(state, JobState::Failed | JobState::Cancelled | JobState::Running);
    if filter.states.is_empty() || !filter.states.iter().all(is_small) {
        return Ok(vec![all(Source::All)]);
    }
    let mut looks = Vec::new();
    for state in JobState::ALL.into_iter().filter(|state| filter.states.contains(state)) {
        let source = match state {
            JobState::Running => match running(connection).await? {
                Some(ids) => Source::Of(ids),
                None => return Ok(vec![all(Source::All)]),
            },
            ended => Source::Ended(ended),
        };
        looks.push(Look::new(filter, source, &[state]));
    }
    Ok(looks)
}

/// The jobs that run; `None` where they are too many for one look.
async fn running(connection: &mut SqliteConnection) -> Result<Option<Vec<JobId>>, Fault> {
    let rows = connection.fetch_all(sqlx::query(include_str!("sql/running.sql")).bind(number(Filter::LOOK + 1))).await?;
    Ok((rows.len() <= Filter::LOOK).then(|| rows.iter().filter_map(|row| rows::id(row, 0).ok()).collect()))
}

impl<'a> Look<'a> {
    fn new(filter: &'a Filter, mut source: Source, states: &[JobState]) -> Self {
        let bounds = filter.bounds();
        if let Source::Of(ids) = &mut source {
            ids.retain(|&id| bounds.has(id));
            ids.sort_unstable();
            ids.dedup();
            if filter.newest_first {
                ids.reverse();
            }
        }
        let states: Vec<_> = states.iter().map(|state| state.as_str()).collect();
        Self { filter, source, states: json(&states), bounds }
    }

    /// Whether it must read the rows to know which fit.
    pub(super) fn reads_rows(&self) -> bool {
        self.filter.reads_rows()
    }

    /// Goes on behind this id, where the last look ended, towards the greatest.
    pub(super) fn go_on_behind(&mut self, end: JobId) {
        if let Source::Of(ids) = &mut self.source {
            ids.drain(..Filter::LOOK.min(ids.len()));
        }
        self.bounds.above = Some(end);
    }

    /// Gives each job that fits, in order, until the taker has enough; so many rows a statement. Answers where the look ended, and `None`
    /// where there is nothing behind it. A row that a stranger broke cannot be shown, and takes nobody's place.
    pub(super) async fn rows(
        &self,
        connection: &mut SqliteConnection,
        mut take: impl FnMut(JobRow) -> bool + Send,
        at_once: usize,
    ) -> Result<Option<JobId>, Fault> {
        let at_once = if self.reads_rows() { BATCH } else { at_once };
        if let Source::Of(ids) = &self.source {
            for ids in ids[..Filter::LOOK.min(ids.len())].chunks(at_once.clamp(100, BATCH)) {
                let rows = connection.fetch_all(self.query(include_str!("sql/jobs_of.sql"), &Span::of(ids))).await?;
                let mut jobs: Vec<JobRow> = self.fitting(&rows).collect();
                jobs.sort_by_key(|job| job.id);
                if self.filter.newest_first {
                    jobs.reverse();
                }
                for job in jobs {
                    let id = job.id;
                    if take(job) {
                        return Ok(Some(id));
                    }
                }
            }
            return Ok(end_of(ids));
        }
        let (mut span, end) = self.span(connection).await?;
        span.most = at_once;
        let statement = match self.source {
            Source::Ended(_) => include_str!("sql/jobs_failed.sql"),
            _ => include_str!("sql/jobs.sql"),
        };
        loop {
            let rows = connection.fetch_all(self.query(statement, &span)).await?;
            for job in self.fitting(&rows) {
                let id = job.id;
                if take(job) {
                    return Ok(Some(id));
                }
            }
            let Some(last) = rows.last().filter(|_| rows.len() == at_once) else { return Ok(end) };
            match self.filter.newest_first {
                true => span.high = last.try_get(0)?,
                false => span.low = behind(last.try_get(0)?),
            }
        }
    }

    /// How many fit, without reading them, and where the look ended.
    pub(super) async fn count(&self, connection: &mut SqliteConnection) -> Result<(u64, Option<JobId>), Fault> {
        if let Source::Of(ids) = &self.source {
            let mut jobs = 0;
            for ids in ids[..Filter::LOOK.min(ids.len())].chunks(BATCH) {
                let row = connection.fetch_one(self.query(include_str!("sql/count_of.sql"), &Span::of(ids))).await?;
                jobs += rows::number::<u64>(&row, 0)?;
            }
            return Ok((jobs, end_of(ids)));
        }
        let (span, end) = self.span(connection).await?;
        let statement = match self.source {
            Source::Ended(_) => include_str!("sql/count_failed.sql"),
            _ => include_str!("sql/count_jobs.sql"),
        };
        let row = connection.fetch_one(self.query(statement, &span)).await?;
        Ok((rows::number(&row, 0)?, end))
    }

    /// What can be read of the rows, and fits.
    fn fitting<'r>(&'r self, rows: &'r [SqliteRow]) -> impl Iterator<Item = JobRow> + 'r {
        let jobs = rows.iter().filter_map(|row| rows::job(row).ok());
        jobs.filter(|job| !self.reads_rows() || self.filter.fits(job))
    }

    /// Which part of the file the look goes over, and where that ends; `None` where there is nothing behind it.
    async fn span(&self, connection: &mut SqliteConnection) -> Result<(Span, Option<JobId>), Fault> {
        let above = self.bounds.above.map(|above| behind(rows::bytes(above)));
        // Greater than any id.
        let below = self.bounds.below.map_or_else(|| vec![0xff; 17], rows::bytes);
        let mut span = Span { low: above.unwrap_or_default(), high: below, most: Filter::LOOK, ids: None };
        let statement = match self.source {
            Source::Ended(_) => include_str!("sql/next_failed.sql"),
            _ => include_str!("sql/next_jobs.sql"),
        };
        let Some(next) = connection.fetch_optional(self.query(statement, &span)).await? else { return Ok((span, None)) };
        let next = rows::id(&next, 0)?;
        Ok(match self.filter.newest_first {
            true => {
                span.low = behind(rows::bytes(next));
                (span, Some(JobId::from_u128(next.as_u128().saturating_add(1))))
            }
            false => {
                span.high = rows::bytes(next);
                (span, Some(JobId::from_u128(next.as_u128().saturating_sub(1))))
            }
        })
    }

    /// A statement, in the direction of the page, with all that any of them is given.
    fn query<'q>(&self, statement: &str, span: &Span) -> Query<'q, Sqlite, SqliteArguments> {
        let mut statement = statement.replace("/* fits */", include_str!("sql/fits.sql").trim_end());
        if self.filter.newest_first {
            statement = statement.replace("ORDER BY id", "ORDER BY id DESC");
        }
        let state = match self.source {
            Source::Ended(state) => Some(state.as_str()),
            _ => None,
        };
        let filter = self.filter;
        sqlx::query(AssertSqlSafe(statement))
            .bind(span.low.clone())
            .bind(span.high.clone())
            .bind(number(span.most))
            .bind(state)
            .bind(span.ids.clone())
            .bind(self.states.clone())
            .bind(json(&filter.kinds))
            .bind(json(&filter.queues))
            .bind(json(&filter.tags))
            .bind(json(&filter.not_kinds))
            .bind(json(&filter.not_queues))
            .bind(json(&filter.not_tags))
    }
}

/// From which id on and up to which a statement reads, at most so many rows, or which ids.
struct Span {
    low: Vec<u8>,
    high: Vec<u8>,
    most: usize,
    ids: Option<String>,
}

impl Span {
    fn of(ids: &[JobId]) -> Self {
        Self { low: Vec::new(), high: Vec::new(), most: 0, ids: Some(rows::hex(ids)) }
    }
}

/// Where a look over these ids ends; `None` where that is with the last of them.
fn end_of(ids: &[JobId]) -> Option<JobId> {
    ids.get(Filter::LOOK).and_then(|_| ids.get(Filter::LOOK - 1)).copied()
}

/// The least bytes that are greater.
fn behind(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(0);
    bytes
}

fn number(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A list of a filter as JSON; null where it is empty and so fits all.
fn json<T: serde::Serialize>(list: &[T]) -> Option<String> {
    if list.is_empty() { None } else { serde_json::to_string(list).ok() }
}
