//! The suite on a SQLite file: one test a rule.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod file;

queue::conformance!(file::File::new(true));
