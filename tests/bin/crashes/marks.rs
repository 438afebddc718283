//! What a user's own transaction writes beside jobs: a mark for each job that is pushed or completed in it.

use std::any::Any;
use std::time::Duration;

use queue::job::StoreTransaction;
use queue_tests::store::Store;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{Postgres, Sqlite, Transaction};

/// The table, and the connections, which are made when they are needed.
#[derive(Debug)]
pub(crate) enum Marks {
    File(SqlitePool),
    Schema(PgPool),
}

impl Marks {
    pub(crate) fn new(store: &Store) -> Self {
        match store {
            Store::File(path) => {
                let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(30));
                Self::File(SqlitePoolOptions::new().max_connections(2).connect_lazy_with(options))
            }
            Store::Schema { .. } => Self::Schema(PgPoolOptions::new().max_connections(2).connect_lazy_with(store.options())),
        }
    }

    /// A transaction with a mark of a job in it: that it was `pushed`, or `done`.
    pub(crate) async fn begin(&self, what: &str, job: u64) -> Result<Marking, sqlx::Error> {
        let (what, job) = (what.to_owned(), job.cast_signed());
        match self {
            Self::File(pool) => {
                let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
                sqlx::query("CREATE TABLE IF NOT EXISTS marks (what TEXT, job INTEGER)").execute(&mut *transaction).await?;
                let insert = sqlx::query("INSERT INTO marks VALUES (?, ?)").bind(what).bind(job);
                insert.execute(&mut *transaction).await?;
                Ok(Marking::File(transaction))
            }
            // The table is there: two who make one at once would meet.
            Self::Schema(pool) => {
                let mut transaction = pool.begin().await?;
                let insert = sqlx::query("INSERT INTO marks VALUES ($1, $2)").bind(what).bind(job);
                insert.execute(&mut *transaction).await?;
                Ok(Marking::Schema(transaction))
            }
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::File(pool) => pool.close().await,
            Self::Schema(pool) => pool.close().await,
        }
    }
}

/// A transaction with a mark in it.
pub(crate) enum Marking {
    File(Transaction<'static, Sqlite>),
    Schema(Transaction<'static, Postgres>),
}

impl Marking {
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::File(transaction) => transaction.commit().await,
            Self::Schema(transaction) => transaction.commit().await,
        }
    }
}

impl StoreTransaction for Marking {
    fn connection(&mut self) -> &mut (dyn Any + Send) {
        match self {
            Self::File(transaction) => StoreTransaction::connection(transaction),
            Self::Schema(transaction) => StoreTransaction::connection(transaction),
        }
    }

    fn database(&self) -> &'static str {
        match self {
            Self::File(transaction) => transaction.database(),
            Self::Schema(transaction) => transaction.database(),
        }
    }
}
