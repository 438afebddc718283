//! The commands that run jobs, and those that look whether they can be run, by the real binary on real stores.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

/// Makes of each function a test on a SQLite file, and one on Postgres where there is a server.
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::place::Place::file()).await;
            })*
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(place) = $crate::place::Place::schema() {
                    super::$name(place).await;
                }
            })*
        }
    };
}

mod bounds;
mod check;
mod check_store;
mod doctor;
mod lines;
mod memory;
mod place;
mod probe;
mod process;
mod push;
mod replay;
mod settings;
mod settle;
mod signals;
mod systemd;
mod told;
