//! `craft`.

use std::process::ExitCode;

fn main() -> ExitCode {
    queue_cli::Cli::administration().run()
}
