//! What a user's own transaction writes beside jobs: a mark for each job that is pushed or completed in it.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{Sqlite, Transaction};

/// The table, and the connections, which are made when they are needed.
#[derive(Debug)]
pub(crate) struct Marks {
    pool: SqlitePool,
}

impl Marks {
    pub(crate) fn new(store: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(store).busy_timeout(Duration::from_secs(30));
        Self { pool: SqlitePoolOptions::new().max_connections(2).connect_lazy_with(options) }
    }

    /// A transaction with a mark of a job in it: that it was `pushed`, or `done`.
    pub(crate) async fn begin(&self, what: &str, job: u64) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("CREATE TABLE IF NOT EXISTS marks (what TEXT, job INTEGER)").execute(&mut *transaction).await?;
        let insert = sqlx::query("INSERT INTO marks VALUES (?, ?)").bind(what.to_owned()).bind(job.cast_signed());
        insert.execute(&mut *transaction).await?;
        Ok(transaction)
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}
