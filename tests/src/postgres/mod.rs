//! A Postgres for tests: a private server, a schema a test on a shared one, and what stands between a program and its server.
//!
//! Nothing here knows the driver.

mod account;
mod binaries;
mod bouncer;
mod cluster;
mod daemon;
mod port;
mod proxy;
mod schema;
mod server;
mod warden;

pub use bouncer::Bouncer;
pub use cluster::{Cluster, DURABLE, NoCluster, Stop};
pub use proxy::{Direction, Proxy, Seen};
pub use schema::Schema;
pub use server::{URL, say, server_url};
