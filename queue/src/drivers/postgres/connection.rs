//! Connections of a driver's own, one for each sort of work, and what is said on one.

use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Execute, Executor, PgConnection, Postgres};
use tokio::sync::{Mutex, MutexGuard};

use super::error::Fault;
use super::home::Home;
use super::statement::{Dialect, Sent, Statement};
use crate::error::{Error, ErrorKind};

/// For how long a connection may take to be made.
const CONNECTING: Duration = Duration::from_secs(10);
/// How much longer than the server an answer is waited for: what the server ended itself is known not to be done.
const SLACK: Duration = Duration::from_secs(2);
/// How often two that met are tried again.
const TRIES: usize = 5;

/// A connection for one sort of work. It is made when it is first needed, and again when it broke.
#[derive(Debug)]
pub(super) struct Line {
    home: Home,
    options: PgConnectOptions,
    limits: Limits,
    /// `None` until it is needed, while it is used, and when it broke.
    connection: Mutex<Option<PgConnection>>,
    is_closed: AtomicBool,
}

/// For how long the statements of a connection may take, and wait for a lock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) statement: Duration,
    pub(super) lock: Duration,
}

impl Line {
    pub(super) fn new(home: &Home, options: PgConnectOptions, limits: Limits) -> Self {
        Self { home: home.clone(), options, limits, connection: Mutex::new(None), is_closed: AtomicBool::new(false) }
    }

    /// Waits for the connection, to do something on it. Cancel safe.
    pub(super) async fn turn<'a>(&'a self, dialect: &'a Dialect) -> Turn<'a> {
        Turn {
            line: self,
            dialect,
            place: self.connection.lock().await,
            out: None,
            state: State::default(),
            is_kept: false,
            tries: 0,
        }
    }

    /// Runs one statement, in a transaction of its own.
    pub(super) async fn rows(&self, dialect: &Dialect, statement: &Statement) -> Result<Vec<PgRow>, Fault> {
        self.rows_of_last(dialect, slice::from_ref(statement)).await
    }

    /// Runs statements in one transaction and answers the rows of the last; where that fails because two met, or because the connection broke
    /// since it was last used, once more. Dropped half-way, it closes the connection, and nobody knows whether the server did it.
    pub(super) async fn rows_of_last(&self, dialect: &Dialect, statements: &[Statement]) -> Result<Vec<PgRow>, Fault> {
        let mut turn = self.turn(dialect).await;
        loop {
            let done = match turn.session().await {
                Ok(mut session) => session.rows_of_last(statements).await,
                Err(fault) => Err(fault),
            };
            if let Some(rows) = turn.end(done).await? {
                return Ok(rows);
            }
        }
    }

    async fn connect(&self) -> Result<PgConnection, Fault> {
        let options = self.options.clone();
        // On the thread where its socket is waited for.
        let connecting = self.home.spawn(async move { tokio::time::timeout(CONNECTING, options.connect()).await });
        match connecting.await {
            Ok(Ok(connection)) => Ok(connection?),
            Ok(Err(_)) => Err(Fault::Silent),
            Err(_) => Err(Fault::Own(Error::new(ErrorKind::Closed, "the thread of the connections has ended"))),
        }
    }

    /// Closes the connection; what is being done on it ends first.
    pub(super) async fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        if let Some(connection) = self.connection.lock().await.take() {
            // It is closed either way.
            let _ = self.home.within(SLACK, connection.close()).await;
        }
    }
}

/// A connection while somebody does something on it. What is not [ended](Turn::end) closes it, and the server undoes what was not committed.
pub(super) struct Turn<'a> {
    line: &'a Line,
    dialect: &'a Dialect,
    place: MutexGuard<'a, Option<PgConnection>>,
    /// The connection, while it is used.
    out: Option<PgConnection>,
    state: State,
    /// Whether the connection was made before this turn.
    is_kept: bool,
    tries: usize,
}

/// How far it is on a connection.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    is_in_transaction: bool,
    /// Whether the same was said before, and nobody knows whether the server heard it.
    is_in_doubt: bool,
}

impl Turn<'_> {
    /// The connection, to do what is to be done: from the start, where it was done before.
    pub(super) async fn session(&mut self) -> Result<Session<'_>, Fault> {
        if self.line.is_closed.load(Ordering::Acquire) {
            return Err(Fault::Own(Error::new(ErrorKind::Closed, "the driver was closed")));
        }
        if self.out.is_none() {
            let kept = self.place.take();
            self.is_kept = kept.is_some();
            self.out = Some(match kept {
                Some(connection) => connection,
                None => self.line.connect().await?,
            });
        }
        self.state.is_in_transaction = false;
        let gone = || Fault::Own(Error::new(ErrorKind::Closed, "the connection is gone"));
        let connection = self.out.as_mut().ok_or_else(gone)?;
        Ok(Session { connection, dialect: self.dialect, line: Some(self.line), state: &mut self.state })
    }

    /// Whether what is done was done before in this turn, and nobody knows whether the server did it.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.state.is_in_doubt
    }

    /// What was done has ended. `None` where it is to be done once more, because it met another, or because the connection had broken before.
    pub(super) async fn end<T>(&mut self, done: Result<T, Fault>) -> Result<Option<T>, Fault> {
        let fault = match done {
            Ok(done) => {
                *self.place = self.out.take();
                return Ok(Some(done));
            }
            Err(fault) => fault,
        };
        self.state.is_in_doubt |= fault.is_in_doubt();
        self.tries += 1;
        if fault.ends_connection() {
            self.out = None;
            // It was ended while it was idle, as far as anybody can tell; a fresh one that breaks is a fault.
            return if self.is_kept && !matches!(fault, Fault::Silent) { Ok(None) } else { Err(fault) };
        }
        if self.state.is_in_transaction {
            let rolled_back = self.session().await?.run("ROLLBACK".to_owned()).await;
            if rolled_back.is_err() {
                self.out = None;
                return Err(fault);
            }
        }
        if fault.is_conflict() && self.tries < TRIES {
            return Ok(None);
        }
        *self.place = self.out.take();
        Err(fault)
    }
}

/// What is said on a connection, or in a transaction of a user.
pub(super) struct Session<'a> {
    connection: &'a mut PgConnection,
    dialect: &'a Dialect,
    /// `None` in a transaction of a user.
    line: Option<&'a Line>,
    state: &'a mut State,
}

/// A connection of a user, in a transaction that is the user's affair.
pub(super) struct OfUser<'a> {
    connection: &'a mut PgConnection,
    dialect: &'a Dialect,
    state: State,
}

impl<'a> OfUser<'a> {
    pub(super) fn new(connection: &'a mut PgConnection, dialect: &'a Dialect) -> Self {
        Self { connection, dialect, state: State { is_in_transaction: true, is_in_doubt: false } }
    }

    pub(super) fn session(&mut self) -> Session<'_> {
        Session { connection: self.connection, dialect: self.dialect, line: None, state: &mut self.state }
    }
}

impl<'a> Session<'a> {
    pub(super) fn dialect(&self) -> &'a Dialect {
        self.dialect
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.state.is_in_doubt
    }

    /// Runs a statement and answers its rows. Outside of a transaction it is one of its own.
    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<PgRow>, Fault> {
        let text = match statement.send()? {
            Sent::Prepared(text, arguments) => {
                let query = sqlx::query_with(AssertSqlSafe(text), arguments);
                return self.answer(query).await;
            }
            Sent::Text(text) => text,
        };
        // The settings that other connections have from the start go with each transaction here.
        let Some(line) = self.line.filter(|_| !self.state.is_in_transaction) else {
            return self.answer(sqlx::raw_sql(AssertSqlSafe(text))).await;
        };
        self.state.is_in_transaction = true;
        let text = format!("{};\n{text};\nCOMMIT", begin(line.limits));
        let rows = self.answer(sqlx::raw_sql(AssertSqlSafe(text))).await?;
        self.state.is_in_transaction = false;
        Ok(rows)
    }

    /// Runs statements in a transaction of their own; one alone makes its own.
    async fn rows_of_last(&mut self, statements: &[Statement]) -> Result<Vec<PgRow>, Fault> {
        if let [one] = statements {
            return self.rows(one.clone()).await;
        }
        self.begin().await?;
        let mut rows = Vec::new();
        for statement in statements {
            rows = self.rows(statement.clone()).await?;
        }
        self.commit().await?;
        Ok(rows)
    }

    /// Waits for the rows of a query, but not for ever.
    async fn answer<'q>(&mut self, query: impl Execute<'q, Postgres> + 'q) -> Result<Vec<PgRow>, Fault> {
        let answer = self.connection.fetch_all(query);
        let Some(line) = self.line else { return Ok(answer.await?) };
        let answer = line.home.within(line.limits.statement + SLACK, answer).await;
        Ok(answer.ok_or(Fault::Silent)??)
    }

    /// Runs a statement that answers one row.
    pub(super) async fn row(&mut self, statement: Statement) -> Result<PgRow, Fault> {
        self.rows(statement).await?.pop().ok_or(Fault::Sql(sqlx::Error::RowNotFound))
    }

    /// Runs a text of several statements, to which nothing is bound.
    pub(super) async fn run(&mut self, text: String) -> Result<(), Fault> {
        self.answer(sqlx::raw_sql(AssertSqlSafe(text))).await?;
        Ok(())
    }

    /// Begins a transaction. Where an error follows, whoever has the connection rolls back.
    pub(super) async fn begin(&mut self) -> Result<(), Fault> {
        let text = match self.line.filter(|_| !self.dialect.is_prepared()) {
            Some(line) => begin(line.limits),
            None => BEGIN.to_owned(),
        };
        self.state.is_in_transaction = true;
        self.run(text).await
    }

    pub(super) async fn commit(&mut self) -> Result<(), Fault> {
        self.run("COMMIT".to_owned()).await?;
        self.state.is_in_transaction = false;
        Ok(())
    }
}

/// Each statement sees what was committed before it, whatever the database has for others.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

fn begin(limits: Limits) -> String {
    let (statement, lock) = (limits.statement.as_millis(), limits.lock.as_millis());
    format!(
        "{BEGIN}; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {lock}"
    )
}

/// The settings that a connection has from the start.
pub(super) fn configured(options: PgConnectOptions, limits: Limits) -> PgConnectOptions {
    options.options([
        // A plan that was made while a table was empty must not read it whole when it is large.
        ("enable_seqscan", "off"),
        ("jit", "off"),
        ("default_transaction_isolation", "read committed"),
        ("default_transaction_read_only", "off"),
        ("statement_timeout", &limits.statement.as_millis().to_string()),
        ("lock_timeout", &limits.lock.as_millis().to_string()),
        ("idle_in_transaction_session_timeout", "60000"),
    ])
}
