//! A SQLite file as the suite takes it.

use std::sync::Arc;

use queue::Clock;
use queue::drivers::{BoxFuture, Driver, Sqlite};
use queue::job::StoreTransaction;
use queue::testing::conformance::{OpenTransaction, Store};
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite as Database, Transaction};
use tempfile::TempDir;

/// A file of its own for each rule.
pub(crate) struct File {
    folder: TempDir,
    is_synchronised: bool,
}

impl File {
    /// A file in a folder of its own, which is synchronised at each commit, or not.
    pub(crate) fn new(is_synchronised: bool) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), is_synchronised }
    }
}

impl Store for File {
    fn open(&self, clock: Clock) -> BoxFuture<'_, Arc<dyn Driver>> {
        Box::pin(async move {
            let open = Sqlite::open(self.folder.path().join("jobs.db")).go_by(clock);
            let open = if self.is_synchronised { open } else { open.synchronous_normal() };
            let driver = open.await.unwrap();
            Arc::new(driver) as Arc<dyn Driver>
        })
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn begin(&self) -> Option<BoxFuture<'_, Box<dyn OpenTransaction>>> {
        Some(Box::pin(async move {
            let pool = SqlitePool::connect(self.folder.path().join("jobs.db").to_str().unwrap()).await.unwrap();
            let transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
            Box::new(Users(transaction)) as Box<dyn OpenTransaction>
        }))
    }
}

/// A transaction as a user of sqlx has it.
struct Users(Transaction<'static, Database>);

impl OpenTransaction for Users {
    fn transaction(&mut self) -> &mut dyn StoreTransaction {
        &mut self.0
    }

    fn commit(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.0.commit().await.unwrap() })
    }

    fn roll_back(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.0.rollback().await.unwrap() })
    }
}
