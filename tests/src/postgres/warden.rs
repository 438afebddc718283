//! Ends a server and removes its folder when the process that started it is gone, however that ended.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{io, thread};

use super::account::Account;

/// A shell that reads what it has to end and how, until its input ends: that happens when the test lets go of it, and also when the test is
/// killed. A server that is asked to end removes its `postmaster.pid` last, which is told from a process that nobody has collected yet; what
/// does not end is killed. A server that was killed itself leaves a mark of its own in the system's shared memory, whose number is in that
/// file.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
folder=$1
while read -r line; do told=$line; done
exec 2>/dev/null
set -- $told
if [ $# -eq 2 ]; then
    kill -s "$1" "$2"
    kill -s CONT "$2"
    looks=0
    while kill -s 0 "$2" && [ "$looks" -lt 300 ]; do
        case "$1" in
            QUIT) [ -e "$folder/data/postmaster.pid" ] || break ;;
            KILL) break ;;
        esac
        sleep 0.05
        looks=$((looks + 1))
    done
    kill -s KILL "$2"
fi
if [ -e "$folder/data/postmaster.pid" ]; then
    ipcrm -m "$(sed -n 7p "$folder/data/postmaster.pid" | awk '{ print $2 }')"
fi
looks=0
until rm -rf "$folder" || [ "$looks" -eq 100 ]; do
    sleep 0.05
    looks=$((looks + 1))
done
"#;

/// How a process is ended whose test is gone.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// It ends by itself, soon: half of its work would leave more behind than the whole.
    Await,
    /// As a server of Postgres is told to end at once.
    Quit,
    /// At once, without its help.
    Kill,
}

/// The folder of a server, and who cleans up behind it.
#[derive(Debug)]
pub(super) struct Warden {
    folder: PathBuf,
    shell: Child,
}

impl Warden {
    /// One for a new folder, and the account that owns it.
    pub(super) fn new() -> io::Result<(Self, Account)> {
        let folder = tempfile::Builder::new().prefix("queue-postgres-").tempdir()?;
        let account = Account::take_over(folder.path())?;
        // As the test itself: the account of the server may not remove a folder from one of the test's own.
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "warden"]).arg(folder.path()).current_dir("/");
        // Nothing of the test's own: who waits for the end of its output does not wait for the warden's, and Ctrl-C is not for it.
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let shell = shell.spawn()?;
        Ok((Self { folder: folder.keep(), shell }, account))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Tells which process it has to end from now on, and how.
    pub(super) fn watch(&mut self, how: End, process: u32) {
        let signal = match how {
            End::Await => "CONT",
            End::Quit => "QUIT",
            End::Kill => "KILL",
        };
        self.tell(&format!("{signal} {process}"));
    }

    /// Tells that the process has ended.
    pub(super) fn rest(&mut self) {
        self.tell("");
    }

    fn tell(&mut self, line: &str) {
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
