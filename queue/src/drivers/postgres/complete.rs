//! The way of most settlements: jobs that completed, together with the next claim in one statement.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::Core;
use super::connection::Session;
use super::error::Fault;
use super::fetch;
use super::frontier::Claim;
use super::rows;
use super::statement::Statement;
use crate::drivers::{Delivery, Exchanged, FetchRequest, Settled, Settlement};
use crate::error::Error;
use crate::job::{JobId, Outcome};

/// What became of the jobs, and what was claimed.
pub(super) struct Completed {
    /// It may fail alone, where some are looked up by a statement of their own.
    pub(super) settled: Result<Vec<Settled>, Fault>,
    pub(super) deliveries: Vec<Delivery>,
}

impl Core {
    /// Settles and claims; where the outcomes are completions, in one commit.
    pub(super) async fn trade(self: &Arc<Self>, settlements: &[Settlement], request: &FetchRequest) -> Exchanged {
        let error = |fault: Fault| fault.into_error(&self.place);
        if is_plain(settlements) {
            return match self.complete(settlements, Some(request)).await {
                Ok(Completed { settled, deliveries }) => {
                    Exchanged { settled: settled.map_err(error), deliveries: Ok(deliveries) }
                }
                Err(fault) => {
                    let fault = error(fault);
                    let again = Error::new(fault.kind(), crate::error::chain(&fault));
                    Exchanged { settled: Err(fault), deliveries: Err(again) }
                }
            };
        }
        // One after the other: what is available again with the first may be claimed by the second.
        let settled = self.end(settlements).await;
        let deliveries = self.claim(request).await;
        Exchanged { settled: settled.map_err(error), deliveries: deliveries.map_err(error) }
    }

    /// Completes and claims, in one statement.
    pub(super) async fn complete(
        self: &Arc<Self>,
        settlements: &[Settlement],
        request: Option<&FetchRequest>,
    ) -> Result<Completed, Fault> {
        let queues = request.map(fetch::wanted).unwrap_or_default();
        let except = request.map(|request| &request.except[..]).unwrap_or_default();
        let asked = self.frontier.ask(&queues, except);
        // Made anew for each try, of which there is mostly one: nothing of it is copied.
        let statement = || {
            let statement = self
                .timed(include_str!("sql/exchange.sql"))
                .bind(settlements.iter().map(|settlement| rows::tid(settlement.lease.place)).collect::<Vec<String>>())
                .bind(settlements.iter().map(|settlement| rows::uuid(settlement.lease.id)).collect::<Vec<Uuid>>())
                .bind(settlements.iter().map(|settlement| rows::token(settlement.lease.token)).collect::<Vec<i64>>())
                .bind(self.settings.keeps_completed);
            self.bind_request(statement, request, &asked)
        };
        let began = Instant::now();
        let mut turn = self.lines.work.turn(&self.dialect).await;
        let claiming = self.doubts.claiming(request.map(|request| request.worker));
        let rows = loop {
            let is_doubted = turn.is_in_doubt() || claiming.is_doubted();
            let lost = request.filter(|_| is_doubted).map(|request| self.lost(request, claiming.since()));
            let done = match turn.session().await {
                Ok(session) => self.exchange_on(session, statement(), lost).await,
                Err(fault) => Err(fault),
            };
            match turn.end(done).await {
                Ok(Some(rows)) => break rows,
                Ok(None) => {}
                Err(fault) => {
                    if !turn.is_in_doubt() {
                        claiming.refused();
                    } else {
                        self.doubt(settlements);
                    }
                    return Err(fault);
                }
            }
        };
        let is_in_doubt = turn.is_in_doubt();
        drop(turn);
        let is_claimed = |row: &&PgRow| row.try_get::<Option<&str>, _>(0).is_ok_and(|place| place.is_some());
        let missed =
            rows.iter().filter(|row| !is_claimed(row)).map(|row| rows::id(row, 1)).collect::<Result<HashSet<JobId>, _>>()?;
        let took = began.elapsed();
        let now = rows.iter().find_map(|row| row.try_get::<Option<i64>, _>(12).ok().flatten());
        claiming.answered(now);
        let deliveries = match request {
            Some(request) => self.readable(request.worker, self.claimed(rows.iter().filter(is_claimed), request)?).await,
            None => Vec::new(),
        };
        self.advance(&Claim { queues: &queues, except, asked: &asked, deliveries: &deliveries, now, took });
        let settled = self.complete_by_id(settlements, missed, is_in_doubt).await;
        if settled.is_err() {
            // Those that were found are stored, and are asked for again with the rest.
            self.doubt(settlements);
        }
        Ok(Completed { settled, deliveries })
    }

    /// Gives back first what an earlier claim brought whose answer was lost.
    async fn exchange_on(
        &self,
        mut session: Session<'_>,
        statement: Statement,
        lost: Option<Statement>,
    ) -> Result<Vec<PgRow>, Fault> {
        if let Some(lost) = lost {
            for row in &session.rows(lost).await? {
                self.frontier.note_places(row.try_get(0)?, vec![row.try_get(1)?]);
            }
        }
        session.rows(statement).await
    }

    /// Of those that did not lie where they lay when they were claimed, because their row was written since, the others are looked up.
    async fn complete_by_id(
        &self,
        settlements: &[Settlement],
        missed: HashSet<JobId>,
        is_in_doubt: bool,
    ) -> Result<Vec<Settled>, Fault> {
        if missed.is_empty() {
            return Ok(vec![Settled::Stored; settlements.len()]);
        }
        let again: Vec<&Settlement> = settlements.iter().filter(|settlement| missed.contains(&settlement.lease.id)).collect();
        if is_in_doubt {
            self.doubts.doubt_leases(again.iter().map(|settlement| (settlement.lease.id, settlement.lease.token)));
        }
        let mut ended = self.end_by_id(&again).await?.into_iter();
        let of_each = |settlement: &Settlement| match missed.contains(&settlement.lease.id) {
            true => ended.next().unwrap_or(Settled::Lost),
            false => Settled::Stored,
        };
        Ok(settlements.iter().map(of_each).collect())
    }
}

/// Whether all are completions, of a job each, without anything to store with them.
pub(super) fn is_plain(settlements: &[Settlement]) -> bool {
    let mut ids = HashSet::with_capacity(settlements.len());
    let is_one = |settlement: &Settlement| settlement.outcome == Outcome::Complete && settlement.follow_ups.is_empty();
    settlements.iter().all(|settlement| is_one(settlement) && ids.insert(settlement.lease.id))
}
