//! Part of the workspace; see the targets in `Cargo.toml`.
