//! Who a server runs as: Postgres and pgbouncer refuse to be root.

use std::io;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// The accounts that root steps down to, in this order.
const NAMES: [&str; 2] = ["postgres", "nobody"];

/// Another account than that of the test, or none where the test's own will do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account(Option<(u32, u32)>);

impl Account {
    /// The one for a folder that this process has just made, which is handed over to it.
    pub(super) fn take_over(folder: &Path) -> io::Result<Self> {
        if std::fs::metadata(folder)?.uid() != 0 {
            return Ok(Self(None));
        }
        let found = NAMES.iter().find_map(|name| Some((id("-u", name)?, id("-g", name)?)));
        let Some((user, group)) = found else {
            return Err(io::Error::other(format!("this is root, and there is no user {NAMES:?} to run the server as")));
        };
        chown(folder, Some(user), Some(group))?;
        Ok(Self(Some((user, group))))
    }

    /// A program that runs as this account, untouched by the settings for Postgres that the test was started with.
    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("PG") || name.starts_with("LC_")) {
                command.env_remove(name);
            }
        }
        // What the server says is read here, so it says it in one language.
        command.env("LC_ALL", "C");
        command
    }
}

/// A number of an account by its name.
fn id(which: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([which, name]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
