//! What the tests share, and the code of the README and of `docs/` as doc tests. The tests themselves are the targets in `Cargo.toml`.

pub mod errors;
pub mod gate;
pub mod ledger;
pub mod logs;
pub mod park;
pub mod postgres;
pub mod probe;
pub mod relay;
pub mod rig;
pub mod store;

#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;

    #[doc = include_str!("../../CONTRIBUTING.md")]
    struct Contributing;

    #[doc = include_str!("../../docs/architecture.md")]
    struct Architecture;

    #[doc = include_str!("../../docs/lifecycle.md")]
    struct Lifecycle;

    #[doc = include_str!("../../docs/design.md")]
    struct Design;

    #[doc = include_str!("../../docs/filter.md")]
    struct Filter;

    #[doc = include_str!("../../docs/writing-a-driver.md")]
    struct WritingADriver;

    #[doc = include_str!("../../docs/sqlite.md")]
    struct Sqlite;

    #[doc = include_str!("../../docs/postgres.md")]
    struct Postgres;
}
