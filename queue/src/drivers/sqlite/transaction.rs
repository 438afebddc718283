//! Pushing and settling in a transaction of a user.

use std::any::Any;
use std::path::PathBuf;

use futures_util::FutureExt;
use sqlx::{Executor, Row, Sqlite as Database, SqliteConnection, Transaction};

use super::Sqlite;
use super::acted::Acted;
use super::error::Fault;
use super::push;
use super::script::Script;
use super::settle;
use crate::drivers::{NewJob, PushError, PushResult, Settled, Settlement};
use crate::error::{Error, ErrorKind};
use crate::job::{SettleError, StoreTransaction};

/// The name of the database in the error that a wrong transaction gives.
const DATABASE: &str = "sqlite";

/// ```
/// use queue::job::StoreTransaction;
///
/// fn takes_transactions<T: StoreTransaction>() {}
/// takes_transactions::<sqlx::Transaction<'static, sqlx::Sqlite>>();
/// ```
impl StoreTransaction for Transaction<'_, Database> {
    fn connection(&mut self) -> &mut (dyn Any + Send) {
        let connection: &mut SqliteConnection = self;
        connection
    }

    fn database(&self) -> &'static str {
        DATABASE
    }
}

/// A connection on which the user began a transaction by hand, with `BEGIN IMMEDIATE`.
impl StoreTransaction for SqliteConnection {
    fn connection(&mut self) -> &mut (dyn Any + Send) {
        self
    }

    fn database(&self) -> &'static str {
        DATABASE
    }
}

impl Sqlite {
    pub(super) async fn store_in(&self, transaction: &mut dyn StoreTransaction, jobs: Vec<NewJob>) -> PushResult {
        let wrong = PushError::WrongTransaction { queue: DATABASE, transaction: transaction.database() };
        let Some(connection) = transaction.connection().downcast_mut::<SqliteConnection>() else { return Err(wrong) };
        let now = self.now();
        let stored = all_or_none(connection, async |connection| {
            let jobs: Vec<&NewJob> = jobs.iter().collect();
            // Nobody is told: whether and when it commits is the user's affair, and the workers see the file change.
            let mut acted = Acted::at(now);
            let pushed = push::store(connection, &jobs, &mut acted).await?;
            let mut script = Script::default();
            acted.tally.write(&mut script);
            script.run(connection).await?;
            Ok(pushed)
        });
        match stored.await {
            Ok(pushed) => Ok(pushed),
            Err(fault) => Err(of_user(fault).into_push_error(&self.file_of(connection).await)),
        }
    }

    pub(super) async fn end_in(
        &self,
        transaction: &mut dyn StoreTransaction,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Settled>, SettleError> {
        let wrong = SettleError::WrongTransaction { queue: DATABASE, transaction: transaction.database() };
        let Some(connection) = transaction.connection().downcast_mut::<SqliteConnection>() else { return Err(wrong) };
        let now = self.now();
        let settled = all_or_none(connection, async |connection| settle::in_transaction(connection, &settlements, now).await);
        match settled.await {
            Ok(settled) => Ok(settled),
            Err(fault) => Err(of_user(fault).into_settle_error(&self.file_of(connection).await)),
        }
    }

    /// The file of a user's connection, which may be another than the driver's, for an error.
    async fn file_of(&self, connection: &mut SqliteConnection) -> PathBuf {
        let row = connection.fetch_one("SELECT file FROM pragma_database_list WHERE name = 'main'").await;
        row.and_then(|row| row.try_get::<String, _>(0)).map_or_else(|_| self.path().to_owned(), PathBuf::from)
    }
}

/// A fault in a database of a user, which need not have the tables.
fn of_user(fault: Fault) -> Fault {
    match fault {
        Fault::Sql(sqlx::Error::Database(error)) if error.message().starts_with("no such table: queue_") => {
            let text = "the database of the transaction has no schema for jobs: apply the statements that `Migrate::sql` gives, or take a \
                        transaction on the file of the queue";
            Fault::Own(Error::new(ErrorKind::Store, text).with_source(sqlx::Error::Database(error)))
        }
        // One that has read does not wait for the lock, because whoever has it may wait for the end of its snapshot.
        other if other.is_plainly_busy() => {
            let text = "the file of the transaction is locked by another connection; a transaction that began with a read does not wait for \
                        the lock: begin it with `BEGIN IMMEDIATE`";
            Fault::Own(Error::new(ErrorKind::Unavailable, text).with_source(other.into_source()))
        }
        other => other,
    }
}

/// Does something in the user's transaction as a whole: after an error, or when this is dropped half-way, the transaction is as it was.
async fn all_or_none<T>(
    connection: &mut SqliteConnection,
    act: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut savepoint = Savepoint { connection, is_open: true };
    savepoint.connection.execute("SAVEPOINT queue_verb").await?;
    let done = act(savepoint.connection).await;
    let end = if done.is_ok() { "RELEASE queue_verb" } else { "ROLLBACK TO queue_verb; RELEASE queue_verb" };
    // It fails where SQLite has rolled back the whole transaction, which the first error then says.
    let ended = savepoint.connection.execute(sqlx::raw_sql(end)).await;
    savepoint.is_open = false;
    let done = done?;
    ended?;
    Ok(done)
}

/// A savepoint in a user's transaction.
struct Savepoint<'a> {
    connection: &'a mut SqliteConnection,
    is_open: bool,
}

impl Drop for Savepoint<'_> {
    /// The first poll sends the statement to the thread of the connection, which runs it before whatever the user sends next; nobody waits
    /// for the answer. Where nothing is open any more, it fails and does nothing.
    fn drop(&mut self) {
        if self.is_open {
            let _ = self.connection.execute("ROLLBACK TO queue_verb").now_or_never();
        }
    }
}
