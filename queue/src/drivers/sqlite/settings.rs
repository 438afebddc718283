//! How a file is opened: its path, and what a user may choose.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::writer::Level;
use crate::error::{Error, ErrorKind};

/// For how long a statement waits for the lock of the file before it says that the file is locked, where nobody says otherwise.
const BUSY: Duration = Duration::from_secs(5);

/// The part of the file that a connection keeps in memory, in KiB.
const CACHE: &str = "-16000";

/// To what size the log is cut when it is begun anew, in bytes: what one long transaction made it does not stay.
const LOG: &str = "67108864";

/// How a file is opened.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The connections are made with these; their file is the file.
    pub(super) options: SqliteConnectOptions,
    pub(super) path: PathBuf,
    pub(super) durable: Level,
    /// Whether a file is made where there is none.
    pub(super) creates: bool,
    /// Whether the schema is brought up to date.
    pub(super) migrates: bool,
}

impl Settings {
    pub(super) fn new(path: PathBuf) -> Self {
        Self::with(SqliteConnectOptions::new().filename(&path).create_if_missing(true).busy_timeout(BUSY), path)
    }

    /// The options of a user's pool, whose file this is.
    pub(super) fn with(options: SqliteConnectOptions, path: PathBuf) -> Self {
        let options = options.row_buffer_size(1024).disable_statement_logging();
        Self { options, path, durable: Level::Full, creates: true, migrates: true }
    }

    /// Refuses what no system takes as a path.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.path.to_str() {
            Some(path) if path.contains('\0') => {
                Err(Error::new(ErrorKind::Invalid, format!("the path {path:?} of the SQLite file has a NUL character")))
            }
            Some(_) => Ok(()),
            None => {
                let text = format!("the path {:?} of the SQLite file is not Unicode, which SQLite needs", self.path);
                Err(Error::new(ErrorKind::Invalid, text))
            }
        }
    }

    /// What stands behind `sqlite:`, read as a URL: `path`, `//path`, `path?synchronous=normal`.
    pub(super) fn parse(rest: &str) -> Result<Self, Error> {
        let invalid = |text: String| Error::new(ErrorKind::Invalid, text);
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        let path = decoded(path.strip_prefix("//").unwrap_or(path)).ok_or_else(|| {
            invalid(format!("the path `{path}` of the SQLite file has a `%` without two hexadecimal digits: write `%25`"))
        })?;
        if path.contains('@') && path.contains(':') {
            // It is not shown: it may hold a password.
            return Err(invalid("`sqlite:` takes the path of a file, and this looks like the URL of a server".to_owned()));
        }
        if path.is_empty() || path == ":memory:" {
            let text = "`sqlite:` takes the path of a file, as in `sqlite:jobs.db`: for jobs in memory there is `memory:`";
            return Err(invalid(text.to_owned()));
        }
        let mut settings = Self::new(PathBuf::from(path));
        settings.check()?;
        for setting in query.into_iter().flat_map(|query| query.split('&')).filter(|setting| !setting.is_empty()) {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            match (key, value) {
                ("synchronous", "full") => settings.durable = Level::Full,
                ("synchronous", "normal") => settings.durable = Level::Normal,
                ("synchronous", _) => {
                    return Err(invalid(format!(
                        "`synchronous={value}` is not known: `full` survives a power cut, `normal` the process"
                    )));
                }
                ("busy_timeout", _) => {
                    let millis = value.parse().map_err(|_| {
                        invalid(format!("`busy_timeout={value}` is no number of milliseconds, as in `busy_timeout=5000`"))
                    })?;
                    settings.options = settings.options.busy_timeout(Duration::from_millis(millis));
                }
                ("create", "on" | "off") => settings.creates = value == "on",
                ("migrate", "on" | "off") => settings.migrates = value == "on",
                ("create" | "migrate", _) => {
                    return Err(invalid(format!("`{key}={value}` is not known: `{key}` is `on` or `off`")));
                }
                _ => {
                    return Err(invalid(format!(
                        "`sqlite:` knows no setting `{key}`: known are `synchronous`, `busy_timeout`, `create` and `migrate`"
                    )));
                }
            }
        }
        Ok(settings)
    }

    /// Whether the file is there; one that cannot be asked for is left to SQLite.
    pub(super) fn is_there(&self) -> bool {
        self.path.try_exists().unwrap_or(true)
    }

    /// Refuses a file that is not there and may not be made.
    pub(super) fn check_there(&self) -> Result<(), Error> {
        let why = match (self.creates, self.migrates) {
            (false, _) => "`create=off` says that none is made: name another one, or leave the setting out",
            (true, false) => "`migrate=off` says that no schema is made: run `craft migrate`, or name another file",
            (true, true) => return Ok(()),
        };
        if self.is_there() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Store, format!("the file `{}` does not exist, and {why}", self.path.display())))
    }

    /// The options of a connection that has not been told anything about the file yet: nothing in them writes.
    pub(super) fn looking(&self) -> SqliteConnectOptions {
        match self.creates && self.migrates {
            true => self.options.clone(),
            false => self.options.clone().create_if_missing(false),
        }
    }

    /// The options of the connection that writes.
    pub(super) fn writing(&self) -> SqliteConnectOptions {
        self.looking()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", CACHE)
            .pragma("journal_size_limit", LOG)
            .pragma("temp_store", "MEMORY")
            .thread_name(|_| "queue-sqlite-write".to_owned())
    }

    /// The options of a connection that only reads.
    pub(super) fn reading(&self, name: &'static str) -> SqliteConnectOptions {
        self.options.clone().create_if_missing(false).pragma("query_only", "ON").thread_name(move |_| name.to_owned())
    }
}

/// A path with `%41` and the like made letters, as in any URL.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> String {
        Settings::parse(url).unwrap().path.display().to_string()
    }

    #[test]
    fn a_path_stands_behind_the_scheme_with_or_without_slashes() {
        assert_eq!(path("jobs.db"), "jobs.db");
        assert_eq!(path("//jobs.db"), "jobs.db");
        assert_eq!(path("/var/jobs.db"), "/var/jobs.db");
        assert_eq!(path("///var/jobs.db"), "/var/jobs.db");
        assert_eq!(path("a%20b%3F.db?synchronous=normal"), "a b?.db");
    }

    #[test]
    fn settings_are_read_and_others_refused() {
        assert_eq!(Settings::parse("a.db").unwrap().durable, Level::Full);
        assert_eq!(Settings::parse("a.db?synchronous=normal").unwrap().durable, Level::Normal);
        assert_eq!(Settings::parse("a.db?busy_timeout=100&synchronous=full").unwrap().durable, Level::Full);
        let settings =
            ["a.db?create=on&migrate=off", "a.db?create=off&migrate=on", "a.db"].map(|url| Settings::parse(url).unwrap());
        assert_eq!(settings.map(|all| (all.creates, all.migrates)), [(true, false), (false, true), (true, true)]);
        for (url, said) in [
            ("", "takes the path of a file"),
            (":memory:", "there is `memory:`"),
            ("//u:secret@h/db", "looks like the URL of a server"),
            ("a%2.db", "without two hexadecimal digits"),
            ("a.db?synchronous=off", "`synchronous=off` is not known"),
            ("a.db?busy_timeout=long", "is no number of milliseconds"),
            ("a.db?mode=ro", "knows no setting `mode`"),
            ("a.db?create=no", "`create=no` is not known: `create` is `on` or `off`"),
            ("a.db?migrate", "`migrate=` is not known"),
        ] {
            let error = Settings::parse(url).unwrap_err().to_string();
            assert!(error.contains(said), "{url}: {error}");
        }
    }
}
