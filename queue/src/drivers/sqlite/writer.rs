//! The one connection of a handle that writes, and its transactions.

use std::mem;
use std::path::Path;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::error::Fault;
use super::file::File;
use super::script::{Answer, Script};
use crate::error::{Error, ErrorKind};

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// The death of the process: the file is not synchronised. A claim and a renewal need no more: what takes them away, a power cut,
    /// takes away the worker that holds them.
    Normal,
    /// A power cut: the log is synchronised at each commit.
    Full,
}

/// The connection that writes. Whoever has it is the only writer of this handle; the writers of other handles wait in SQLite.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    file: File,
    /// What a push and a settlement survive.
    durable: Level,
    slot: Arc<Mutex<Slot>>,
}

#[derive(Debug)]
struct Slot {
    /// `None` when it was closed.
    connection: Option<SqliteConnection>,
    /// `None` while it is changed, and where that was dropped half-way.
    level: Option<Level>,
}

impl Writer {
    /// Takes a connection whose level is full.
    pub(super) fn new(connection: SqliteConnection, file: File, durable: Level) -> Self {
        Self { file, durable, slot: Arc::new(Mutex::new(Slot { connection: Some(connection), level: Some(Level::Full) })) }
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Fails when another file lies at the path, or none.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.file.check()
    }

    /// A transaction whose commit survives what the user chose.
    pub(super) async fn durable(&self) -> Result<Transaction, Fault> {
        self.transaction(self.durable).await
    }

    /// A transaction that a power cut may undo.
    pub(super) async fn quick(&self) -> Result<Transaction, Fault> {
        self.transaction(Level::Normal).await
    }

    async fn transaction(&self, level: Level) -> Result<Transaction, Fault> {
        let mut slot = Arc::clone(&self.slot).lock_owned().await;
        // First, because whoever closes the file last takes its log away.
        slot.connection()?;
        self.file.check().map_err(Fault::Own)?;
        slot.go_to(level).await?;
        Ok(Transaction { file: self.file.clone(), slot: Some(slot), stage: Stage::New })
    }

    /// Lets go of the connection, after whoever has it.
    pub(super) async fn close(&self) -> Result<(), sqlx::Error> {
        match self.slot.lock().await.connection.take() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

impl Slot {
    fn connection(&mut self) -> Result<&mut SqliteConnection, Fault> {
        let closed = || Fault::Own(Error::new(ErrorKind::Closed, "the driver was closed"));
        self.connection.as_mut().ok_or_else(closed)
    }

    async fn go_to(&mut self, level: Level) -> Result<(), Fault> {
        let is_there = self.level == Some(level);
        self.connection()?;
        if is_there {
            return Ok(());
        }
        // Not prepared ahead: SQLite obeys this one while it prepares it.
        let pragma = match level {
            Level::Normal => "PRAGMA synchronous = NORMAL",
            Level::Full => "PRAGMA synchronous = FULL",
        };
        self.level = None;
        self.connection()?.execute(sqlx::raw_sql(pragma)).await?;
        self.level = Some(level);
        Ok(())
    }
}

/// A write transaction: it has the lock of the file from its first script on. Dropped, it is rolled back.
#[derive(Debug)]
pub(super) struct Transaction {
    file: File,
    /// `None` when it has ended.
    slot: Option<OwnedMutexGuard<Slot>>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    /// `BEGIN` was sent.
    Begun,
}

const BEGIN: &str = "BEGIN IMMEDIATE";

impl Transaction {
    /// Runs statements. After an error the transaction is over.
    pub(super) async fn run(&mut self, mut script: Script) -> Result<Vec<Answer>, Fault> {
        let is_first = mem::replace(&mut self.stage, Stage::Begun) == Stage::New;
        if is_first {
            script.begin_with(BEGIN);
        }
        let answers = match script.run(self.connection()?).await {
            Ok(answers) => answers,
            Err(error) => {
                self.roll_back().await;
                return Err(error.into());
            }
        };
        Ok(answers.into_iter().skip(usize::from(is_first)).collect())
    }

    /// Runs last statements and commits, in one message.
    pub(super) async fn finish(mut self, mut script: Script) -> Result<Vec<Answer>, Fault> {
        script.add("COMMIT");
        let mut answers = self.run(script).await?;
        answers.pop();
        self.committed()?;
        Ok(answers)
    }

    /// Takes the lock of the file, and whatever time it takes to get it.
    pub(super) async fn begin(&mut self) -> Result<(), Fault> {
        self.run(Script::default()).await.map(|_| ())
    }

    /// Does something step by step, with the lock of the file. After an error the transaction is over.
    pub(super) async fn with<T>(&mut self, act: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.stage == Stage::New {
            self.begin().await?;
        }
        let done = act(self.connection()?).await;
        if done.is_err() {
            self.roll_back().await;
        }
        done
    }

    fn committed(mut self) -> Result<(), Fault> {
        self.slot = None;
        self.file.note_log();
        // Who moved the file away meanwhile took what was just written with it.
        self.file.check().map_err(Fault::Own)
    }

    /// The connection, for statements one by one.
    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, Fault> {
        let ended = || Fault::Own(Error::new(ErrorKind::Store, "the transaction has ended"));
        self.slot.as_mut().ok_or_else(ended)?.connection()
    }

    /// Undoes what it did, and ends it.
    pub(super) async fn roll_back(&mut self) {
        if let Some(slot) = &mut self.slot {
            if self.stage == Stage::Begun {
                roll_back(slot).await;
            }
            self.slot = None;
        }
    }
}

async fn roll_back(slot: &mut Slot) {
    if let Some(connection) = &mut slot.connection {
        // It fails where nothing is open: SQLite has rolled back by itself, or `BEGIN` did not get the lock.
        let _ = connection.execute(AssertSqlSafe("ROLLBACK")).await;
    }
}

impl Drop for Transaction {
    /// Its future was dropped half-way, or it failed. Others wait for the file, so it is rolled back at once, wherever this happens.
    fn drop(&mut self) {
        if self.stage == Stage::New {
            return;
        }
        let Some(mut slot) = self.slot.take() else { return };
        let ended = std::thread::Builder::new()
            .name("queue-sqlite-rollback".to_owned())
            .spawn(move || crate::park::block_on(roll_back(&mut slot)));
        if let Err(error) = ended {
            tracing::error!(%error, "a transaction on a SQLite file could not be rolled back");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Poll;

    use sqlx::ConnectOptions;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;

    /// Polls so many times, and drops.
    async fn poll<T>(future: impl Future<Output = T>, times: u32) -> Option<T> {
        let (mut future, mut left) = (pin!(future), times);
        std::future::poll_fn(|context| {
            left = left.saturating_sub(1);
            match future.as_mut().poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// What SQLite says of the level: 1 is normal, 2 is full.
    async fn level(transaction: Result<Transaction, Fault>) -> i64 {
        use sqlx::Row;
        let mut transaction = transaction.unwrap();
        let connection = transaction.connection().unwrap();
        connection.fetch_one("PRAGMA synchronous").await.unwrap().get(0)
    }

    #[test]
    fn a_push_is_durable_whatever_was_dropped_before_it() {
        let path = std::env::temp_dir().join(format!("queue-writer-{}.db", std::process::id()));
        crate::park::block_on(async {
            let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
            let connection = options.connect().await.unwrap();
            let writer = Writer::new(connection, File::at(path.clone()).unwrap(), Level::Full);
            for polls in 1.. {
                assert_eq!(level(writer.durable().await).await, 2);
                let is_done = poll(writer.quick(), polls).await.is_some();
                assert_eq!(level(writer.durable().await).await, 2, "after {polls} polls of another");
                if is_done {
                    break;
                }
            }
            assert_eq!(level(writer.quick().await).await, 1);
            writer.close().await.unwrap();
        });
        std::fs::remove_file(path).unwrap();
    }
}
