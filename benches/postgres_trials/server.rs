//! A server of the bench's own, in a folder that goes with it, with the durability that Postgres has by default.

use queue_benches::percentile;
use queue_tests::postgres::{Cluster, DURABLE};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row};

use super::options::Options;

/// The driver's own schema.
const TABLES: &str = include_str!("../../queue/src/drivers/postgres/migrations/0001_jobs.sql");

/// A server that can be reached, and is stopped with this where it was started by it.
pub(crate) struct Server {
    options: PgConnectOptions,
    _own: Option<Cluster>,
}

impl Server {
    pub(crate) fn start(options: &Options) -> Result<Self, Box<dyn std::error::Error>> {
        if let Some(url) = &options.url {
            return Ok(Self { options: url.parse()?, _own: None });
        }
        let cluster = Cluster::start(DURABLE).map_err(|why| why.to_string())?;
        Ok(Self { options: cluster.url().parse()?, _own: Some(cluster) })
    }

    /// A connection as the driver has them: no plan of it may depend on how many rows the tables had when it was made.
    pub(crate) async fn connect(&self) -> sqlx::Result<PgConnection> {
        let settings =
            [("enable_seqscan", "off"), ("jit", "off"), ("plan_cache_mode", "force_generic_plan"), ("search_path", "trial")];
        let options = self.options.clone().options(settings).disable_statement_logging();
        PgConnection::connect_with(&options).await
    }

    /// Makes the schema anew.
    pub(crate) async fn renew(&self, more: &str) -> sqlx::Result<()> {
        let mut connection = self.connect().await?;
        let sql =
            format!("DROP SCHEMA IF EXISTS trial CASCADE; CREATE SCHEMA trial; {}; {more}", TABLES.replace("{schema}", "trial"));
        connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
        connection.execute("CHECKPOINT").await?;
        connection.close().await
    }

    /// A snapshot that keeps every row that is dead from now on; it has read that.
    pub(crate) async fn hold(&self, read: &str) -> sqlx::Result<PgConnection> {
        let mut connection = self.connect().await?;
        let sql = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {read}");
        connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
        Ok(connection)
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
}
