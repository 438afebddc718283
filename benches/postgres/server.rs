//! A server of the bench's own, in a folder that goes with it, with the durability that Postgres has by default; and databases in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use queue::Queue;
use queue::drivers::{Driver, Postgres};
use queue_benches::percentile;
use queue_tests::postgres::{Cluster, DURABLE};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row};

use super::options::Options;

/// A server that can be reached, and is stopped with this where it was started by it.
pub(crate) struct Server {
    options: PgConnectOptions,
    made: AtomicUsize,
    _own: Option<Cluster>,
}

/// What becomes of a job that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Kept,
    Removed,
}

/// A database in the driver's schema.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    name: String,
    options: PgConnectOptions,
}

impl Server {
    pub(crate) fn start(options: &Options) -> Result<Self, Box<dyn std::error::Error>> {
        let made = AtomicUsize::new(0);
        if let Some(url) = &options.url {
            return Ok(Self { options: url.parse()?, made, _own: None });
        }
        let cluster = Cluster::start(DURABLE).map_err(|why| why.to_string())?;
        Ok(Self { options: cluster.url().parse()?, made, _own: Some(cluster) })
    }

    /// A connection to the server.
    pub(crate) async fn connect(&self) -> sqlx::Result<PgConnection> {
        let options = self.options.clone().disable_statement_logging();
        PgConnection::connect_with(&options).await
    }

    /// What the figures depend on.
    pub(crate) async fn settings(&self) -> sqlx::Result<String> {
        let mut connection = self.connect().await?;
        let mut said = String::new();
        for name in ["server_version", "fsync", "synchronous_commit", "shared_buffers", "autovacuum"] {
            let value: String = sqlx::query("SELECT current_setting($1)").bind(name).fetch_one(&mut connection).await?.get(0);
            said.push_str(&format!("{name} {value}, "));
        }
        let mut commits = Vec::new();
        connection.execute("CREATE TABLE IF NOT EXISTS public.probe (at bigint)").await?;
        for at in 0..200_i64 {
            let start = std::time::Instant::now();
            sqlx::query("INSERT INTO public.probe VALUES ($1)").bind(at).execute(&mut connection).await?;
            commits.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        connection.execute("DROP TABLE public.probe").await?;
        Ok(format!("{said}one commit {:.2} ms", percentile(&commits, 50)))
    }

    /// An empty database in the driver's own schema.
    pub(crate) async fn database(&self) -> Database {
        let database = self.make("template0").await;
        database.queue(Ended::Kept).await.shutdown().await.expect("nothing waits");
        database
    }

    /// A copy of a database that nobody is connected to.
    pub(crate) async fn copy(&self, full: &Database) -> Database {
        self.make(&full.name).await
    }

    async fn make(&self, template: &str) -> Database {
        let mut connection = self.connect().await.expect("a server");
        let name = format!("bench_{}_{}", std::process::id(), self.made.fetch_add(1, Ordering::Relaxed));
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY");
        connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.expect("the right to make a database");
        // What the copy still owes the disk must not be paid by the first commits.
        connection.execute("CHECKPOINT").await.expect("the right to a checkpoint");
        Database { options: self.options.clone().database(&name), name }
    }

    /// Drops a database, whoever is still connected.
    pub(crate) async fn drop(&self, database: Database) {
        let mut connection = self.connect().await.expect("a server");
        let sql = format!("DROP DATABASE {} WITH (FORCE)", database.name);
        connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.expect("a database that was made here");
    }
}

impl Database {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How another process reaches it.
    pub(crate) fn url(&self) -> String {
        self.options.to_url_lossy().to_string()
    }

    /// A queue on the database.
    pub(crate) async fn queue(&self, ended: Ended) -> Queue {
        let driver = Postgres::from_options(self.options.clone());
        let driver = if ended == Ended::Removed { driver.remove_completed() } else { driver };
        let driver: Arc<dyn Driver> = Arc::new(driver.await.expect("a database that can be opened"));
        Queue::from_driver(driver)
    }

    /// A connection as the driver has them: no plan of it may depend on how many rows the tables had when it was made.
    pub(crate) async fn raw(&self) -> PgConnection {
        let settings = [("enable_seqscan", "off"), ("jit", "off"), ("search_path", "queue")];
        let options = self.options.clone().options(settings).disable_statement_logging();
        PgConnection::connect_with(&options).await.expect("a server")
    }

    /// What listens takes these.
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// A snapshot that keeps every row that is dead from now on.
    pub(crate) async fn hold(&self) -> PgConnection {
        let mut connection = self.raw().await;
        let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT count(*) FROM queue_jobs";
        connection.execute(sqlx::raw_sql(sql)).await.expect("a transaction");
        connection
    }
}
