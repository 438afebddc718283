//! Storing how runs ended.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::{Row, SqliteConnection};

use super::Sqlite;
use super::acted::Acted;
use super::complete::Completed;
use super::error::Fault;
use super::fetch;
use super::push;
use super::rows;
use super::script::{Answer, MOST_ROWS, Script};
use crate::drivers::{Delivery, Exchanged, FetchRequest, NewJob, Settled, Settlement};
use crate::error::Error;
use crate::job::{JobId, JobState, Outcome};

impl Sqlite {
    pub(super) async fn end(&self, settlements: &[Settlement]) -> Result<Vec<Settled>, Fault> {
        if let Some((settled, _)) = self.complete_all(settlements, None).await? {
            return Ok(settled);
        }
        self.end_and_claim(settlements, None).await.map(|(settled, _)| settled)
    }

    /// Settles and claims in one commit; where that fails, each alone.
    pub(super) async fn trade(&self, settlements: &[Settlement], request: &FetchRequest) -> Exchanged {
        let error = |fault: Fault| self.in_words(fault);
        // Whoever leaves jobs alone looks at the queues step by step.
        if !settlements.is_empty() && request.except.is_empty() {
            match self.end_and_claim_in_one(settlements, request).await {
                Ok((settled, deliveries)) => return Exchanged { settled: Ok(settled), deliveries: Ok(deliveries) },
                // The file is not to be had, and a second try would only hold up the renewals.
                Err(fault) if fault.is_away() => {
                    let fault = error(fault);
                    let again = Error::new(fault.kind(), crate::error::chain(&fault));
                    return Exchanged { settled: Err(fault), deliveries: Err(again) };
                }
                Err(_) => {}
            }
        }
        let settled = if settlements.is_empty() { Ok(Vec::new()) } else { self.end(settlements).await };
        let deliveries = self.claim(request).await;
        Exchanged { settled: settled.map_err(error), deliveries: deliveries.map_err(error) }
    }

    async fn end_and_claim_in_one(&self, settlements: &[Settlement], request: &FetchRequest) -> Result<Completed, Fault> {
        match self.complete_all(settlements, Some(request)).await? {
            Some(completed) => Ok(completed),
            None => self.end_and_claim(settlements, Some(request)).await,
        }
    }

    async fn end_and_claim(
        &self,
        settlements: &[Settlement],
        request: Option<&FetchRequest>,
    ) -> Result<(Vec<Settled>, Vec<Delivery>), Fault> {
        let mut acted = Acted::at(self.now());
        let queues = request.map(fetch::wanted).unwrap_or_default();
        let mut ending = Ending::new(settlements);
        let mut transaction = self.writer.durable().await?;
        let mut script = Script::default();
        let statements = ending.add(&mut script, acted.now);
        if settlements.iter().any(|settlement| !settlement.follow_ups.is_empty()) {
            // They come after what ends, and may be claimed in the same exchange.
            ending.read(&transaction.run(std::mem::take(&mut script)).await?, &mut acted)?;
            let (follow_ups, acted) = (ending.follow_ups(), &mut acted);
            transaction.with(async |connection| push::store(connection, &follow_ups, acted).await).await?;
        }
        let statements = if script.is_empty() { 0 } else { statements };
        if let Some(request) = request {
            self.add_claims(&mut script, request, &queues);
        }
        let answers = transaction.run(script).await?;
        let (ended, claimed) = answers.split_at(statements.min(answers.len()));
        ending.read(ended, &mut acted)?;
        let claimed = self.claimed(claimed, &queues)?;
        acted.commit(transaction, &self.events, |_| {}).await?;
        let deliveries = match request {
            Some(request) => self.readable(request.worker, claimed).await,
            None => Vec::new(),
        };
        Ok((ending.settled, deliveries))
    }
}

/// Settles in a transaction of a user, which is open.
pub(super) async fn in_transaction(
    connection: &mut SqliteConnection,
    settlements: &[Settlement],
    now: i64,
) -> Result<Vec<Settled>, Fault> {
    let mut acted = Acted::at(now);
    let mut ending = Ending::new(settlements);
    let mut script = Script::default();
    ending.add(&mut script, now);
    let answers = script.run(connection).await?;
    ending.read(&answers, &mut acted)?;
    push::store(connection, &ending.follow_ups(), &mut acted).await?;
    let mut script = Script::default();
    acted.tally.write(&mut script);
    script.run(connection).await?;
    Ok(ending.settled)
}

/// Settlements on their way, and what became of each.
struct Ending<'a> {
    settlements: &'a [Settlement],
    settled: Vec<Settled>,
    /// Which settlement each lease is: the first one, where several have it.
    places: HashMap<(JobId, u64), usize>,
}

impl<'a> Ending<'a> {
    fn new(settlements: &'a [Settlement]) -> Self {
        let mut places = HashMap::with_capacity(settlements.len());
        for (place, settlement) in settlements.iter().enumerate() {
            places.entry((settlement.lease.id, settlement.lease.token)).or_insert(place);
        }
        Self { settlements, settled: vec![Settled::Lost; settlements.len()], places }
    }

    /// Adds the statements; answers how many.
    fn add(&self, script: &mut Script, now: i64) -> usize {
        let first = |(place, settlement): &(usize, &Settlement)| {
            self.places.get(&(settlement.lease.id, settlement.lease.token)) == Some(place)
        };
        let of_each = self.settlements.iter().enumerate().filter(first).map(|(_, settlement)| settlement);
        let (completed, others): (Vec<_>, Vec<_>) = of_each.partition(|settlement| settlement.outcome == Outcome::Complete);
        let mut statements = 0;
        for completed in completed.chunks(MOST_ROWS) {
            script.add_leases(include_str!("sql/complete.sql"), now, completed.iter().map(|settlement| settlement.lease));
            statements += 1;
        }
        if !others.is_empty() {
            let rows: Vec<_> = others.into_iter().map(|settlement| row(settlement, now)).collect();
            script.add(include_str!("sql/settle.sql")).bind(now).bind(serde_json::to_string(&rows).unwrap_or_default());
            statements += 1;
        }
        statements
    }

    /// Reads what the statements answered.
    fn read(&mut self, answers: &[Answer], acted: &mut Acted) -> Result<(), Fault> {
        let Acted { tally, news, .. } = acted;
        let mut queue: Arc<str> = Arc::default();
        for row in answers.iter().flat_map(|answer| &answer.rows) {
            let lease = (rows::id(row, 0)?, rows::number(row, 1)?);
            if let Some(&place) = self.places.get(&lease) {
                self.settled[place] = Settled::Stored;
            }
            let name: &str = row.try_get(2)?;
            if *queue != *name {
                queue = Arc::from(name);
            }
            let state = if row.len() > 3 { rows::state(row, 3)? } else { JobState::Completed };
            tally.moved(&queue, JobState::Running, state);
            match state {
                JobState::Available => {
                    news.work.insert(Arc::clone(&queue));
                }
                JobState::Scheduled | JobState::Retryable => news.schedule(row.try_get(4)?),
                _ => {}
            }
        }
        Ok(())
    }

    /// The jobs that come with what was stored.
    fn follow_ups(&self) -> Vec<&'a NewJob> {
        let stored = self.settlements.iter().zip(&self.settled).filter(|(_, settled)| **settled == Settled::Stored);
        stored.flat_map(|(settlement, _)| &settlement.follow_ups).collect()
    }
}

/// A row of `settle.sql`: place, id, token, state, when due, error, whether the attempt is given back, whether the job runs again.
type Row8<'a> = (i64, String, i64, &'static str, Option<i64>, Option<&'a str>, bool, bool);

fn row(settlement: &Settlement, now: i64) -> Row8<'_> {
    let lease = settlement.lease;
    let after = |delay: std::time::Duration| now.saturating_add(rows::span(delay));
    let later = |delay: std::time::Duration, state: JobState| if delay.is_zero() { JobState::Available } else { state };
    let (state, due, error, gives_back) = match &settlement.outcome {
        Outcome::Complete => (JobState::Completed, None, None, false),
        Outcome::Retry { delay, error } => {
            // A failed attempt goes behind those that wait.
            (later(*delay, JobState::Retryable), Some(after(*delay)), Some(error.as_str()), false)
        }
        Outcome::Fail { error } => (JobState::Failed, None, Some(error.as_str()), false),
        Outcome::Snooze { delay } | Outcome::Release { delay } => {
            // What did not end keeps its turn.
            let due = (!delay.is_zero()).then(|| after(*delay));
            (later(*delay, JobState::Scheduled), due, None, true)
        }
        Outcome::Cancel { reason } => (JobState::Cancelled, None, reason.as_deref(), false),
    };
    let id = format!("{:032x}", lease.id.as_u128());
    (rows::place(lease.place), id, rows::place(lease.token), state.as_str(), due, error, gives_back, !state.is_terminal())
}
