//! What a commit does besides its statements: the counts that it keeps, and what those who wait hear of it.

use super::error::Fault;
use super::script::{Answer, Script};
use super::tally::Tally;
use super::writer::Transaction;
use crate::drivers::events::{Events, News};

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

#[cfg(test)]
mod tests {

    use futures_util::FutureExt;

    use crate::drivers::{Driver, Extra, Group, NewJob, Sqlite};

    fn job(queue: &str, unique_key: Option<&str>) -> Group {
        let extra = unique_key.map(|key| Box::new(Extra { unique_key: Some(key.to_owned()), ..Extra::default() }));
        let job = NewJob { extra, ..NewJob::new("Plain", queue, b"{}") };
        Group { jobs: vec![job], tick: None }
    }

    /// At once, and not when the file is looked at next.
    #[test]
    fn a_new_queue_is_told_of_with_its_commit_and_one_that_exists_is_not() {
        let path = std::env::temp_dir().join(format!("queue-acted-{}.db", std::process::id()));
        crate::park::block_on(async {
            let driver = Sqlite::open(&path).await.unwrap();
            // Those of plain jobs are stored in one message, those with a key step by step.
            for (queue, key) in [("plain", [None, None]), ("unique", [Some("1"), Some("2")])] {
                for (key, is_new) in key.into_iter().zip([true, false]) {
                    let listening = driver.events.listen(&[]);
                    assert!(driver.push(&[job(queue, key)]).await[0].is_ok());
                    let heard = listening.now_or_never().is_some_and(|wake| wake.queues);
                    assert_eq!(heard, is_new, "the queue `{queue}`, of the key {key:?}");
                }
            }
            driver.close().await.unwrap();
        });
        std::fs::remove_file(path).unwrap();
    }
}
