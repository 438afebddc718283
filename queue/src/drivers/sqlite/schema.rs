//! The schema of a file that no driver has open, for the command line.

use std::path::PathBuf;

use super::error::Fault;
use super::settings::Settings;
use super::{Sqlite, migrate, open};
use crate::drivers::Schema;
use crate::error::Error;

impl Sqlite {
    /// The file that stands behind `sqlite:` in a URL, if that can be read.
    pub(crate) fn path_at(rest: &str) -> Option<PathBuf> {
        Settings::parse(rest).ok().map(|settings| settings.path)
    }

    /// Which version the file has that stands behind `sqlite:` in a URL. Nothing is made or written: one that is not there has version 0.
    ///
    /// # Errors
    ///
    /// As [`Open::wait`](super::Open::wait) for what is no file of jobs. One that a newer release wrote is none.
    pub(crate) async fn schema_at(rest: &str) -> Result<Schema, Error> {
        let settings = Settings { creates: false, ..Settings::parse(rest)? };
        if !settings.is_there() {
            return Ok(Schema::new(0, migrate::WANTED));
        }
        let version = open::patiently(&settings, || Box::pin(open::look(&settings))).await?;
        Ok(Schema::new(version, migrate::WANTED))
    }

    /// Brings that file to the wanted version, also where the URL says `migrate=off`.
    ///
    /// # Errors
    ///
    /// As [`Open::wait`](super::Open::wait).
    pub(crate) async fn migrate_at(rest: &str) -> Result<Schema, Error> {
        let settings = Settings { migrates: true, ..Settings::parse(rest)? };
        open::patiently(&settings, || Box::pin(migrated(&settings))).await
    }

    /// The statements that lead from a version to the wanted one.
    pub(crate) fn sql_from(from: u32) -> String {
        migrate::steps(from)
    }
}

async fn migrated(settings: &Settings) -> Result<Schema, Fault> {
    let (writer, _) = open::prepared(settings).await?;
    writer.close().await?;
    Ok(Schema::new(migrate::WANTED, migrate::WANTED))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

    use super::*;
    use crate::error::ErrorKind;
    use crate::park::block_on;

    /// A folder of a test, which is removed behind it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("queue-schema-{test}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }

        fn url(&self, query: &str) -> String {
            format!("{}{query}", self.file().display())
        }

        fn file(&self) -> PathBuf {
            self.0.join("jobs.db")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn run(file: &Path, sql: String) {
        block_on(async {
            let mut connection = SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await.unwrap();
            connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
            connection.close().await.unwrap();
        });
    }

    fn versions(schema: Result<Schema, Error>) -> (u32, u32) {
        let schema = schema.unwrap();
        (schema.version, schema.wanted)
    }

    #[test]
    fn a_file_that_is_not_there_or_empty_has_version_0_and_nothing_is_made() {
        let folder = Folder::new("none");
        assert_eq!(versions(block_on(Sqlite::schema_at(&folder.url("")))), (0, 2));
        assert_eq!(versions(block_on(Sqlite::schema_at(&folder.url("/of/none")))), (0, 2));
        assert!(folder.names().is_empty());
        std::fs::write(folder.file(), "").unwrap();
        assert_eq!(versions(block_on(Sqlite::schema_at(&folder.url("?migrate=off")))), (0, 2));
        assert_eq!((folder.names(), std::fs::read(folder.file()).unwrap().len()), (vec!["jobs.db".to_owned()], 0));
    }

    #[test]
    fn an_old_file_is_looked_at_and_then_brought_up_to_date() {
        for mode in ["delete", "wal"] {
            let folder = Folder::new(mode);
            run(&folder.file(), format!("PRAGMA journal_mode = {mode}; {}", migrate::step(0)));
            let before = std::fs::read(folder.file()).unwrap();
            assert_eq!(versions(block_on(Sqlite::schema_at(&folder.url("")))), (1, 2));
            assert!(std::fs::read(folder.file()).unwrap() == before, "it was written to");
            assert_eq!(versions(block_on(Sqlite::migrate_at(&folder.url("?migrate=off&create=off")))), (2, 2));
            assert_eq!(versions(block_on(Sqlite::schema_at(&folder.url("")))), (2, 2));
            assert_eq!(folder.names(), ["jobs.db"]);
        }
    }

    #[test]
    fn a_missing_file_is_made_unless_the_url_says_otherwise() {
        let folder = Folder::new("missing");
        let error = block_on(Sqlite::migrate_at(&folder.url("?create=off"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        assert!(error.to_string().contains("jobs.db` does not exist, and `create=off`"), "{error}");
        assert!(folder.names().is_empty());
        assert_eq!(versions(block_on(Sqlite::migrate_at(&folder.url("?migrate=off")))), (2, 2));
    }

    #[test]
    fn what_is_no_file_of_jobs_is_refused_and_a_newer_one_only_by_a_migration() {
        let folder = Folder::new("other");
        std::fs::write(folder.file(), "a letter to a friend, which is longer than nothing").unwrap();
        for error in [
            block_on(Sqlite::schema_at(&folder.url(""))).unwrap_err(),
            block_on(Sqlite::migrate_at(&folder.url(""))).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Store);
            assert!(error.to_string().contains("is no SQLite database"), "{error}");
        }
        std::fs::remove_file(folder.file()).unwrap();
        run(&folder.file(), format!("{}; INSERT INTO queue_schema VALUES (99, 0)", Sqlite::sql_from(0)));
        assert_eq!(versions(block_on(Sqlite::schema_at(&folder.url("")))), (99, 2));
        let error = block_on(Sqlite::migrate_at(&folder.url(""))).unwrap_err();
        assert!(error.to_string().contains("has version 99 of the schema, and this program knows 2"), "{error}");
    }
}
