//! What is particular to the SQLite driver: its files, transactions, plans and rows. The contract itself is proved by the conformance suite.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod acting;
mod arriving;
mod completing;
mod counting;
mod dropped;
mod forged;
mod handles;
mod leases;
mod listing;
mod looks;
mod odd;
mod opening;
mod peer;
mod plans;
mod store;
mod transactions;
mod unknown;
mod versions;
