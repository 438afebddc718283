//! Commands that only the package's own binary can answer, because it has the code of the jobs.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};

use tokio::process::{Child, Command};

use super::failure::{Failure, Result};
use super::package::{Package, Workspace, cargo};
use crate::Cli;

/// How to build the binary, and what to ask it.
#[derive(Debug)]
pub(super) struct Forward<'a> {
    pub(super) release: bool,
    pub(super) features: Option<&'a str>,
    pub(super) package: Option<&'a str>,
    /// Whether the caller said where the jobs are; else the package does.
    pub(super) has_url: bool,
    pub(super) args: &'a [OsString],
}

/// The command of some arguments, as the list of commands has it: `queue:failed`, however it is spelled.
pub(super) fn command(args: &[OsString]) -> Option<String> {
    let mut words = args.iter().filter_map(|word| word.to_str()).filter(|word| !word.starts_with('-'));
    let (first, second) = (words.next()?, words.next());
    let in_two = second.map(|second| format!("{first}:{second}"));
    match in_two.filter(|name| Cli::knows(name)) {
        Some(name) => Some(name),
        None if first == "queue" => None,
        None => Some(first.to_owned()),
    }
}

/// The package whose binary is asked, and the name of that.
fn binary<'a>(workspace: &'a Workspace, package: Option<&str>) -> Result<(&'a Package, &'a str)> {
    let name = |package: &'a Package| package.named_binary().unwrap_or("craft");
    let has = |package: &&'a Package| package.binaries().any(|target| target.name == name(package));
    if package.is_none() && workspace.here().is_none() {
        let mut members = workspace.packages().iter().filter(has);
        match (members.next(), members.next()) {
            (Some(only), None) => return Ok((only, name(only))),
            (Some(first), Some(second)) => {
                let why = format!(
                    "several packages here have jobs, `{}` and `{}` among them: choose by `-p NAME`",
                    first.name, second.name
                );
                return Err(Failure::new(why));
            }
            _ => {}
        }
    }
    let package = workspace.package(package)?;
    if has(&package) {
        return Ok((package, name(package)));
    }
    Err(Failure::new(format!(
        "the package `{}` has no binary `{}`, which runs its jobs: run `craft init`",
        package.name,
        name(package)
    )))
}

/// Builds the binary and runs it in the place of this program.
///
/// # Errors
///
/// Where there is none, or no cargo.
pub(super) fn run(forward: &Forward<'_>, workspace: &Workspace, current: &Path) -> Result<ExitCode> {
    let (package, binary) = binary(workspace, forward.package)?;
    let mut command = cargo();
    command.args(["run", "--quiet", "--bin", binary, "--package", &package.name, "--manifest-path"]).arg(package.manifest());
    if forward.release {
        command.arg("--release");
    }
    if let Some(features) = forward.features {
        command.args(["--features", features]);
    }
    command.arg("--").args(forward.args);
    // The URL of a package stands in its `.cargo/config.toml`, and is meant from there: from a folder below `sqlite:jobs.db` would be
    // another file. One that the caller gave is meant from where the caller is.
    command.current_dir(if forward.has_url { current } else { package.root() });
    let failed = |error: io::Error| Failure::new(format!("cannot run cargo: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let status = runtime.block_on(wait(command.into())).map_err(failed)?;
    Ok(exit_code(status))
}

/// Runs a command to its end. Ctrl-C of a terminal reaches it by itself, and it decides what to make of it; SIGTERM and what else
/// a worker heeds is handed on.
async fn wait(mut command: Command) -> io::Result<ExitStatus> {
    // Before the child is there, so that no signal ends us and leaves it behind.
    let mut signals = Signals::listen()?;
    let mut child = command.spawn()?;
    loop {
        tokio::select! {
            status = child.wait() => return status,
            signal = signals.next() => hand_on(&child, signal),
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    user: tokio::signal::unix::Signal,
    stop: tokio::signal::unix::Signal,
}

#[cfg(unix)]
type Signal = rustix::process::Signal;

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined1())?,
            stop: signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?,
        })
    }

    /// The next signal that only this process was sent, as far as one can tell.
    async fn next(&mut self) -> Signal {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => return Signal::TERM,
                _ = self.hang_up.recv() => return Signal::HUP,
                _ = self.user.recv() => return Signal::USR1,
                _ = self.stop.recv() => return Signal::TSTP,
            }
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
enum Signal {}

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        // Ctrl-C reaches the child by itself; nothing else can be handed on.
        while tokio::signal::ctrl_c().await.is_ok() {}
        std::future::pending().await
    }
}

#[cfg(unix)]
fn hand_on(child: &Child, signal: Signal) {
    // Until it was waited for, its id cannot be another's.
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(id) = id {
        // It may have ended just now; then there is nothing to end.
        let _ = rustix::process::kill_process(id, signal);
    }
}

#[cfg(not(unix))]
fn hand_on(_: &Child, _: Signal) {}

/// The code of the child; one that a signal ended has that of a shell.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None;
    let code = status.code().or(signal.map(|signal: i32| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Whether the arguments or the environment say where the jobs are.
pub(super) fn has_url(args: &[OsString], variable: Option<&OsStr>) -> bool {
    let is_url = |word: &OsString| word == "--url" || word.to_str().is_some_and(|word| word.starts_with("--url="));
    args.iter().take_while(|word| *word != "--").any(is_url) || variable.is_some_and(|url| !url.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn a_command_is_found_by_both_of_its_names() {
        for (text, expected) in [
            ("queue:failed --group", Some("queue:failed")),
            ("queue failed", Some("queue:failed")),
            ("migrate --check", Some("migrate")),
            ("migrate sql --from 1", Some("migrate:sql")),
            ("queue:jobs failed", Some("queue:jobs")),
            ("schedule:list", Some("schedule:list")),
            ("queue", None),
            ("", None),
        ] {
            assert_eq!(command(&words(text)).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_url_is_one_of_the_arguments_or_of_the_environment() {
        assert!(has_url(&words("queue:failed --url memory:"), None) && has_url(&words("queue:failed --url=memory:"), None));
        assert!(has_url(&[], Some(OsStr::new("memory:"))));
        assert!(!has_url(&words("queue:push A -- --url"), None) && !has_url(&[], Some(OsStr::new(""))));
    }
}
