//! The suite on Postgres: one test a rule.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

mod database;

mod prepared {
    queue::conformance!(super::database::Tables::new());
}

/// As behind a pooler that hands out connections by the transaction.
mod pooled {
    queue::conformance!(super::database::Tables::pooled());
}
