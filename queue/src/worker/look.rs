//! What the boot check asks of the store.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::drivers::QueueRow;
use crate::error::{Error, ErrorKind, chain};
use crate::job::{Filter, JobState};
use crate::queue::Queue;
use crate::registry::Entry;

use super::shared::Shared;

/// How long a store that is away is waited for.
const STORE_PATIENCE: Duration = Duration::from_secs(120);
/// How many waiting jobs are looked at for kinds that nobody here knows.
const KINDS_LOOKED_AT: usize = 1_000;

/// The queues of the store; a store that is away is waited for.
pub(super) async fn queues(queue: &Queue) -> Result<Vec<QueueRow>, Error> {
    let driver = Arc::clone(queue.driver());
    Shared::on_engine(queue, async move {
        let clock = driver.clock().clone();
        let (until, mut pause, mut is_first) = (clock.now() + STORE_PATIENCE, Duration::from_millis(100), true);
        loop {
            match driver.queues().await {
                Err(error) if error.kind() == ErrorKind::Unavailable && clock.now() < until => {
                    if std::mem::take(&mut is_first) {
                        tracing::warn!(
                            error = chain(&error),
                            "the store is away; the worker waits up to {STORE_PATIENCE:?} for it"
                        );
                    }
                    clock.sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                answer => return answer,
            }
        }
    })
    .await
}

/// What is wrong with the schema.
pub(super) async fn schema(queue: &Queue) -> Result<Option<String>, Error> {
    let driver = Arc::clone(queue.driver());
    Shared::on_engine(queue, async move {
        let Some(migrate) = driver.migrate() else { return Ok(None) };
        let schema = migrate.schema().await?;
        Ok((!schema.is_current()).then(|| {
            format!("the schema of the store has version {} and this program wants {}: migrate it", schema.version, schema.wanted)
        }))
    })
    .await
}

/// Kinds of jobs that wait and that nobody here can run: of a forgotten crate, or renamed without an alias.
pub(super) async fn unknown_kinds(queue: &Queue, entries: &[&'static Entry]) -> BTreeSet<String> {
    let driver = Arc::clone(queue.driver());
    let known: HashSet<&str> = entries.iter().flat_map(|entry| entry.aliases.iter().copied().chain([entry.kind])).collect();
    let looked = Shared::on_engine(queue, async move {
        let Some(inspect) = driver.inspect() else { return Ok(Vec::new()) };
        let waiting = JobState::ALL.into_iter().filter(|state| state.is_waiting());
        let filter = waiting.fold(Filter::new().limit(KINDS_LOOKED_AT), Filter::state);
        Ok(inspect.jobs(&filter).await?.jobs)
    })
    .await;
    looked.unwrap_or_default().into_iter().map(|row| row.kind).filter(|kind| !known.contains(kind.as_str())).collect()
}
