//! Where the processes of the crash suite keep jobs: a SQLite file, or a schema of a Postgres server. A word of the command line names it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use queue::Error;
use queue::drivers::{Driver, Postgres, Sqlite};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

/// What stands between a server and a schema in a word.
const MARK: &str = "#";

/// Where the jobs are.
#[derive(Debug, Clone)]
pub enum Store {
    /// A file.
    File(PathBuf),
    /// A schema of a server.
    Schema {
        /// The URL of the server.
        server: String,
        /// The name of the schema.
        name: String,
    },
}

impl Store {
    /// The store that a word names.
    #[must_use]
    pub fn of_word(word: &str) -> Self {
        match word.split_once(MARK).filter(|(server, _)| server.starts_with("postgres:")) {
            Some((server, name)) => Self::Schema { server: server.to_owned(), name: name.to_owned() },
            None => Self::File(word.into()),
        }
    }

    /// The word that names it.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Schema { server, name } => format!("{server}{MARK}{name}"),
        }
    }

    /// Its file.
    ///
    /// # Panics
    ///
    /// It has none.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Schema { name, .. } => panic!("the schema {name} is no file"),
        }
    }

    /// Opens it, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    ///
    /// # Panics
    ///
    /// The URL of the server is none.
    pub async fn open(&self) -> Result<Arc<dyn Driver>, Error> {
        Ok(match self {
            Self::File(path) => Arc::new(Sqlite::open(path).await?),
            Self::Schema { server, name } => {
                let options: PgConnectOptions = server.parse().expect("the URL of a server");
                Arc::new(Postgres::from_options(options).schema(name).await?)
            }
        })
    }

    /// What SQL in a schema is run with.
    ///
    /// # Panics
    ///
    /// It is none, or the URL of its server is none.
    #[must_use]
    pub fn options(&self) -> PgConnectOptions {
        let Self::Schema { server, name } = self else { panic!("a file has no server") };
        let options: PgConnectOptions = server.parse().expect("the URL of a server");
        options.options([("search_path", name)]).disable_statement_logging()
    }
}
