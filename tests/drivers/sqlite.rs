//! The suite on a SQLite file: one test a rule.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;

use queue::Clock;
use queue::drivers::{BoxFuture, Driver, Sqlite};
use queue::job::StoreTransaction;
use queue::testing::conformance::{OpenTransaction, Store};
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite as Database, Transaction};
use tempfile::TempDir;

/// A file of its own for each rule.
struct File {
    folder: TempDir,
}

impl File {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }
}

impl Store for File {
    fn open(&self, clock: Clock) -> BoxFuture<'_, Arc<dyn Driver>> {
        Box::pin(async move {
            let driver = Sqlite::open(self.folder.path().join("jobs.db")).go_by(clock).await.unwrap();
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

queue::conformance!(File::new());
