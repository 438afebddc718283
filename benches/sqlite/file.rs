//! Files in the driver's own schema, and connections with its settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use queue::Queue;
use queue::drivers::{Driver, Sqlite};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, SqliteConnection};
use tempfile::TempDir;

/// A folder with one file in it; both go with this.
pub(crate) struct File {
    path: PathBuf,
    _folder: TempDir,
}

impl File {
    /// No file yet.
    pub(crate) fn new(folder: &Path) -> Self {
        let folder = tempfile::tempdir_in(folder).expect("a folder that can be written");
        Self { path: folder.path().join("jobs.db"), _folder: folder }
    }

    /// A copy of a file that nobody has open, on the disk.
    pub(crate) fn copy(&self, folder: &Path) -> Self {
        let copy = Self::new(folder);
        std::fs::copy(&self.path, &copy.path).expect("room for a copy");
        // What the copy still owes the disk must not be paid by the first commits.
        std::fs::File::open(&copy.path).and_then(|file| file.sync_all()).expect("a disk that takes it");
        copy
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A queue on the file.
    pub(crate) async fn queue(&self) -> Queue {
        let driver = Sqlite::open(&self.path).await.expect("a file that can be opened");
        Queue::from_driver(Arc::new(driver))
    }

    /// A connection with the driver's settings, to a file in the driver's schema.
    pub(crate) async fn raw(&self) -> SqliteConnection {
        let is_new = !self.path.exists();
        let mut connection = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", "-16000")
            .pragma("temp_store", "MEMORY")
            .row_buffer_size(1024)
            .disable_statement_logging()
            .connect()
            .await
            .expect("a file that can be opened");
        if is_new {
            let schema = schema(&self.path.with_extension("schema")).await;
            connection.execute(sqlx::raw_sql(AssertSqlSafe(schema))).await.expect("the driver's own schema");
        }
        connection
    }
}

/// The statements of the driver for an empty file.
async fn schema(scratch: &Path) -> String {
    let driver = Sqlite::open(scratch).await.expect("a file that can be opened");
    let sql = driver.migrate().expect("a store with a schema").sql(0);
    driver.close().await.expect("nobody else has it open");
    sql
}

/// Closes a connection, which leaves its file without a log.
pub(crate) async fn close(connection: SqliteConnection) {
    connection.close().await.expect("nothing is under way");
}
