//! The tables of this program. They lie in the file in which the queue keeps its jobs, so what is written to both commits together.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use queue::drivers::Sqlite;
use queue::prelude::*;
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool};

use crate::job::SendWelcomeEmail;
use crate::signups::User;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS users (
        id    INTEGER PRIMARY KEY,
        name  TEXT NOT NULL,
        email TEXT NOT NULL UNIQUE COLLATE NOCASE
    ) STRICT;
    CREATE TABLE IF NOT EXISTS imports (
        digest BLOB PRIMARY KEY,        -- of the whole file: under another name it is the same one
        path   TEXT NOT NULL,
        rows   INTEGER NOT NULL,
        at     INTEGER NOT NULL         -- seconds since 1970
    ) STRICT;
";

/// The file.
pub(crate) struct Database {
    pool: SqlitePool,
}

/// What an import did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Import {
    /// So many users are new, and get a message.
    Done(usize),
    /// The same file was imported before.
    Known,
}

impl Database {
    /// Makes the file and the tables where there are none.
    pub(crate) async fn open(path: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePool::connect_with(options).await?;
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        Ok(Self { pool })
    }

    /// The queue that keeps its jobs in the same file.
    pub(crate) async fn queue(&self) -> Result<Queue, queue::Error> {
        Ok(Queue::from_driver(Arc::new(Sqlite::from_pool(&self.pool).await?)))
    }

    /// Takes the users of a file in, with a job for each and a mark of the file, in one transaction: whatever kills the program, either all
    /// of it is there or nothing, and the next start knows which.
    pub(crate) async fn import(&self, file: &Path, text: &[u8], users: &[User]) -> Result<Import, Box<dyn Error>> {
        let digest = Sha256::digest(text).to_vec();
        // IMMEDIATE, because it reads before it writes: a transaction that only reads at first cannot write once somebody else has.
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mark = sqlx::query("SELECT 1 FROM imports WHERE digest = ?").bind(&digest).fetch_optional(&mut *transaction).await?;
        if mark.is_some() {
            return Ok(Import::Known);
        }
        let mut new = 0;
        for user in users {
            // Somebody who stood in another file was welcomed then.
            let insert = sqlx::query("INSERT INTO users (id, name, email) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
                .bind(user.id.cast_signed())
                .bind(&user.name)
                .bind(user.email.to_string());
            if insert.execute(&mut *transaction).await?.rows_affected() > 0 {
                SendWelcomeEmail::with(user.id).push_in(&mut transaction).await?;
                new += 1;
            }
        }
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        sqlx::query("INSERT INTO imports (digest, path, rows, at) VALUES (?, ?, ?, ?)")
            .bind(digest)
            .bind(file.display().to_string())
            .bind(i64::try_from(new)?)
            .bind(at.cast_signed())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Import::Done(new))
    }

    /// Everybody, also from the files of earlier runs: their jobs may still wait.
    pub(crate) async fn users(&self) -> Result<Vec<User>, Box<dyn Error>> {
        let rows: Vec<(i64, String, String)> = sqlx::query_as("SELECT id, name, email FROM users").fetch_all(&self.pool).await?;
        let user = |(id, name, email): (i64, String, String)| Ok(User { id: id.cast_unsigned(), name, email: email.parse()? });
        rows.into_iter().map(user).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: u64, email: &str) -> User {
        User { id, name: "Ada".to_owned(), email: email.parse().unwrap() }
    }

    async fn waiting(queue: &Queue) -> u64 {
        queue.counts().await.unwrap().total(queue::JobState::Available)
    }

    #[tokio::test]
    async fn users_and_jobs_come_together_and_a_file_comes_once() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("welcome.db")).await.unwrap();
        let queue = database.queue().await.unwrap();
        let (ada, bob) = (user(u64::MAX, "ada@example.org"), user(2, "bob@example.org"));
        let import = async |text: &[u8], users: &[User]| {
            let imported = database.import(Path::new("a.csv"), text, users);
            queue.scope(imported).await.unwrap()
        };

        let one = [ada.clone()];
        assert_eq!(import(b"one", &one).await, Import::Done(1));
        assert_eq!((import(b"one", &one).await, waiting(&queue).await), (Import::Known, 1));
        let moved = user(3, "ADA@example.org");
        assert_eq!((import(b"two", &[ada.clone(), bob.clone(), moved]).await, waiting(&queue).await), (Import::Done(1), 2));
        assert_eq!(database.users().await.unwrap(), [ada, bob]);
        queue.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn an_import_that_does_not_end_never_was() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("welcome.db")).await.unwrap();
        let queue = database.queue().await.unwrap();
        let users: Vec<User> = (0..20).map(|id| user(id, &format!("{id}@example.org"))).collect();
        queue.shutdown().await.unwrap();
        // The mark is written last, and cannot be: the table is gone.
        sqlx::raw_sql("DROP TABLE imports; CREATE VIEW imports AS SELECT 1 AS digest").execute(&database.pool).await.unwrap();
        let queue = database.queue().await.unwrap();
        let error = queue.scope(database.import(Path::new("a.csv"), b"one", &users)).await.unwrap_err();
        assert!(error.to_string().contains("imports"), "{error}");
        assert_eq!((waiting(&queue).await, database.users().await.unwrap()), (0, Vec::new()));
        queue.shutdown().await.unwrap();
    }
}
