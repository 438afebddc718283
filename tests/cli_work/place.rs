//! A store of one test: a SQLite file, or a schema of the Postgres server.

use std::path::{Path, PathBuf};

use queue::connect::Store;
use queue::drivers::{Due, NewJob};
use queue::job::Filter;
use queue::{JobId, JobRow, Queue};
use queue_tests::postgres::Schema;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// A store of one test. It goes when this is dropped.
pub(crate) struct Place {
    url: String,
    home: Home,
}

enum Home {
    File(TempDir),
    Schema(Schema),
}

impl Place {
    /// A file that is not there yet.
    pub(crate) fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite:{}", folder.path().join("jobs.db").display()), home: Home::File(folder) }
    }

    /// A schema that is not there yet; none where there is no server.
    pub(crate) fn schema() -> Option<Self> {
        let schema = Schema::new()?;
        Some(Self { url: schema.url(), home: Home::Schema(schema) })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The schema, where it is one.
    pub(crate) fn as_schema(&self) -> Option<&Schema> {
        match &self.home {
            Home::Schema(schema) => Some(schema),
            Home::File(_) => None,
        }
    }

    /// The path of the file.
    pub(crate) fn path(&self) -> PathBuf {
        match &self.home {
            Home::File(folder) => folder.path().join("jobs.db"),
            Home::Schema(schema) => panic!("the schema {} is no file", schema.name()),
        }
    }

    /// A handle of the test's own. Where the file is compared, it must be shut down before.
    pub(crate) async fn queue(&self) -> Queue {
        Store::at(self.url.as_str()).unwrap().open().await.unwrap()
    }

    /// Pushes jobs, perhaps such as no type of this program makes.
    pub(crate) async fn push(&self, jobs: impl IntoIterator<Item = NewJob>) -> Vec<JobId> {
        let queue = self.queue().await;
        let mut ids = Vec::new();
        for job in jobs {
            ids.push(queue.dispatch(job).await.unwrap().id);
        }
        queue.shutdown().await.unwrap();
        ids
    }

    /// Every job, the oldest first.
    pub(crate) async fn rows(&self) -> Vec<JobRow> {
        let queue = self.queue().await;
        let mut filter = Filter::new();
        let mut rows = Vec::new();
        loop {
            let page = queue.search(&filter).await.unwrap();
            rows.extend(page.jobs);
            let Some(next) = page.next else { break };
            filter = filter.after(next);
        }
        queue.shutdown().await.unwrap();
        rows
    }

    /// One job.
    pub(crate) async fn row(&self, id: JobId) -> JobRow {
        self.rows().await.into_iter().find(|row| row.id == id).unwrap()
    }

    /// How many jobs are in each state, by the names of states in order: `available 2, completed 1`.
    pub(crate) async fn states(&self) -> String {
        let mut counts = std::collections::BTreeMap::new();
        for row in self.rows().await {
            *counts.entry(row.state.as_str()).or_insert(0) += 1;
        }
        counts.iter().map(|(state, count)| format!("{state} {count}")).collect::<Vec<_>>().join(", ")
    }

    /// Runs SQL of the test's own.
    pub(crate) async fn sql(&self, text: &str) {
        match &self.home {
            Home::File(_) => {
                let mut connection = file_connection(&self.path()).await;
                sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Home::Schema(schema) => {
                let mut connection = schema.connect().await;
                sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// Every row of every table as a text.
    pub(crate) async fn dump(&self) -> Vec<String> {
        match &self.home {
            Home::File(_) => dump_file(&self.path()).await,
            Home::Schema(schema) => dump_schema(schema).await,
        }
    }
}

async fn file_connection(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}

async fn dump_file(path: &Path) -> Vec<String> {
    let mut connection = file_connection(path).await;
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let mut lines = Vec::new();
    for table in tables {
        let columns: Vec<String> =
            sqlx::query_scalar("SELECT name FROM pragma_table_info(?)").bind(&table).fetch_all(&mut connection).await.unwrap();
        let quoted: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
        let text = format!("SELECT '{table} ' || concat_ws('|', {}) FROM \"{table}\" ORDER BY 1", quoted.join(", "));
        lines.extend(sqlx::query_scalar::<_, String>(AssertSqlSafe(text)).fetch_all(&mut connection).await.unwrap());
    }
    connection.close().await.unwrap();
    lines
}

async fn dump_schema(schema: &Schema) -> Vec<String> {
    let mut connection: PgConnection = schema.connect().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r' ORDER BY 1",
    )
    .bind(schema.name())
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut lines = Vec::new();
    for table in tables {
        let text = format!("SELECT '{table} ' || row_to_json(t)::text FROM {table} t ORDER BY 1");
        lines.extend(sqlx::query_scalar::<_, String>(AssertSqlSafe(text)).fetch_all(&mut connection).await.unwrap());
    }
    connection.close().await.unwrap();
    lines
}

/// A job as any program may have stored it, due at once, in the queue `default`.
pub(crate) fn stored(kind: &str, payload: &str) -> NewJob {
    NewJob::new(kind, "default", payload.as_bytes())
}

/// The same, due in an hour.
pub(crate) fn later(kind: &str, payload: &str) -> NewJob {
    NewJob { due: Due::In(std::time::Duration::from_secs(3_600)), ..stored(kind, payload) }
}
