//! The tables in the database: one SQL file a version, applied in one transaction each.

use super::connection::Session;
use super::error::Fault;
use super::statement::Dialect;
use super::{Core, Postgres};
use crate::drivers::{BoxFuture, Migrate, Schema};
use crate::error::{Error, ErrorKind};
use sqlx::Row;

/// The table of the versions, and then what leads from each version to the next.
const TABLE: &str = include_str!("migrations/0000_schema.sql");
const VERSIONS: [&str; 2] = [include_str!("migrations/0001_jobs.sql"), include_str!("migrations/0002_kinds.sql")];

/// What this driver wants.
pub(super) const WANTED: u32 = VERSIONS.len() as u32;

/// The version of the schema, read without writing anything; 0 for none.
async fn version(session: &mut Session<'_>) -> Result<u32, Fault> {
    let there = session.dialect().statement(include_str!("sql/has_schema.sql"));
    if !session.row(there).await?.try_get::<bool, _>(0)? {
        return Ok(0);
    }
    let version = session.dialect().statement(include_str!("sql/version.sql"));
    let version: i64 = session.row(version).await?.try_get(0)?;
    Ok(u32::try_from(version).unwrap_or_default())
}

/// Brings the schema to the wanted version, under a lock; answers what it has then.
async fn migrate(session: &mut Session<'_>) -> Result<u32, Fault> {
    session.begin().await?;
    // However long it takes, and whoever else does it at this moment.
    session.run("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0".to_owned()).await?;
    let lock = session.dialect().statement(include_str!("sql/lock.sql"));
    session.rows(lock).await?;
    // Read again under the lock: another process may just have done it.
    let mut version = version(session).await?;
    while version < WANTED {
        session.run(session.dialect().in_schema(&step(version))).await?;
        version += 1;
    }
    session.commit().await?;
    Ok(version)
}

/// The statements that lead from a version to the next.
fn step(version: u32) -> String {
    let (table, next) = if version == 0 { (TABLE, 1) } else { ("", version + 1) };
    let applied =
        format!("INSERT INTO {{schema}}.queue_schema VALUES ({next}, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)");
    format!("{table}\n{}\n{applied};\n", VERSIONS[version as usize].trim_end())
}

/// The statements from a version to the wanted one.
pub(super) fn steps(dialect: &Dialect, from: u32) -> String {
    (from..WANTED).map(|version| dialect.in_schema(&step(version))).collect()
}

/// Refuses a schema that is not the one of this release.
pub(super) fn check(version: u32, schema: &str, place: &str) -> Result<(), Error> {
    let text = match version {
        WANTED => return Ok(()),
        0 => format!(
            "the schema `{schema}` of {place} has no tables of the queue: run `craft migrate`, connect once without `migrate=off` as a user who may create them, or apply \
             the statements of `Migrate::sql`"
        ),
        _ if version < WANTED => format!(
            "the schema `{schema}` of {place} has version {version}, and this program needs {WANTED}: run `craft migrate`, connect once without `migrate=off`, or apply \
             the statements of `Migrate::sql({version})`"
        ),
        _ => format!(
            "the schema `{schema}` of {place} has version {version}, and this program knows {WANTED}: it was written by a newer release of `queue`, \
             so update this program"
        ),
    };
    Err(Error::new(ErrorKind::Store, text))
}

impl Core {
    pub(super) async fn version(&self) -> Result<u32, Fault> {
        let mut turn = self.lines.looks.turn(&self.dialect).await;
        loop {
            let done = version(&mut turn.session().await?).await;
            if let Some(version) = turn.end(done).await? {
                return Ok(version);
            }
        }
    }

    /// Brings the schema up to date, unless it is; answers what it has then.
    pub(super) async fn update(&self) -> Result<u32, Fault> {
        let mut turn = self.lines.looks.turn(&self.dialect).await;
        loop {
            let done = migrate(&mut turn.session().await?).await;
            if let Some(version) = turn.end(done).await? {
                return Ok(version);
            }
        }
    }
}

impl Migrate for Postgres {
    fn schema(&self) -> BoxFuture<'_, Result<Schema, Error>> {
        Box::pin(async move {
            let version = self.core.told(self.core.version().await)?;
            Ok(Schema::new(version, WANTED))
        })
    }

    fn migrate(&self) -> BoxFuture<'_, Result<Schema, Error>> {
        Box::pin(async move {
            let version = self.core.told(self.core.update().await)?;
            Ok(Schema::new(version, WANTED))
        })
    }

    fn sql(&self, from: u32) -> String {
        steps(&self.core.dialect, from)
    }
}
