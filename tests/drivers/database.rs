//! A schema of a Postgres database as the suite takes it.

use std::sync::Arc;

use queue::Clock;
use queue::drivers::{BoxFuture, Driver, Postgres};
use queue::job::StoreTransaction;
use queue::testing::conformance::{OpenTransaction, Store};
use queue_tests::postgres::{Schema, URL};
use sqlx::{PgPool, Postgres as Database, Transaction};

/// A schema of its own for each rule.
pub(crate) struct Tables {
    /// `None` where there is no server.
    schema: Option<Schema>,
    /// Statements as texts, and nobody told: as behind a pooler.
    is_pooled: bool,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self { schema: Schema::new(), is_pooled: false }
    }

    pub(crate) fn pooled() -> Self {
        Self { is_pooled: true, ..Self::new() }
    }

    fn schema(&self) -> &Schema {
        self.schema.as_ref().expect("there is a server")
    }
}

impl Store for Tables {
    fn open(&self, clock: Clock) -> BoxFuture<'_, Arc<dyn Driver>> {
        Box::pin(async move {
            let schema = self.schema();
            let open = Postgres::from_options(schema.plain_url().parse().unwrap()).schema(schema.name()).go_by(clock);
            let open = if self.is_pooled { open.behind_pooler() } else { open };
            Arc::new(open.await.unwrap()) as Arc<dyn Driver>
        })
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn begin(&self) -> Option<BoxFuture<'_, Box<dyn OpenTransaction>>> {
        Some(Box::pin(async move {
            let pool = PgPool::connect(self.schema().plain_url()).await.unwrap();
            Box::new(Users(pool.begin().await.unwrap())) as Box<dyn OpenTransaction>
        }))
    }

    fn is_missing(&self) -> Option<String> {
        self.schema.is_none().then(|| format!("{} is not set", URL))
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
