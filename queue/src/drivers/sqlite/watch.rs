//! What other processes do to the file, seen by looking at it every 20 ms.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{Executor, Row, SqliteConnection};

use super::error::Fault;
use super::file::File;
use super::reader::Reader;
use super::rows;
use crate::drivers::Wake;
use crate::job::JobId;

/// How long news from another process may take.
pub(super) const POLL: Duration = Duration::from_millis(20);

/// For how long nobody may have written to the file before a look at its log is enough. What is written is seen once it is on the disk, which
/// takes a while; and to look at the log makes the next commit slower, as [`Identity`](super::identity::Identity) says.
const REST: Duration = Duration::from_secs(1);

/// After how many looks at the log the file is looked at all the same.
const LOOKS: usize = 10;

/// Looks at the file. The first look at each change of the file is a few index searches, and one without a change is a pragma.
#[derive(Debug)]
pub(super) struct Watch {
    reader: Reader,
    file: File,
    seen: Mutex<Seen>,
}

/// What the file looked like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// `PRAGMA data_version`: another number at each commit of another connection.
    version: i64,
    /// The number of the newest queue.
    newest: i64,
    /// How often a queue was paused or resumed.
    pauses: i64,
    /// When the next scheduled job is due.
    due: Option<i64>,
    /// Running jobs that shall be cancelled.
    cancelled: BTreeSet<JobId>,
}

impl Watch {
    pub(super) async fn open(reader: Reader, file: File) -> Result<Self, Fault> {
        let seen = reader.with(look).await?;
        Ok(Self { reader, file, seen: Mutex::new(seen) })
    }

    /// What was seen last: whatever differs from it happened since, or was not told to anybody.
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks every 20 ms until something differs from what was seen. Needs a runtime with time. Cancel safe.
    pub(super) async fn news(&self, since: Seen, queues: &[Arc<str>]) -> Result<Wake, Fault> {
        let mut since = since;
        let (mut at_rest, mut looks, mut changed) = (None, 0, Instant::now());
        loop {
            tokio::time::sleep(POLL).await;
            self.file.check().map_err(Fault::Own)?;
            // Before the look at the file: what is written in between is found at the next one. A look at the log asks no other thread, which
            // is what most of an idle worker's time goes to.
            let log = if changed.elapsed() > REST { self.file.log() } else { None };
            looks += 1;
            if looks < LOOKS && log.is_some() && log == at_rest {
                continue;
            }
            looks = 0;
            at_rest = log.filter(|log| log.rests_for(REST));
            let (now, has_work) = self.reader.with(async |connection| news(connection, since.version, queues).await).await?;
            let Some(now) = now else { continue };
            changed = Instant::now();
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = now.clone();
            let wake = Wake {
                work: has_work,
                queues: now.newest != since.newest,
                cancelled: now.cancelled.difference(&since.cancelled).copied().collect(),
                paused: now.pauses != since.pauses,
                scheduled: now.due.is_some_and(|due| since.due.is_none_or(|before| due < before)),
            };
            if wake.work || wake.queues || wake.paused || wake.scheduled || !wake.cancelled.is_empty() {
                return Ok(wake);
            }
            since = now;
        }
    }

    pub(super) async fn close(&self) -> Result<(), sqlx::Error> {
        self.reader.close().await
    }
}

/// What the file looks like, if it changed, and whether something can be fetched from these queues.
async fn news(connection: &mut SqliteConnection, version: i64, queues: &[Arc<str>]) -> Result<(Option<Seen>, bool), Fault> {
    let is_same = data_version(connection).await? == version;
    if is_same {
        return Ok((None, false));
    }
    let seen = look(connection).await?;
    let names = serde_json::to_string(queues).unwrap_or_default();
    let row = connection.fetch_one(sqlx::query(include_str!("sql/has_work.sql")).bind(names)).await?;
    Ok((Some(seen), row.try_get(0)?))
}

async fn data_version(connection: &mut SqliteConnection) -> Result<i64, Fault> {
    // As a query, which is prepared once.
    Ok(connection.fetch_one(sqlx::query("PRAGMA data_version")).await?.try_get(0)?)
}

async fn look(connection: &mut SqliteConnection) -> Result<Seen, Fault> {
    // The version first: what changes between the two looks is then looked at once more.
    let version = data_version(connection).await?;
    let row = connection.fetch_one(include_str!("sql/look.sql")).await?;
    let cancelled = connection.fetch_all(include_str!("sql/look_cancelled.sql")).await?;
    Ok(Seen {
        version,
        newest: row.try_get(0)?,
        pauses: row.try_get(1)?,
        due: row.try_get(2)?,
        // One that is no id is a stranger's, and nobody runs it.
        cancelled: cancelled.iter().filter_map(|row| rows::id(row, 0).ok()).collect(),
    })
}
