//! The command line of programs with jobs.

#[cfg(feature = "craft")]
mod project;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

#[cfg(feature = "craft")]
#[doc(hidden)]
pub use project::craft;
use queue::Container;

/// The command line of the program's jobs.
pub fn run(container: impl FnOnce() -> Container) -> ExitCode {
    run_from(env::args_os().collect(), container)
}

/// The same with other arguments; the first is the name of the program.
pub(crate) fn run_from(args: Vec<OsString>, container: impl FnOnce() -> Container) -> ExitCode {
    drop((args, container()));
    ExitCode::SUCCESS
}
