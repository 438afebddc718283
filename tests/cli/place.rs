//! Where a test keeps its jobs: a file, or a schema of the server. `on_both` runs a test on each.

use std::sync::Arc;

use queue::Clock;
use queue::drivers::{Driver, Inspect, Postgres, Sqlite};
use queue_tests::postgres::Schema;
use tempfile::TempDir;

use crate::craft::{Craft, craft};

/// A store that is not made yet; it goes with this.
pub(crate) enum Place {
    File(TempDir),
    Schema(Schema),
}

/// Tests that run on a file and on a server.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($place:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn test($place: $crate::place::Place) $body

            #[tokio::test]
            $(#[$meta])*
            async fn sqlite() {
                test($crate::place::Place::file()).await;
            }

            #[tokio::test]
            $(#[$meta])*
            async fn postgres() {
                let Some(place) = $crate::place::Place::schema() else { return };
                test(place).await;
            }
        }
    )+};
}

pub(crate) use on_both;

impl Place {
    pub(crate) fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    /// `None` where there is no server.
    pub(crate) fn schema() -> Option<Self> {
        Schema::new().map(Self::Schema)
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(folder) => format!("sqlite:{}", folder.path().join("jobs.db").display()),
            Self::Schema(schema) => schema.url(),
        }
    }

    /// The driver of the test's own; it makes the store.
    pub(crate) async fn open(&self) -> Arc<dyn Driver> {
        self.open_by(Clock::system()).await
    }

    pub(crate) async fn open_by(&self, clock: Clock) -> Arc<dyn Driver> {
        match self {
            Self::File(folder) => Arc::new(Sqlite::open(folder.path().join("jobs.db")).go_by(clock).await.unwrap()),
            Self::Schema(schema) => {
                let open = Postgres::from_options(schema.plain_url().parse().unwrap()).schema(schema.name());
                Arc::new(open.go_by(clock).await.unwrap())
            }
        }
    }

    /// A run on this store.
    pub(crate) fn craft(&self, words: &str) -> Craft {
        craft(words).on(&self.url())
    }
}

pub(crate) fn inside(driver: &Arc<dyn Driver>) -> &dyn Inspect {
    driver.inspect().unwrap()
}
