//! Ends a server and removes its folder when the process that started it is gone, however that ended.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::{io, thread};

use super::account::Account;

/// A shell that reads which process it has to end, until its input ends: that happens when the test lets go of it, and also when the test is
/// killed. A server that is asked to end removes its `postmaster.pid` last; one that does not is killed. A server that was killed
/// itself leaves a mark of its own in the system's shared memory, whose number is in that file.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
server=
while read -r line; do server=$line; done
exec 2>/dev/null
if [ -n "$server" ]; then
    kill -s "$2" "$server"
    kill -s CONT "$server"
    looks=0
    while [ -e "$1/data/postmaster.pid" ] && kill -s 0 "$server" && [ "$looks" -lt 300 ]; do
        sleep 0.05
        looks=$((looks + 1))
    done
    kill -s KILL "$server"
fi
if [ -e "$1/data/postmaster.pid" ]; then
    ipcrm -m "$(sed -n 7p "$1/data/postmaster.pid" | awk '{ print $2 }')"
fi
looks=0
until rm -rf "$1" || [ "$looks" -eq 100 ]; do
    sleep 0.05
    looks=$((looks + 1))
done
"#;

/// The folder of a server, and who cleans up behind it.
#[derive(Debug)]
pub(super) struct Warden {
    folder: PathBuf,
    shell: Child,
}

impl Warden {
    /// One for a new folder, who ends what it is told of with a signal of this name.
    pub(super) fn new(signal: &str) -> io::Result<(Self, Account)> {
        let folder = tempfile::Builder::new().prefix("queue-postgres-").tempdir()?;
        let account = Account::take_over(folder.path())?;
        let mut shell = account.command(Path::new("sh"));
        shell.args(["-c", SCRIPT, "warden"]).arg(folder.path()).arg(signal).current_dir("/");
        // Nothing of the test's own: who waits for the end of its output does not wait for the warden's, and Ctrl-C is not for it.
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let shell = shell.spawn()?;
        Ok((Self { folder: folder.keep(), shell }, account))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Tells which process it has to end from now on; none when that has ended.
    pub(super) fn watch(&mut self, process: Option<u32>) {
        let line = process.map_or_else(String::new, |process| process.to_string());
        let input = self.shell.stdin.as_mut().expect("it is taken at the end only");
        writeln!(input, "{line}").expect("the warden lives as long as its input is open");
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let ended = self.shell.wait();
        if !thread::panicking() {
            assert!(ended.is_ok_and(|status| status.success()), "the warden of {} failed", self.folder.display());
        }
    }
}
