//! What the tests of the Postgres driver stand on: a server of their own, a schema each, and what stands between a program and its server. And
//! parts of the driver: looking, acting, the schema of the release before.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod acting;
mod bouncer;
mod claiming;
mod cluster;
mod ends;
mod listing;
mod migrating;
mod proxied;
mod proxy;
mod schema;
mod tables;
mod with_postgres;
