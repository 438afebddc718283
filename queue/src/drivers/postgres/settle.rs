//! Storing how runs ended.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::Core;
use super::complete::{self, Completed};
use super::connection::Session;
use super::error::Fault;
use super::push::{self, Storing};
use super::rows;
use super::statement::Statement;
use crate::drivers::events::News;
use crate::drivers::{NewJob, Settled, Settlement};
use crate::error::{Error, ErrorKind};
use crate::job::{JobId, JobState, Outcome};

impl Core {
    pub(super) async fn end(self: &Arc<Self>, settlements: &[Settlement]) -> Result<Vec<Settled>, Fault> {
        if settlements.is_empty() {
            return Ok(Vec::new());
        }
        if complete::is_plain(settlements) {
            let Completed { settled, .. } = self.complete(settlements, None).await?;
            return settled;
        }
        self.end_by_id(&settlements.iter().collect::<Vec<_>>()).await
    }

    /// Ends runs whose rows are looked up.
    pub(super) async fn end_by_id(&self, settlements: &[&Settlement]) -> Result<Vec<Settled>, Fault> {
        let has_follow_ups = settlements.iter().any(|settlement| !settlement.follow_ups.is_empty());
        let mut turn = self.lines.work.turn(&self.dialect).await;
        let (mut settled, news) = loop {
            let done = match turn.session().await {
                Ok(session) => self.end_on(session, settlements, has_follow_ups).await,
                Err(fault) => Err(fault),
            };
            match turn.end(done).await {
                Ok(Some(ended)) => break ended,
                Ok(None) => {}
                Err(fault) => {
                    if turn.is_in_doubt() {
                        self.doubt(settlements.iter().copied());
                    }
                    return Err(fault);
                }
            }
        };
        let is_in_doubt = turn.is_in_doubt();
        drop(turn);
        self.events.tell(&news);
        self.tell_of_work(&news).await;
        self.resolve_doubts(settlements, &mut settled, is_in_doubt).await?;
        Ok(settled)
    }

    async fn end_on(&self, mut session: Session<'_>, settlements: &[&Settlement], has_follow_ups: bool) -> Result<Ended, Fault> {
        if has_follow_ups {
            session.begin().await?;
        }
        let ended = self.settle_all(&mut session, settlements).await?;
        if has_follow_ups {
            session.commit().await?;
        }
        Ok(ended)
    }

    /// Notes that nobody knows whether these outcomes are stored.
    pub(super) fn doubt<'s>(&self, settlements: impl IntoIterator<Item = &'s Settlement>) {
        self.doubts.doubt_leases(settlements.into_iter().map(|settlement| (settlement.lease.id, settlement.lease.token)));
    }

    /// What was lost as far as this statement goes may have been stored by the one before, whose answer was lost.
    async fn resolve_doubts(&self, settlements: &[&Settlement], settled: &mut [Settled], is_in_doubt: bool) -> Result<(), Fault> {
        let leases = || settlements.iter().map(|settlement| (settlement.lease.id, settlement.lease.token));
        let lost = leases().zip(&*settled).filter(|(_, settled)| **settled == Settled::Lost).map(|(lease, _)| lease);
        let doubted = if is_in_doubt { lost.collect() } else { self.doubts.leases(lost) };
        if !doubted.is_empty() {
            let ids: Vec<Uuid> = doubted.iter().map(|(id, _)| rows::uuid(*id)).collect();
            let tokens: Vec<i64> = doubted.iter().map(|(_, token)| rows::token(*token)).collect();
            let statement = self
                .dialect
                .statement(include_str!("sql/was_settled.sql"))
                .bind(ids)
                .bind(tokens)
                .bind(self.settings.keeps_completed);
            let rows = self.lines.work.rows(&self.dialect, &statement).await?;
            let stored = rows.iter().map(lease).collect::<Result<HashSet<_>, _>>()?;
            for (lease, settled) in leases().zip(settled.iter_mut()) {
                if stored.contains(&lease) {
                    *settled = Settled::Stored;
                }
            }
        }
        self.doubts.clear_leases(leases());
        Ok(())
    }

    /// Ends runs in the transaction of a session, or in one of its own where none is open and no follow-ups are stored with them.
    pub(super) async fn settle_all(&self, session: &mut Session<'_>, settlements: &[&Settlement]) -> Result<Ended, Fault> {
        let (mut settled, mut news) = (vec![Settled::Lost; settlements.len()], News::default());
        // The first one, where several have the lease.
        let mut places: HashMap<(JobId, u64), usize> = HashMap::with_capacity(settlements.len());
        for (place, settlement) in settlements.iter().enumerate() {
            places.entry((settlement.lease.id, settlement.lease.token)).or_insert(place);
        }
        // Twice, because a row that somebody writes at this moment, such as one that cancels, is not met as it was before nor as it is after.
        for _ in 0..2 {
            let mut open: Vec<usize> = places.values().copied().filter(|&place| settled[place] == Settled::Lost).collect();
            if open.is_empty() {
                break;
            }
            open.sort_unstable_by_key(|&place| settlements[place].lease.id);
            let open: Vec<&Settlement> = open.into_iter().map(|place| settlements[place]).collect();
            let statement = settle(self.timed(include_str!("sql/settle.sql")), &open).bind(self.settings.keeps_completed);
            for row in &session.rows(statement).await? {
                if let Some(&place) = places.get(&lease(row)?) {
                    settled[place] = Settled::Stored;
                }
                note(row, &mut news)?;
                if let Some(place) = row.try_get::<Option<&str>, _>(5)? {
                    self.frontier.note_places(row.try_get(2)?, vec![place.to_owned()]);
                }
            }
        }
        let stored = settlements.iter().zip(&settled).filter(|(_, settled)| **settled == Settled::Stored);
        let follow_ups: Vec<&NewJob> = stored.flat_map(|(settlement, _)| &settlement.follow_ups).collect();
        if !follow_ups.is_empty() {
            self.follow(session, &follow_ups, &mut news).await?;
        }
        Ok((settled, news))
    }

    /// Stores the jobs that come with what was settled.
    async fn follow(&self, session: &mut Session<'_>, jobs: &[&NewJob], news: &mut News) -> Result<(), Fault> {
        if let Some(refused) = jobs.iter().find_map(|job| push::refused_job(job)) {
            return Err(Fault::Own(Error::new(ErrorKind::Store, "a follow-up job cannot be stored").with_source(refused)));
        }
        let queues = push::queues(jobs.iter().copied());
        // This process hears it, too: the transaction may be a user's, which commits when he likes.
        let texts = self.teller.texts_of_user(&push::messages(&queues, self.first_due(jobs.iter().copied())));
        let (_, due) = self.store_jobs(session, Storing { jobs, texts: &texts, is_doubted: false }).await?;
        news.queues |= queues.iter().any(|queue| self.queues.is_new(queue));
        news.work.extend(queues);
        if let Some(due) = due {
            news.schedule(due);
        }
        Ok(())
    }
}

/// What became of settlements, and what those who wait hear of it.
pub(super) type Ended = (Vec<Settled>, News);

/// The job and token in the first columns.
fn lease(row: &PgRow) -> Result<(JobId, u64), sqlx::Error> {
    Ok((rows::id(row, 0)?, rows::bounded(row, 1)?))
}

/// What others hear of a row that was settled.
fn note(row: &PgRow, news: &mut News) -> Result<(), sqlx::Error> {
    match rows::state(row, 3)? {
        JobState::Available => {
            news.work.insert(rows::queue(row, 2)?);
        }
        JobState::Scheduled | JobState::Retryable => news.schedule(row.try_get::<Option<i64>, _>(4)?.unwrap_or_default()),
        _ => {}
    }
    Ok(())
}

/// A row of `settle.sql`.
struct Ending {
    state: JobState,
    /// After how long it is due, in microseconds; `None` where it keeps its turn.
    delay: Option<i64>,
    /// A JSON string.
    error: Option<String>,
    is_given_back: bool,
}

fn ending(settlement: &Settlement) -> Ending {
    let later = |delay: Duration, state: JobState| if delay.is_zero() { JobState::Available } else { state };
    let span = |delay: Duration| rows::span(delay).min(i64::MAX / 4);
    let json = |text: &str| serde_json::to_string(text).ok();
    let plain = |state| Ending { state, delay: None, error: None, is_given_back: false };
    match &settlement.outcome {
        Outcome::Complete => plain(JobState::Completed),
        // A failed attempt goes behind those that wait.
        Outcome::Retry { delay, error } => {
            Ending { delay: Some(span(*delay)), error: json(error), ..plain(later(*delay, JobState::Retryable)) }
        }
        Outcome::Fail { error } => Ending { error: json(error), ..plain(JobState::Failed) },
        // What did not end keeps its turn.
        Outcome::Snooze { delay } | Outcome::Release { delay } => Ending {
            delay: (!delay.is_zero()).then(|| span(*delay)),
            is_given_back: true,
            ..plain(later(*delay, JobState::Scheduled))
        },
        Outcome::Cancel { reason } => Ending { error: reason.as_deref().and_then(json), ..plain(JobState::Cancelled) },
    }
}

fn settle(statement: Statement, settlements: &[&Settlement]) -> Statement {
    let endings: Vec<Ending> = settlements.iter().map(|settlement| ending(settlement)).collect();
    statement
        .bind(settlements.iter().map(|settlement| rows::uuid(settlement.lease.id)).collect::<Vec<Uuid>>())
        .bind(settlements.iter().map(|settlement| rows::token(settlement.lease.token)).collect::<Vec<i64>>())
        .bind(endings.iter().map(|ending| ending.state.as_str()).collect::<Vec<&str>>())
        .bind(endings.iter().map(|ending| ending.delay).collect::<Vec<Option<i64>>>())
        .bind(endings.iter().map(|ending| ending.error.as_deref()).collect::<Vec<Option<&str>>>())
        .bind(endings.iter().map(|ending| i64::from(ending.is_given_back)).collect::<Vec<i64>>())
        .bind(endings.iter().map(|ending| !ending.state.is_terminal()).collect::<Vec<bool>>())
}
