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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn the_statements_are_those_of_the_schema_that_the_url_names() {
        let url = "postgres://nobody@nowhere.invalid/shop?schema=jobs";
        let all = Postgres::sql_from(url, 0).unwrap();
        assert!(all.contains("CREATE SCHEMA IF NOT EXISTS \"jobs\"") && !all.contains("{schema}"));
        let last = Postgres::sql_from(url, 1).unwrap();
        assert!(all.ends_with(&last) && last.contains("ALTER TABLE \"jobs\".queue_workers") && !last.contains("CREATE"));
        for current in [WANTED, WANTED + 1, u32::MAX] {
            assert_eq!(Postgres::sql_from(url, current).unwrap(), "");
        }
        assert_eq!(Postgres::sql_from("postgres://h/x?schema=A", 0).unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn a_server_that_stays_away_is_not_waited_for_longer_than_the_url_says() {
        // Nobody can listen at port 0.
        let url = "postgres://nobody@127.0.0.1:0/shop?wait=0";
        for result in [crate::park::block_on(Postgres::schema_at(url)), crate::park::block_on(Postgres::migrate_at(url))] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable);
        }
    }
}
