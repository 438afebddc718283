//! What the Postgres driver makes of a server that fails: each fault with a ledger of what was pushed, what ran and what is stored.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

mod away;
mod book;
mod conflicts;
mod cuts;
mod exhausted;
mod half_open;
mod halves;
mod locks;
mod raises;
mod restarts;
mod rig;
mod terminated;
