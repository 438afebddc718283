//! A schema for one test on the server that all share.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::server::{say, server_url};

/// Ends what other connections still do to the tables of a schema, so that nothing holds up its end: the test is over.
const END_USERS: &str = "SELECT pg_terminate_backend(held.pid) FROM pg_locks held JOIN pg_class class ON class.oid = held.relation \
    JOIN pg_namespace space ON space.oid = class.relnamespace \
    WHERE space.nspname = $1 AND held.pid <> pg_backend_pid() \
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// A name that no other test has. The schema is removed when this is dropped.
#[derive(Debug)]
pub struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// One on the shared server, which is not made yet; none where there is no server.
    #[must_use]
    pub fn new() -> Option<Self> {
        server_url().map(Self::on)
    }

    /// One on another server.
    #[must_use]
    pub fn on(server: &str) -> Self {
        // Each of these has keys of its own, from the system: two machines may share the server.
        let random = RandomState::new().build_hasher().finish();
        Self { server: server.to_owned(), name: format!("queue_test_{}_{random:016x}", std::process::id()) }
    }

    /// Its name, which needs no quotes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL for the driver, which names the schema.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_through(&self.server)
    }

    /// The same on another way to the server, as through a proxy.
    #[must_use]
    pub fn url_through(&self, server: &str) -> String {
        let mark = if server.contains('?') { '&' } else { '?' };
        format!("{server}{mark}schema={}", self.name)
    }

    /// The URL of the server alone.
    #[must_use]
    pub fn plain_url(&self) -> &str {
        &self.server
    }

    /// What SQL of the test's own is run with. Names without a schema are those of this one, then of `public`.
    ///
    /// # Panics
    ///
    /// The URL of the server is none.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        let options: PgConnectOptions = self.server.parse().expect("the URL of the server is one");
        options.options([("search_path", format!("{},public", self.name))]).disable_statement_logging()
    }

    /// A connection for SQL of the test's own.
    ///
    /// # Panics
    ///
    /// The server does not answer.
    pub async fn connect(&self) -> PgConnection {
        self.options().connect().await.expect("the server answers")
    }

    /// A pool of so many connections, as a user has one.
    #[must_use]
    pub fn pool(&self, connections: u32) -> PgPool {
        PgPoolOptions::new().max_connections(connections).connect_lazy_with(self.options())
    }

    /// Removes it with all that is in it.
    async fn remove(&self) -> Result<(), sqlx::Error> {
        let Ok(mut connection) = self.options().connect().await else {
            // The test has ended its server, and the schema with it.
            return Ok(());
        };
        sqlx::query(END_USERS).bind(&self.name).execute(&mut connection).await?;
        sqlx::query("SET lock_timeout = '10s'").execute(&mut connection).await?;
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name);
        sqlx::query(AssertSqlSafe(drop)).execute(&mut connection).await?;
        connection.close().await
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        // On a thread with a runtime of its own: this one may have none, or be inside of one, which must not be blocked on itself.
        let removed = std::thread::scope(|scope| {
            let remove = || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime can be built").block_on(self.remove())
            };
            scope.spawn(remove).join()
        });
        if let Ok(Err(error)) = removed {
            say(&format!("the schema {} could not be removed: {error}", self.name));
        }
    }
}
