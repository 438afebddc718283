//! How a database is reached, and what a user may choose.

use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::error::{Error, ErrorKind};

/// The schema of the tables, where nobody says otherwise.
const SCHEMA: &str = "queue";

/// How often the database is looked at where nobody is told of anything.
const POLL: Duration = Duration::from_secs(1);

/// For how long a server that is away is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// The longest name of a schema: with a prefix it is the name of a channel, which has 63 bytes at most.
const LONGEST: usize = 48;

/// What the client library reads in a URL.
const OF_CONNECTION: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// How a database is used.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) options: PgConnectOptions,
    pub(super) schema: String,
    /// Whether statements are prepared once a connection. A pooler that hands out the connections of the server by the transaction loses them.
    pub(super) prepares: bool,
    /// Whether others are told by `NOTIFY`, and heard.
    pub(super) notifies: bool,
    /// Whether the schema is brought up to date.
    pub(super) migrates: bool,
    /// Whether completed jobs are kept until they are old.
    pub(super) keeps_completed: bool,
    pub(super) poll: Duration,
    /// For how long a server that is away is waited for.
    pub(super) patience: Duration,
}

impl Settings {
    /// With the options of a connection, such as those of a user's pool.
    pub(super) fn new(options: PgConnectOptions) -> Self {
        let named = options.get_application_name().is_some();
        let options = if named { options } else { options.application_name("queue") };
        Self {
            options: options.disable_statement_logging(),
            schema: SCHEMA.to_owned(),
            prepares: true,
            notifies: true,
            migrates: true,
            keeps_completed: true,
            poll: POLL,
            patience: PATIENCE,
        }
    }

    /// Reads a URL: `postgres://user:password@host:port/database?schema=jobs&notify=off`.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let (base, query) = url.split_once('?').map_or((url, ""), |(base, query)| (base, query));
        // A slip that makes a name of what was meant as a password: nothing of it is shown.
        let has_slip = !base.contains("://") || base.splitn(4, '/').nth(3).is_some_and(|database| database.contains(['@', ':']));
        if has_slip {
            return Err(unreadable());
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for setting in query.split('&').filter(|setting| !setting.is_empty()) {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            let is_theirs = OF_CONNECTION.contains(&key) || key.starts_with("options[");
            if is_theirs { theirs.push(setting) } else { ours.push((key, value)) }
        }
        let connection = if theirs.is_empty() { base.to_owned() } else { format!("{base}?{}", theirs.join("&")) };
        // The text of the error is not kept: it may hold the password.
        let options = PgConnectOptions::from_str(&connection).map_err(|_| unreadable())?;
        let mut settings = Self::new(options);
        for (key, value) in ours {
            settings.set(key, value)?;
        }
        Ok(settings)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Error> {
        match key {
            "schema" => self.schema = checked(value)?.to_owned(),
            "notify" => self.notifies = switch(key, value)?,
            "migrate" => self.migrates = switch(key, value)?,
            "prepare" => self.prepares = switch(key, value)?,
            "completed" => {
                self.keeps_completed = match value {
                    "keep" => true,
                    "remove" => false,
                    _ => {
                        return Err(invalid(format!(
                            "`completed={value}` is not known: `keep` them for a day, or `remove` them at once"
                        )));
                    }
                }
            }
            "poll" => self.poll = span(key, value, 10, 1_000)?,
            "wait" => self.patience = span(key, value, 0, 3_000)?,
            _ => {
                return Err(invalid(format!(
                    "`postgres:` knows no setting `{key}`: known are `schema`, `notify`, `migrate`, `prepare`, `completed`, `poll` and `wait`, and those of \
                     a connection, such as `sslmode`"
                )));
            }
        }
        Ok(())
    }

    /// The server and the database, without the password, for errors and logs.
    pub(super) fn place(&self) -> String {
        let database = self.options.get_database().unwrap_or_else(|| self.options.get_username());
        match self.options.get_socket() {
            Some(socket) => format!("the Postgres server at `{}/{database}`", socket.display()),
            None => format!("the Postgres server at `{}:{}/{database}`", self.options.get_host(), self.options.get_port()),
        }
    }

    /// What tells its store from all others.
    pub(super) fn store(&self) -> String {
        format!("{} as {} in {}", self.place(), self.options.get_username(), self.schema)
    }
}

/// A name that a schema can have here.
pub(super) fn checked(schema: &str) -> Result<&str, Error> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let begins_well = schema.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && !schema.starts_with("pg_");
    if begins_well && schema.len() <= LONGEST && schema.chars().all(is_plain) {
        return Ok(schema);
    }
    Err(invalid(format!(
        "`{}` cannot be the schema: take up to {LONGEST} small letters, digits and `_`, not beginning with a digit or `pg_`",
        schema.escape_debug()
    )))
}

/// Milliseconds, up to an hour.
fn span(key: &str, value: &str, least: u64, such_as: u64) -> Result<Duration, Error> {
    let millis = value.parse().ok().filter(|millis| (least..=3_600_000).contains(millis));
    let wrong =
        || invalid(format!("`{key}={value}` is no number of milliseconds from {least} to 3600000, as in `{key}={such_as}`"));
    Ok(Duration::from_millis(millis.ok_or_else(wrong)?))
}

fn switch(key: &str, value: &str) -> Result<bool, Error> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(invalid(format!("`{key}={value}` is neither `on` nor `off`"))),
    }
}

fn unreadable() -> Error {
    invalid(
        "the URL of the Postgres server cannot be read: write it as `postgres://user:password@host:5432/database`, with `%40` for an `@` \
         in the password"
            .to_owned(),
    )
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::Invalid, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_settings_of_the_queue_and_of_the_connection() {
        let url = "postgres://ann:p%40ss@db:5433/shop?schema=jobs&sslmode=disable&notify=off&migrate=off&prepare=off&completed=remove&poll=250&wait=3000";
        let settings = Settings::parse(url).unwrap();
        assert_eq!((settings.schema.as_str(), settings.poll), ("jobs", Duration::from_millis(250)));
        assert!(!settings.notifies && !settings.migrates && !settings.prepares && !settings.keeps_completed);
        assert_eq!(settings.place(), "the Postgres server at `db:5433/shop`");
        assert!(!settings.store().contains("p@ss"));
        let plain = Settings::parse("postgres://localhost/shop").unwrap();
        assert!(plain.notifies && plain.migrates && plain.prepares && plain.keeps_completed);
        assert_eq!(plain.schema, "queue");
        assert_eq!((settings.patience, plain.patience), (Duration::from_secs(3), Duration::from_secs(120)));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (url, said) in [
            ("postgres://u:secret@h:port/x", "cannot be read"),
            ("postgres:u:secret@h/db", "cannot be read"),
            ("postgres://h:5432/u:secret@h/db", "cannot be read"),
            ("postgres://h/x?schema=Jobs", "`Jobs` cannot be the schema"),
            ("postgres://h/x?schema=a;drop", "cannot be the schema"),
            ("postgres://h/x?schema=", "cannot be the schema"),
            ("postgres://h/x?schema=pg_jobs", "cannot be the schema"),
            ("postgres://h/x?notify=no", "neither `on` nor `off`"),
            ("postgres://h/x?completed=no", "is not known"),
            ("postgres://h/x?poll=1", "is no number of milliseconds"),
            ("postgres://h/x?wait=soon", "is no number of milliseconds from 0"),
            ("postgres://h/x?pool=1", "knows no setting `pool`"),
        ] {
            let error = Settings::parse(url).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("secret"), "{url}: {error}");
        }
    }
}
