//! Part of the workspace; see the targets in `Cargo.toml`.

#[cfg(doctest)]
#[doc = include_str!("../../docs/writing-a-driver.md")]
mod writing_a_driver {}
