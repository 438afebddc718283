//! The exit codes: what a script may rely on.
//!
//! ```
//! assert_eq!(queue_cli::exit::NOT_REACHABLE, 69);
//! ```

/// Done, or stopped with grace.
pub const DONE: u8 = 0;
/// Any failure that has no code of its own.
pub const FAILED: u8 = 1;
/// The command line cannot be meant.
pub const USAGE: u8 = 2;
/// Nothing matched, or migrations are pending and `--check` was asked.
pub const NOTHING: u8 = 3;
/// A limit is passed, or a check failed.
pub const CHECK_FAILED: u8 = 4;
/// Jobs failed, and `--fail-fast` was asked.
pub const JOBS_FAILED: u8 = 5;
/// The store cannot be reached.
pub const NOT_REACHABLE: u8 = 69;
/// A setting cannot be meant, or is missing.
pub const CONFIGURATION: u8 = 78;
/// The grace of a stop ran out, and what ran was given back.
pub const GAVE_BACK: u8 = 124;
/// A second Ctrl-C, or Ctrl-C where there is no grace.
pub const INTERRUPTED: u8 = 130;
/// A second SIGTERM.
pub const TERMINATED: u8 = 143;
