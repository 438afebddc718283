//! Code in the style of the package.

use std::env;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::package::Package;

/// As `cargo fmt` would have it there, by the settings of the package; as it is where there is no rustfmt.
pub(super) fn formatted(text: String, package: &Package) -> String {
    ask(&text, package).unwrap_or(text)
}

fn ask(text: &str, package: &Package) -> Option<String> {
    let mut rustfmt = Command::new(env::var_os("RUSTFMT").unwrap_or(OsString::from("rustfmt")))
        .args(["--edition", &package.edition])
        .current_dir(package.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // It reads all before it writes, so that none waits for the other.
    let told = rustfmt.stdin.take().map(|mut stdin| stdin.write_all(text.as_bytes()));
    let output = rustfmt.wait_with_output().ok()?;
    let is_done = output.status.success() && told.is_some_and(|told| told.is_ok()) && !output.stdout.is_empty();
    is_done.then(|| String::from_utf8(output.stdout).ok()).flatten()
}
