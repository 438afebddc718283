//! Claiming jobs.

use std::sync::Arc;

use sqlx::Row;

use super::Sqlite;
use super::error::Fault;
use super::rows;
use super::script::{Answer, Script};
use super::unreadable::Claimed;
use super::writer::Transaction;
use crate::drivers::events::News;
use crate::drivers::{Delivery, FetchRequest, QueueRequest};

/// How many of the first jobs of a queue are looked at for those that are left alone, beyond those that are asked for.
const WINDOW: usize = 1_000;
/// How often at most in one fetch. What is behind is looked at by the next, which is called for at once.
const ROUNDS: usize = 20;

impl Sqlite {
    /// Claims, and commits. What it writes may go in a power cut, with the worker that holds it.
    pub(super) async fn claim(&self, request: &FetchRequest) -> Result<Vec<Delivery>, Fault> {
        let queues = wanted(request);
        if queues.is_empty() {
            return Ok(Vec::new());
        }
        let transaction = self.writer.quick().await?;
        if !request.except.is_empty() {
            return self.claim_selectively(transaction, request, &queues).await;
        }
        let mut script = Script::default();
        self.add_claims(&mut script, request, &queues);
        let claimed = self.claimed(&transaction.finish(script).await?, &queues)?;
        Ok(self.readable(request.worker, claimed).await)
    }

    /// Adds the statements that claim from each queue.
    pub(super) fn add_claims(&self, script: &mut Script, request: &FetchRequest, queues: &[&QueueRequest]) {
        for wanted in queues {
            script.add(include_str!("sql/unpark.sql")).bind(Arc::clone(&wanted.queue)).bind("[]");
            script
                .add(include_str!("sql/claim.sql"))
                .bind(Arc::clone(&wanted.queue))
                .bind(limit(wanted.free))
                .bind(limit(wanted.ahead));
            self.bind_lease(script, request);
            script.add(include_str!("sql/count_claimed.sql")).bind(Arc::clone(&wanted.queue));
        }
    }

    fn bind_lease(&self, script: &mut Script, request: &FetchRequest) {
        let now = self.now();
        script.bind(request.worker.as_bytes().to_vec()).bind(now).bind(now.saturating_add(rows::span(request.lease)));
    }

    /// What the statements of [`add_claims`](Self::add_claims) answered: those that claim answer with rows.
    pub(super) fn claimed(&self, answers: &[Answer], queues: &[&QueueRequest]) -> Result<Claimed, Fault> {
        let mut claimed = Claimed::default();
        for (answers, wanted) in answers.chunks(answers.len().div_ceil(queues.len().max(1)).max(1)).zip(queues) {
            let from = claimed.deliveries.len();
            for row in answers.iter().flat_map(|answer| &answer.rows) {
                let kind = rows::kind(row, 2).map(|kind| self.kinds.get(kind));
                match kind.and_then(|kind| rows::delivery(row, &wanted.queue, kind)) {
                    Ok(delivery) => claimed.deliveries.push(delivery),
                    Err(error) => claimed.refuse(row.try_get(0)?, &error),
                }
            }
            claimed.deliveries[from..].sort_by_key(Delivery::order);
        }
        Ok(claimed)
    }

    /// Claims what is not left alone. What is met at the head of a queue and left alone is set aside first, so that however many such jobs
    /// wait, they are passed over once and not at each fetch.
    async fn claim_selectively(
        &self,
        mut transaction: Transaction,
        request: &FetchRequest,
        queues: &[&QueueRequest],
    ) -> Result<Vec<Delivery>, Fault> {
        let except = except(request);
        let mut claimed = Claimed::default();
        let mut news = News::default();
        for wanted in queues {
            let mut script = Script::default();
            script.add(include_str!("sql/unpark.sql")).bind(Arc::clone(&wanted.queue)).bind(except.clone());
            transaction.run(script).await?;
            let mut rounds = 0;
            while park(&mut transaction, wanted, &except).await? > WINDOW as u64 {
                rounds += 1;
                if rounds == ROUNDS {
                    news.work.insert(Arc::clone(&wanted.queue));
                    break;
                }
            }
            if news.work.contains(&wanted.queue) {
                continue;
            }
            let mut script = Script::default();
            script.add(include_str!("sql/claim_except.sql")).bind(Arc::clone(&wanted.queue));
            script.bind(limit(wanted.free)).bind(limit(wanted.ahead)).bind(except.clone());
            self.bind_lease(&mut script, request);
            script.add(include_str!("sql/count_claimed.sql")).bind(Arc::clone(&wanted.queue));
            claimed.add(self.claimed(&transaction.run(script).await?, &[wanted])?);
        }
        transaction.finish(Script::default()).await?;
        self.events.tell(&news);
        Ok(self.readable(request.worker, claimed).await)
    }
}

/// Sets aside what is left alone among the first jobs of a queue; answers how many that were.
async fn park(transaction: &mut Transaction, wanted: &QueueRequest, except: &str) -> Result<u64, Fault> {
    let window = wanted.free.saturating_add(wanted.ahead).saturating_add(WINDOW);
    let mut script = Script::default();
    script.add(include_str!("sql/park.sql")).bind(Arc::clone(&wanted.queue)).bind(limit(window)).bind(except);
    Ok(transaction.run(script).await?.first().map_or(0, |answer| answer.changes))
}

/// The queues that something is asked of.
pub(super) fn wanted(request: &FetchRequest) -> Vec<&QueueRequest> {
    request.queues.iter().filter(|wanted| wanted.free > 0 || wanted.ahead > 0).collect()
}

fn limit(jobs: usize) -> i64 {
    i64::try_from(jobs).unwrap_or(i64::MAX)
}

/// What is left alone, as the statements read it.
fn except(request: &FetchRequest) -> String {
    let except: Vec<_> = request.except.iter().map(|except| (&*except.kind, except.from_version)).collect();
    serde_json::to_string(&except).unwrap_or_default()
}
