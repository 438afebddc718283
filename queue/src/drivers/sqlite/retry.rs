//! Trying ended jobs again, many in one commit.

use std::collections::HashSet;
use std::sync::Arc;

use sqlx::{Row, SqliteConnection};

use super::Sqlite;
use super::acted::Acted;
use super::error::Fault;
use super::list;
use super::rows;
use super::script::Script;
use crate::drivers::Retried;
use crate::error::Error;
use crate::job::{Filter, JobId, JobState};

/// How many jobs are retried in one commit: whoever else writes waits for as long.
const BATCH: i64 = 500;

/// Which ended jobs are retried.
struct Wanted<'a> {
    filter: &'a Filter,
    state: JobState,
    /// Nothing that ends from now on, so that a job which fails again at once is not retried for ever.
    until: i64,
    /// Nothing up to this end and place, which was looked at.
    behind: (i64, i64),
}

/// What a commit did.
#[derive(Default)]
struct Batch {
    retried: u64,
    refused: Vec<JobId>,
    /// The end and place of the last one that was looked at; `None` where nothing was left.
    last: Option<(i64, i64)>,
}

impl Sqlite {
    /// Retries all that a filter fits.
    pub(super) async fn retry_fitting(&self, filter: &Filter) -> Result<Retried, Error> {
        let mut done = Retried::default();
        let Some(filter) = filter.for_retry() else { return Ok(done) };
        let until = self.now();
        for &state in &filter.states {
            let mut wanted = Wanted { filter: &filter, state, until, behind: (i64::MIN, 0) };
            loop {
                let batch = self.act(async |connection, acted| retry(connection, &wanted, acted).await).await?;
                done.retried += batch.retried;
                done.refused.extend(batch.refused);
                let Some(last) = batch.last else { break };
                wanted.behind = last;
            }
        }
        done.refused.sort_unstable();
        Ok(done)
    }
}

async fn retry(connection: &mut SqliteConnection, wanted: &Wanted<'_>, acted: &mut Acted) -> Result<Batch, Fault> {
    let mut script = Script::default();
    script.add(include_str!("sql/ended.sql"));
    let Wanted { filter, state, until, behind } = *wanted;
    script.bind(state.as_str()).bind(behind.0).bind(behind.1).bind(until);
    for words in [&filter.kinds, &filter.queues, &filter.tags].map(|words| list::json(words)) {
        script.bind(words.clone()).bind(words);
    }
    script.bind(BATCH);
    let ended = script.run(connection).await?.pop().unwrap_or_default().rows;
    let places: Vec<i64> = ended.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let retried = available(connection, &places, acted.now).await?;

    let mut batch = Batch::default();
    for (row, place) in ended.iter().zip(places) {
        batch.last = Some((row.try_get(3)?, place));
        if !retried.contains(&place) {
            batch.refused.push(rows::id(row, 1)?);
            continue;
        }
        batch.retried += 1;
        let queue = Arc::from(row.try_get::<&str, _>(2)?);
        acted.tally.moved(&queue, state, JobState::Available);
        acted.news.work.insert(queue);
    }
    Ok(batch)
}

/// Makes ended jobs available by their places; answers which: not those whose unique key is taken.
pub(super) async fn available(connection: &mut SqliteConnection, places: &[i64], now: i64) -> Result<HashSet<i64>, Fault> {
    if places.is_empty() {
        return Ok(HashSet::new());
    }
    let mut script = Script::default();
    script.add(include_str!("sql/retry.sql")).bind(now).bind(serde_json::to_string(places).unwrap_or_default());
    let answers = script.run(connection).await?;
    let rows = answers.iter().flat_map(|answer| &answer.rows);
    Ok(rows.map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}
