//! The schema of a database that is not opened, for the command line: looked at, brought up to date, and as statements.

use super::Postgres;
use super::migrate::{self, WANTED};
use super::open::{self, Aim};
use super::settings::Settings;
use super::statement::Dialect;
use crate::clock::Clock;
use crate::drivers::Schema;
use crate::error::Error;

impl Postgres {
    /// Which version the database of a URL has; 0 for none. Nothing is written.
    ///
    /// # Errors
    ///
    /// As opening it: [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a URL that cannot be meant, and so on; but not for a version.
    pub(crate) async fn schema_at(url: &str) -> Result<Schema, Error> {
        at(url, Aim::Read).await
    }

    /// Brings the database of a URL up to date, whatever its `migrate` says, and answers what it has now. A newer one is left as it is.
    ///
    /// # Errors
    ///
    /// As [`schema_at`](Postgres::schema_at), and where the user may not make the schema.
    pub(crate) async fn migrate_at(url: &str) -> Result<Schema, Error> {
        at(url, Aim::Migrate).await
    }

    /// The statements that lead from a version to the wanted one, for the schema that a URL names. Nobody is asked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a URL that cannot be meant.
    pub(crate) fn sql_from(url: &str, from: u32) -> Result<String, Error> {
        let settings = Settings::parse(url)?;
        Ok(migrate::steps(&Dialect::new(&settings.schema, settings.prepares), from))
    }
}

async fn at(url: &str, aim: Aim) -> Result<Schema, Error> {
    // Nobody listens for what is only looked at.
    let settings = Settings { notifies: false, ..Settings::parse(url)? };
    let (core, version) = open::reach(settings, Clock::system(), aim).await?;
    core.lines.looks.close().await;
    Ok(Schema::new(version, WANTED))
}
