//! What a commit does besides its statements: the counts that it keeps, and what those who wait hear of it.

use super::error::Fault;
use super::events::{Events, News};
use super::script::{Answer, Script};
use super::tally::Tally;
use super::writer::Transaction;

/// What was done so far in a transaction, at one time.
#[derive(Debug)]
pub(super) struct Acted {
    /// In microseconds since 1970.
    pub(super) now: i64,
    pub(super) tally: Tally,
    pub(super) news: News,
}

impl Acted {
    pub(super) fn at(now: i64) -> Self {
        Self { now, tally: Tally::default(), news: News::default() }
    }

    /// Keeps the counts, runs last statements, commits, and then tells who waits. Answers what the last statements did.
    pub(super) async fn commit(
        mut self,
        transaction: Transaction,
        events: &Events,
        last: impl FnOnce(&mut Script),
    ) -> Result<Vec<Answer>, Fault> {
        let mut script = Script::default();
        self.tally.write(&mut script);
        let is_counted = !script.is_empty();
        if self.news.paused {
            script.add(include_str!("sql/paused.sql"));
        }
        last(&mut script);
        let answers = transaction.finish(script).await?;
        self.news.queues |= is_counted && self.tally.has_birth(answers.first());
        events.tell(&self.news);
        Ok(answers)
    }
}
