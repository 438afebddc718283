//! The command line, as a person or a script meets it: the real binary against real stores.
//!
//! Tables and help are compared with the files in `snapshots/`; `SNAPSHOTS=overwrite` writes those anew.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod act;
mod bulk;
mod completions;
mod craft;
mod errors;
mod explain;
mod fields;
mod filled;
mod filter;
mod help;
mod inspect;
mod look;
mod migrate;
mod pipes;
mod place;
mod production;
mod snapshot;
mod store;
mod terminal;
mod workers;
