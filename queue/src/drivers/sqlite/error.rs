//! What SQLite says, in the words of the contract.

use std::path::Path;

use crate::drivers::PushError;
use crate::error::{BoxError, Error, ErrorKind};
use crate::job::SettleError;

/// The primary result codes of SQLite that mean something else than "this statement is wrong" (sqlite.org/rescode.html).
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NOMEM: i32 = 7;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const PROTOCOL: i32 = 15;
const NOTADB: i32 = 26;
/// An extended code of `BUSY`: the transaction reads an old state of the file.
const BUSY_SNAPSHOT: i32 = 517;

/// An extended code of `CONSTRAINT`: a `CHECK` does not hold.
const CHECK: i32 = 275;

/// Why something was not done in a file.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite, or the client library, said so.
    Sql(sqlx::Error),
    /// This driver did, and says what in its own words.
    Own(Error),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    /// The extended result code of SQLite.
    fn code(&self) -> Option<i32> {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => error.code()?.parse().ok(),
            _ => None,
        }
    }

    /// The primary result code, its last byte.
    fn primary(&self) -> Option<i32> {
        self.code().map(|code| code & 0xff)
    }

    /// Whether waiting can help: somebody else writes, or the disk is full.
    pub(super) fn is_away(&self) -> bool {
        match self {
            Self::Own(error) => error.kind() == ErrorKind::Unavailable,
            Self::Sql(_) => {
                matches!(self.primary(), Some(BUSY | LOCKED | NOMEM | IOERR | FULL | CANTOPEN | PROTOCOL))
            }
        }
    }

    /// Whether another connection has the lock of the file, and the transaction is not stale.
    pub(super) fn is_plainly_busy(&self) -> bool {
        self.code() == Some(BUSY)
    }

    /// Whether a `CHECK` of the schema does not hold.
    pub(super) fn is_check(&self) -> bool {
        self.code() == Some(CHECK)
    }

    /// Whether others have the file for the moment.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self.primary(), Some(BUSY | LOCKED | PROTOCOL))
    }

    /// The same for a file that is opened: what is not there now will not come by waiting, unless it is locked.
    pub(super) fn into_open_error(self, path: &Path) -> Error {
        let kind = if self.is_locked() { ErrorKind::Unavailable } else { ErrorKind::Store };
        self.into_error_of(kind, path)
    }

    /// What happened, and what to do.
    fn text(&self, file: &Path) -> String {
        let path = file.display();
        match self.primary() {
            Some(BUSY | LOCKED | PROTOCOL) => {
                format!("the file `{path}` is locked by another connection, which writes for too long")
            }
            Some(FULL) => format!("the disk of the file `{path}` is full, or the file may not grow: make room, and it goes on"),
            Some(READONLY) => format!("the file `{path}` cannot be written: it, its folder or its disk is read-only"),
            Some(IOERR) => format!("the file `{path}` could not be read or written"),
            Some(CANTOPEN) => format!("the file `{path}` cannot be opened: {}", why_not_opened(file)),
            Some(CORRUPT) => {
                format!("the file `{path}` is damaged: stop what uses it, and restore it or run `.recover` of sqlite3")
            }
            Some(NOTADB) => format!("the file `{path}` is no SQLite database: give the jobs another path"),
            _ => format!("a statement on the file `{path}` failed"),
        }
    }

    pub(super) fn into_error(self, path: &Path) -> Error {
        let kind = if self.is_away() { ErrorKind::Unavailable } else { ErrorKind::Store };
        self.into_error_of(kind, path)
    }

    fn into_error_of(self, kind: ErrorKind, path: &Path) -> Error {
        let text = self.text(path);
        match self {
            Self::Own(error) => error,
            Self::Sql(error) => Error::new(kind, text).with_source(error),
        }
    }

    pub(super) fn into_push_error(self, path: &Path) -> PushError {
        if self.code() == Some(BUSY_SNAPSHOT) {
            return PushError::StaleSnapshot(self.into_source());
        }
        let is_away = self.is_away();
        let error: BoxError = self.into_error(path).into();
        if is_away { PushError::Unavailable(error) } else { PushError::Store(error) }
    }

    pub(super) fn into_settle_error(self, path: &Path) -> SettleError {
        if self.code() == Some(BUSY_SNAPSHOT) {
            let text = "the transaction began with a read and its snapshot is stale, so it cannot write: begin it with `BEGIN IMMEDIATE`";
            return SettleError::Store(Error::new(ErrorKind::Store, text).with_source(self.into_source()).into());
        }
        SettleError::Store(self.into_error(path).into())
    }

    pub(super) fn into_source(self) -> BoxError {
        match self {
            Self::Own(error) => error.into(),
            Self::Sql(error) => error.into(),
        }
    }
}

/// What stands in the way of a file.
fn why_not_opened(file: &Path) -> String {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let shown = folder.display();
    if file.is_dir() {
        "that is a folder, so name a file in it".to_owned()
    } else if folder.is_dir() {
        "it and its folder must be readable and writable".to_owned()
    } else if folder.exists() {
        format!("`{shown}` is no folder")
    } else {
        format!("the folder `{shown}` does not exist, so create it")
    }
}
