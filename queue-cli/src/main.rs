//! `craft`: writes the jobs of a package, and hands every other command to the package's own binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    queue_cli::craft()
}
