//! A connection of a handle that only reads: it waits for no writer, and none for it.

use std::sync::Arc;

use sqlx::{Connection, SqliteConnection};
use tokio::sync::Mutex;

use super::error::Fault;
use crate::error::{Error, ErrorKind};

/// A connection that reads, one statement at a time.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    /// `None` when it was closed.
    connection: Arc<Mutex<Option<SqliteConnection>>>,
}

impl Reader {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self { connection: Arc::new(Mutex::new(Some(connection))) }
    }

    /// Reads something.
    pub(super) async fn with<T>(&self, read: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut connection = self.connection.lock().await;
        let closed = || Fault::Own(Error::new(ErrorKind::Closed, "the driver was closed"));
        read(connection.as_mut().ok_or_else(closed)?).await
    }

    pub(super) async fn close(&self) -> Result<(), sqlx::Error> {
        match self.connection.lock().await.take() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}
