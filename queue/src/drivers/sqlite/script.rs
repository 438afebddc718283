//! Several statements that are sent to the thread of a connection at once.
//!
//! Each message to that thread costs two switches between threads (measured: 40 µs on two cores), a statement itself a few, so a verb of the
//! driver is one message where it can be, `BEGIN` and `COMMIT` included.

use futures_util::StreamExt;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Either, Encode, Executor, Sqlite, SqliteConnection, Type};

use super::rows;
use crate::drivers::Lease;

/// How many rows a statement with a list of rows takes: what is less is filled up with rows of nulls, so that few statements are prepared.
const SIZES: [usize; 7] = [1, 4, 16, 32, 64, 128, 256];

/// The most rows of one statement.
pub(super) const MOST_ROWS: usize = SIZES[SIZES.len() - 1];

/// What stands around the row that is repeated in a file of SQL.
const ROW: (&str, &str) = ("/* row */", "/* end of row */");

/// Statements and what is bound to them, in order.
#[derive(Debug, Default)]
pub(super) struct Script {
    sql: String,
    arguments: SqliteArguments,
}

/// What one statement answered.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) rows: Vec<SqliteRow>,
    /// How many rows it inserted, changed or removed.
    pub(super) changes: u64,
    /// The place of the last row that the connection inserted.
    pub(super) last: i64,
}

impl Script {
    /// Adds a statement; what is [bound](Self::bind) next is for it. Parameters are plain `?`, because only those count on.
    pub(super) fn add(&mut self, statement: &str) -> &mut Self {
        self.sql.push_str(statement.trim_end());
        self.sql.push_str(";\n");
        self
    }

    /// Adds a statement with a list of at least so many rows; answers how many must be bound.
    pub(super) fn add_rows(&mut self, statement: &str, rows: usize) -> usize {
        let size = SIZES.into_iter().find(|&size| size >= rows).unwrap_or(rows);
        let (head, rest) = statement.split_once(ROW.0).unwrap_or((statement, ""));
        let (row, tail) = rest.split_once(ROW.1).unwrap_or((rest, ""));
        self.sql.push_str(head);
        for nth in 0..size {
            self.sql.push_str(if nth == 0 { "" } else { "," });
            self.sql.push_str(row.trim());
        }
        self.sql.push_str(tail.trim_end());
        self.sql.push_str(";\n");
        size
    }

    /// Binds the next parameter.
    pub(super) fn bind<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        // Encoding fails for types of other crates; numbers, texts and bytes always can be.
        let bound = self.arguments.add(value);
        debug_assert!(bound.is_ok(), "{bound:?}");
        self
    }

    /// Adds a statement that is given a time and then a list of leases: place, id, token.
    pub(super) fn add_leases(&mut self, statement: &str, time: i64, leases: impl ExactSizeIterator<Item = Lease>) {
        let count = leases.len();
        let size = self.add_rows(statement, count);
        self.bind(time);
        for Lease { id, place, token } in leases {
            self.bind(rows::place(place)).bind(rows::bytes(id)).bind(rows::place(token));
        }
        self.bind_nulls((size - count) * 3);
    }

    /// Binds nulls to the next parameters.
    pub(super) fn bind_nulls(&mut self, count: usize) -> &mut Self {
        for _ in 0..count {
            self.bind(None::<i64>);
        }
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    /// Puts a statement without parameters before all others.
    pub(super) fn begin_with(&mut self, statement: &str) {
        self.sql.insert_str(0, ";\n");
        self.sql.insert_str(0, statement);
    }

    /// Runs the statements in order, up to the first that fails. One answer a statement.
    ///
    /// Not cancel safe: dropped half-way, the statements behind do not run.
    pub(super) async fn run(self, connection: &mut SqliteConnection) -> Result<Vec<Answer>, sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.arguments);
        let mut steps = connection.fetch_many(query);
        let mut answers = Vec::new();
        let mut answer = Answer::default();
        while let Some(step) = steps.next().await {
            match step? {
                Either::Right(row) => answer.rows.push(row),
                Either::Left(done) => {
                    answer.changes = done.rows_affected();
                    answer.last = done.last_insert_rowid();
                    answers.push(std::mem::take(&mut answer));
                }
            }
        }
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSERT: &str = "INSERT INTO t SELECT * FROM (VALUES /* row */ (?, ?) /* end of row */) WHERE column1 IS NOT NULL\n";

    #[test]
    fn rows_are_repeated_and_sizes_are_few() {
        let mut script = Script::default();
        assert_eq!(script.add_rows(INSERT, 3), 4);
        assert_eq!(script.sql, "INSERT INTO t SELECT * FROM (VALUES (?, ?),(?, ?),(?, ?),(?, ?)) WHERE column1 IS NOT NULL;\n");
        let sizes: Vec<_> =
            [1, 2, 16, 17, 33, 65, 256, 300].into_iter().map(|rows| Script::default().add_rows(INSERT, rows)).collect();
        assert_eq!(sizes, [1, 4, 16, 32, 64, 128, 256, 300]);
    }
}
