//! Pushing and settling in a transaction of a user.

use std::any::Any;

use sqlx::{Executor, Sqlite as Database, SqliteConnection, Transaction};

use super::Sqlite;
use super::error::Fault;
use super::events::News;
use super::push;
use super::script::Script;
use super::settle;
use super::tally::Tally;
use crate::drivers::{NewJob, PushError, PushResult, Settled, Settlement};
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
            let (mut tally, mut news) = (Tally::default(), News::default());
            let pushed = push::store(connection, &jobs, now, &mut tally, &mut news).await?;
            let mut script = Script::default();
            tally.write(&mut script);
            script.run(connection).await?;
            Ok(pushed)
        });
        stored.await.map_err(|fault| fault.into_push_error(self.path()))
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
        settled.await.map_err(|fault| fault.into_settle_error(self.path()))
    }
}

/// Does something in the user's transaction as a whole: after an error, the transaction is as it was.
async fn all_or_none<T>(
    connection: &mut SqliteConnection,
    act: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    connection.execute("SAVEPOINT queue_verb").await?;
    let done = act(connection).await;
    let end = if done.is_ok() { "RELEASE queue_verb" } else { "ROLLBACK TO queue_verb; RELEASE queue_verb" };
    // It fails where SQLite has rolled back the whole transaction, which the first error then says.
    let ended = connection.execute(sqlx::raw_sql(end)).await;
    let done = done?;
    ended?;
    Ok(done)
}
