//! The command line of a program with jobs: it runs them, pushes them and looks after them.
//!
//! A job is Rust code, so it can run only where it is linked. That is why this is a library: a binary of a few lines in the user's own
//! package is the whole tool, and the one artefact that is shipped.
//!
//! ```no_run
//! // src/bin/craft.rs
//! use std::process::ExitCode;
//! # mod my_program { pub fn container() -> queue::Container { queue::Container::builder().build() } }
//!
//! fn main() -> ExitCode {
//!     queue_cli::run(my_program::container)
//! }
//! ```
//!
//! `craft init` writes that file, and `craft help` lists the commands. [`Cli`] says more where more is to be said; the codes that a
//! command ends with are in [`exit`].

mod arguments;
mod bulk;
mod cli;
mod commands;
mod dashes;
pub mod exit;
mod failure;
mod log;
mod output;
mod pages;
#[cfg(feature = "craft")]
mod project;
mod prompt;
mod records;
mod replay;
mod services;
mod session;
mod stranded;
mod target;
mod work;

pub use cli::Cli;
#[cfg(feature = "craft")]
#[doc(hidden)]
pub use project::craft;
pub use services::Services;

use std::process::ExitCode;

/// Runs the command that the arguments of the process name. `services` makes the container of the jobs; it is called by the commands that
/// run jobs or check them, and by no other.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     queue_cli::run(|| queue::Container::builder().build())
/// }
/// ```
pub fn run<S: Services>(services: impl FnOnce() -> S + 'static) -> ExitCode {
    Cli::new(services).run()
}
