//! What Postgres says, in the words of the contract.

use crate::drivers::PushError;
use crate::error::{BoxError, Error, ErrorKind};
use crate::job::SettleError;

/// Why something was not done in a database.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server, or the client library, said so.
    Sql(sqlx::Error),
    /// Nobody answered in time.
    Silent,
    /// This driver did, and says what in its own words.
    Own(Error),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    /// The code of an error of the server (postgresql.org/docs/current/errcodes-appendix.html).
    fn code(&self) -> Option<String> {
        match self {
            Self::Sql(sqlx::Error::Database(error)) => Some(error.code()?.into_owned()),
            _ => None,
        }
    }

    fn has_code(&self, codes: &[&str]) -> bool {
        self.code().is_some_and(|code| codes.iter().any(|known| code.starts_with(known)))
    }

    /// Whether the connection is of no use any more.
    pub(super) fn ends_connection(&self) -> bool {
        match self {
            Self::Silent => true,
            Self::Own(error) => error.kind() == ErrorKind::Unavailable,
            // The server ended the session: an administrator, a shutdown, a crash, or a limit on idle ones.
            Self::Sql(sqlx::Error::Database(_)) => self.has_code(&["57P", "08", "25P03"]),
            Self::Sql(error) => !matches!(
                error,
                sqlx::Error::RowNotFound
                    | sqlx::Error::ColumnNotFound(_)
                    | sqlx::Error::ColumnDecode { .. }
                    | sqlx::Error::Decode(_)
                    | sqlx::Error::Encode(_)
                    | sqlx::Error::TypeNotFound { .. }
            ),
        }
    }

    /// Whether nobody knows what became of the statement: the server may have done it.
    pub(super) fn is_in_doubt(&self) -> bool {
        match self {
            Self::Silent => true,
            Self::Own(_) => false,
            Self::Sql(sqlx::Error::Database(_)) => self.has_code(&["57P", "08"]),
            Self::Sql(_) => self.ends_connection(),
        }
    }

    /// Whether the same at once may do: two met in another order than each other, or the database wants all transactions serial.
    pub(super) fn is_conflict(&self) -> bool {
        self.has_code(&["40001", "40P01"])
    }

    /// Whether a lock was not to be had in time.
    pub(super) fn is_locked(&self) -> bool {
        self.has_code(&["55P03"])
    }

    /// Whether waiting can help: the server is not there, is busy, has no room, or somebody holds a lock.
    pub(super) fn is_away(&self) -> bool {
        self.ends_connection() || self.has_code(&["40001", "40P01", "53", "55P03", "57014", "58", "25006"])
    }

    /// The same for a connection that is made: a name or a password that is wrong now will be wrong later.
    fn is_away_at_start(&self) -> bool {
        match self {
            Self::Silent | Self::Sql(sqlx::Error::Io(_)) => true,
            Self::Own(error) => error.kind() == ErrorKind::Unavailable,
            // A protocol that is refused is refused tomorrow as well.
            Self::Sql(_) => self.has_code(&["57P", "53", "08", "40001", "40P01", "55P03", "58"]) && !self.has_code(&["08P01"]),
        }
    }

    /// What happened, and what to do.
    fn text(&self, place: &str) -> String {
        match self.code().as_deref() {
            Some("28P01" | "28000") => {
                format!("{place} does not let this user in: check the name, the password and `pg_hba.conf`")
            }
            Some("08P01") => {
                format!(
                    "{place} does not take a connection that is made like this: behind a pooler, connect with `?prepare=off&notify=off`"
                )
            }
            Some("3D000") => format!("the database of {place} does not exist: create it with `createdb`"),
            Some("42501") => format!("the user of {place} lacks a right that this needs: docs/postgres.md lists them by role"),
            Some("53300") => format!("{place} has no connection left: raise `max_connections`, or use fewer"),
            Some("57014") => format!("a statement on {place} took too long and was ended: look for locks and load"),
            Some("55P03") => format!("a row or table on {place} is locked by another transaction for too long"),
            Some("53100") => format!("the disk of {place} is full: make room, and it goes on"),
            Some("25006") => format!("{place} takes no writes: it is a standby, or was told to be read-only"),
            Some("42P01" | "3F000" | "42703") => format!(
                "{place} lacks a part of the schema of the queue: connect without `migrate=off`, or apply the statements of `Migrate::sql`"
            ),
            Some(code) if code.starts_with("57P") => format!("{place} is shutting down or starting, or ended the connection"),
            Some(_) => format!("a statement on {place} failed"),
            None => match self {
                Self::Silent => format!("{place} did not answer in time"),
                Self::Sql(sqlx::Error::Io(_)) => format!("{place} cannot be reached, or the connection to it broke"),
                Self::Sql(sqlx::Error::Tls(_)) => {
                    format!(
                        "the connection to {place} could not be made safe: TLS needs the feature `postgres-tls`, and a certificate that is trusted"
                    )
                }
                _ => format!("the exchange with {place} failed"),
            },
        }
    }

    pub(super) fn into_error(self, place: &str) -> Error {
        let kind = if self.is_away() { ErrorKind::Unavailable } else { ErrorKind::Store };
        self.into_error_of(kind, place)
    }

    /// The same for a driver that is opened: what waiting cannot cure is no matter of waiting.
    pub(super) fn into_open_error(self, place: &str) -> Error {
        let kind = if self.is_away_at_start() { ErrorKind::Unavailable } else { ErrorKind::Store };
        self.into_error_of(kind, place)
    }

    fn into_error_of(self, kind: ErrorKind, place: &str) -> Error {
        let text = self.text(place);
        match self {
            Self::Own(error) => error,
            Self::Silent => Error::new(kind, text),
            Self::Sql(error) => Error::new(kind, text).with_source(error),
        }
    }

    pub(super) fn into_push_error(self, place: &str) -> PushError {
        let is_away = self.is_away();
        let error: BoxError = self.into_error(place).into();
        if is_away { PushError::Unavailable(error) } else { PushError::Store(error) }
    }

    pub(super) fn into_settle_error(self, place: &str) -> SettleError {
        SettleError::Store(self.into_error(place).into())
    }
}
