//! What the tests of the Postgres driver stand on: a server of their own, a schema each, and what stands between a program and its server.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod bouncer;
mod cluster;
mod ends;
mod proxied;
mod proxy;
mod schema;
mod with_postgres;
