//! The way of most settlements: jobs that completed under leases that are all good.
//!
//! A statement that tells which rows it changed takes twice the time of one that does not (measured: 5.8 µs a job against 2.6). So here all
//! rows are changed or none, in one message with the next claim and the commit, and where a lease is lost, [`settle`](super::settle) looks
//! at each.

use std::collections::HashSet;

use super::Sqlite;
use super::error::Fault;
use super::fetch;
use super::rows;
use super::script::{MOST_ROWS, Script};
use crate::drivers::{Delivery, FetchRequest, Settled, Settlement};
use crate::job::Outcome;

/// What became of the jobs, and what was claimed.
pub(super) type Completed = (Vec<Settled>, Vec<Delivery>);

impl Sqlite {
    /// Completes and claims in one commit. `None` where this is not the way, or a lease is lost: then nothing was done.
    pub(super) async fn complete_all(
        &self,
        settlements: &[Settlement],
        request: Option<&FetchRequest>,
    ) -> Result<Option<Completed>, Fault> {
        if !is_plain(settlements) {
            return Ok(None);
        }
        let queues = request.map(fetch::wanted).unwrap_or_default();
        let mut script = Script::default();
        let statements = add(&mut script, settlements, self.now());
        if let Some(request) = request {
            self.add_claims(&mut script, request, &queues);
        }
        let answers = match self.writer.durable().await?.finish(script).await {
            Ok(answers) => answers,
            Err(fault) if fault.is_check() => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let claimed = self.claimed(answers.get(statements..).unwrap_or_default(), &queues)?;
        let deliveries = match request {
            Some(request) => self.readable(request.worker, claimed).await,
            None => Vec::new(),
        };
        Ok(Some((vec![Settled::Stored; settlements.len()], deliveries)))
    }
}

/// Whether all are completions, of a job each, without anything to store with them.
fn is_plain(settlements: &[Settlement]) -> bool {
    let mut places = HashSet::with_capacity(settlements.len());
    let is_one = |settlement: &Settlement| settlement.outcome == Outcome::Complete && settlement.follow_ups.is_empty();
    settlements.iter().all(|settlement| is_one(settlement) && places.insert(settlement.lease.place))
}

/// Adds the statements; answers how many.
fn add(script: &mut Script, settlements: &[Settlement], now: i64) -> usize {
    let mut statements = 0;
    for settlements in settlements.chunks(MOST_ROWS) {
        script.add_leases(include_str!("sql/complete_all.sql"), now, settlements.iter().map(|settlement| settlement.lease));
        script.add(include_str!("sql/all_good.sql")).bind(i64::try_from(settlements.len()).unwrap_or(i64::MAX));
        let size = script.add_rows(include_str!("sql/count_completed.sql"), settlements.len());
        for Settlement { lease, .. } in settlements {
            script.bind(rows::place(lease.place));
        }
        script.bind_nulls(size - settlements.len());
        statements += 3;
    }
    statements
}
