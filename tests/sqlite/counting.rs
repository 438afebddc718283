//! The counts that are kept are those that counting gives.

use std::collections::BTreeMap;

use queue::JobState;
use queue::drivers::Sqlite;
use sqlx::{Executor, Row, SqliteConnection};

use crate::store::Verbs;

/// Counts the rows, and compares that with what the driver says.
pub(crate) async fn check(driver: &Sqlite, stranger: &mut SqliteConnection, what: &str) {
    let kept = driver.inside().counts().await.unwrap();
    let kept: BTreeMap<_, _> =
        kept.queues.into_iter().map(|(name, queue)| (name, queue.states)).filter(|(_, states)| !states.is_empty()).collect();
    assert_eq!(kept, count(stranger).await, "{what}");
}

/// How many rows of each state a queue has.
async fn count(stranger: &mut SqliteConnection) -> BTreeMap<String, BTreeMap<JobState, u64>> {
    let rows = stranger.fetch_all("SELECT queue, state, count(*) FROM queue_jobs GROUP BY queue, state").await.unwrap();
    let mut counts: BTreeMap<String, BTreeMap<JobState, u64>> = BTreeMap::new();
    for row in rows {
        let word: String = row.get(1);
        let state = JobState::ALL.into_iter().find(|state| state.as_str() == word).unwrap();
        counts.entry(row.get(0)).or_default().insert(state, u64::try_from(row.get::<i64, _>(2)).unwrap());
    }
    counts
}
