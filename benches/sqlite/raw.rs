//! The raw limits: the same rows inserted, claimed and completed by plain SQL, in as few statements and messages as there can be.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::TryStreamExt;
use queue::JobId;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Either, Executor, Row, SqliteConnection};

use super::greet::payload;

/// How many jobs are claimed and completed at once.
pub(crate) const BATCH: usize = 100;
/// How many jobs are inserted by one statement, and how many of those make a transaction.
const ROWS: usize = 250;
const STATEMENTS: usize = 4;

fn micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_micros()).expect("the clock is before the year 294,000")
}

/// Whether a row waits, or has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum As {
    Available,
    Completed,
}

/// The statement that inserts so many rows.
fn insert(rows: usize) -> String {
    let columns = "created_at, id, kind, version, queue, state, priority, due_at, max_attempts, budget, finished_at, payload";
    let row = "(?, ?, 'Greet', 0, 'default', ?, 100, ?, 20, 20, ?, ?)";
    format!("INSERT INTO queue_jobs ({columns}) VALUES {}", vec![row; rows].join(","))
}

fn bind(arguments: &mut SqliteArguments, user_id: usize, state: As) {
    let now = micros();
    let word = if state == As::Available { "available" } else { "completed" };
    let mut add = || {
        arguments.add(now)?;
        arguments.add(JobId::new().as_u128().to_be_bytes().to_vec())?;
        arguments.add(word)?;
        arguments.add(now)?;
        arguments.add((state == As::Completed).then_some(now))?;
        arguments.add(payload(user_id))
    };
    add().expect("numbers, bytes and texts");
}

async fn execute(connection: &mut SqliteConnection, sql: &str, arguments: SqliteArguments) {
    let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments);
    connection.execute(query).await.expect("a statement for this schema");
}

/// Inserts jobs, 1,000 a transaction; what is left of a division by 1,000 is not inserted.
pub(crate) async fn insert_many(connection: &mut SqliteConnection, jobs: usize, state: As) {
    let one = insert(ROWS);
    let sql = format!("BEGIN IMMEDIATE;{}COMMIT", format!("{one};").repeat(STATEMENTS));
    for from in (0..jobs).step_by(ROWS * STATEMENTS) {
        let mut arguments = SqliteArguments::default();
        (from..from + ROWS * STATEMENTS).for_each(|user_id| bind(&mut arguments, user_id, state));
        execute(connection, &sql, arguments).await;
    }
}

/// Writes the row of the queue, as a driver does that stored so many jobs.
pub(crate) async fn count(connection: &mut SqliteConnection, available: usize, completed: usize) {
    let sql = format!("INSERT INTO queue_queues (name, available, completed) VALUES ('default', {available}, {completed})");
    execute(connection, &sql, SqliteArguments::default()).await;
}

/// Inserts jobs, one a transaction.
pub(crate) async fn insert_single(connection: &mut SqliteConnection, jobs: usize) {
    let sql = insert(1);
    for user_id in 0..jobs {
        let mut arguments = SqliteArguments::default();
        bind(&mut arguments, user_id, As::Available);
        execute(connection, &sql, arguments).await;
    }
}

const CLAIM: &str = "UPDATE queue_jobs SET state = 'running', attempt = attempt + 1, token = token + 1, worker = ?, started_at = ?, \
     lease_expires_at = ? WHERE place IN (SELECT place FROM queue_jobs WHERE queue = 'default' AND state = 'available' AND is_parked = 0 \
     ORDER BY priority, due_at, id LIMIT ?) RETURNING place, id, kind, payload, token";

/// Claims and completes until nothing is left: each transaction completes the last batch and claims the next. Answers how many.
pub(crate) async fn drain(connection: &mut SqliteConnection) -> usize {
    let mut sql = "BEGIN IMMEDIATE;UPDATE queue_jobs SET state = 'completed', finished_at = ?, lease_expires_at = NULL \
         WHERE state = 'running' AND place IN ("
        .to_owned();
    sql.push_str(&vec!["?"; BATCH].join(","));
    write!(sql, ");{CLAIM};COMMIT").expect("a string takes it");
    let worker = JobId::new().as_u128().to_be_bytes().to_vec();
    let (mut held, mut done): (Vec<i64>, usize) = (Vec::new(), 0);
    loop {
        let now = micros();
        let mut arguments = SqliteArguments::default();
        let mut add = || {
            arguments.add(now)?;
            for nth in 0..BATCH {
                arguments.add(held.get(nth).copied())?;
            }
            arguments.add(worker.clone())?;
            arguments.add(now)?;
            arguments.add(now + 30_000_000)?;
            arguments.add(BATCH as i64)
        };
        add().expect("numbers and bytes");
        done += held.len();
        held.clear();
        let query = sqlx::query_with(AssertSqlSafe(sql.clone()), arguments);
        let mut steps = connection.fetch_many(query);
        while let Some(step) = steps.try_next().await.expect("statements for this schema") {
            if let Either::Right(row) = step {
                held.push(read(&row));
            }
        }
        if held.is_empty() {
            return done;
        }
    }
}

/// Reads all that a worker needs of a claimed row.
fn read(row: &SqliteRow) -> i64 {
    std::hint::black_box((row.get::<&[u8], _>(1), row.get::<&str, _>(2), row.get::<&str, _>(3), row.get::<i64, _>(4)));
    row.get(0)
}
