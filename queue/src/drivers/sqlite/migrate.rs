//! The schema in the file: one SQL file a version, applied in one transaction each.

use sqlx::{AssertSqlSafe, Executor, Row, SqliteConnection};

use super::Sqlite;
use super::error::Fault;
use super::script::Script;
use super::writer::Transaction;
use crate::drivers::{BoxFuture, Migrate, Schema};
use crate::error::{Error, ErrorKind};

/// The table of the versions, and then what leads from each version to the next.
const TABLE: &str = include_str!("migrations/0000_schema.sql");
const VERSIONS: [&str; 2] = [include_str!("migrations/0001_jobs.sql"), include_str!("migrations/0002_kinds.sql")];

/// What this driver wants.
pub(super) const WANTED: u32 = VERSIONS.len() as u32;

/// The version of a file, read without writing anything; 0 for none.
pub(super) async fn version(connection: &mut SqliteConnection) -> Result<u32, Fault> {
    let table = connection.fetch_optional("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'queue_schema'").await?;
    if table.is_none() {
        return Ok(0);
    }
    let row = connection.fetch_one("SELECT coalesce(max(version), 0) FROM queue_schema").await?;
    Ok(row.try_get(0)?)
}

/// Refuses a file that a later release has written.
pub(super) fn check(version: u32, path: &std::path::Path) -> Result<(), Error> {
    if version <= WANTED {
        return Ok(());
    }
    let text = format!(
        "the file `{}` has version {version} of the schema, and this program knows {WANTED}: it was written by a newer release of `queue`, so \
         update this program",
        path.display()
    );
    Err(Error::new(ErrorKind::Store, text))
}

/// Refuses a file whose schema is not the wanted one and may not be touched.
pub(super) fn check_current(version: u32, path: &std::path::Path) -> Result<(), Error> {
    let what = match version {
        WANTED => return Ok(()),
        0 => "no schema".to_owned(),
        version => format!("version {version} of the schema"),
    };
    let text = format!(
        "the file `{}` has {what}, this program wants version {WANTED}, and `migrate=off` says that it is left as it is: run `craft migrate`",
        path.display()
    );
    Err(Error::new(ErrorKind::Store, text))
}

/// The statements that lead from a version to the wanted one.
pub(super) fn steps(from: u32) -> String {
    (from..WANTED).map(step).collect()
}

/// The statements that lead from a version to the next.
pub(super) fn step(version: u32) -> String {
    let (table, next) = if version == 0 { (TABLE, 1) } else { ("", version + 1) };
    let applied = format!("INSERT INTO queue_schema VALUES ({next}, CAST(unixepoch('subsec') * 1000000 AS INTEGER))");
    format!("{table}\n{}\n{applied};\n", VERSIONS[version as usize].trim_end())
}

/// Brings the file to the wanted version, under its lock; answers what it has then.
pub(super) async fn migrate(transaction: &mut Transaction) -> Result<u32, Fault> {
    transaction.begin().await?;
    // Read again under the lock: another process may just have done it.
    let mut version = version(transaction.connection()?).await?;
    while version < WANTED {
        transaction.connection()?.execute(sqlx::raw_sql(AssertSqlSafe(step(version)))).await?;
        version += 1;
    }
    Ok(version)
}

impl Migrate for Sqlite {
    fn schema(&self) -> BoxFuture<'_, Result<Schema, Error>> {
        Box::pin(async move {
            let version = self.read(async |connection| version(connection).await).await?;
            Ok(Schema::new(version, WANTED))
        })
    }

    fn migrate(&self) -> BoxFuture<'_, Result<Schema, Error>> {
        Box::pin(async move {
            let migrated = async {
                let mut transaction = self.writer.durable().await?;
                let version = migrate(&mut transaction).await?;
                transaction.finish(Script::default()).await?;
                Ok(version)
            };
            Ok(Schema::new(self.told(migrated).await?, WANTED))
        })
    }

    fn sql(&self, from: u32) -> String {
        steps(from)
    }
}
