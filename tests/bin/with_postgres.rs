//! Runs a command with a server of Postgres for its tests: `with_postgres cargo test ..`. The server ends with the command, and also when this
//! process is killed.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};

use queue_tests::postgres::{Cluster, NoCluster, URL, say};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        say("with_postgres: name the command to run, as in `with_postgres cargo test`");
        return ExitCode::from(2);
    };
    let cluster = match cluster() {
        Ok(cluster) => cluster,
        Err(failed) => {
            say(&format!("with_postgres: {failed}"));
            return ExitCode::FAILURE;
        }
    };
    let mut command = Command::new(&program);
    command.args(words);
    if let Some(cluster) = &cluster {
        command.env(URL, cluster.url());
    }
    // Before the command is there to be told.
    let signals = Signals::heard();
    let status = match command.spawn() {
        Ok(child) => attend(child, signals).await,
        Err(error) => {
            say(&format!("with_postgres: `{}` does not start: {error}", program.display()));
            return ExitCode::from(127);
        }
    };
    drop(cluster);
    status
}

/// The server for the command, unless it has one, or there can be none.
fn cluster() -> Result<Option<Cluster>, NoCluster> {
    if std::env::var_os(URL).is_some_and(|url| !url.is_empty()) {
        return Ok(None);
    }
    match Cluster::start(&[]) {
        Ok(cluster) => {
            say(&format!("with_postgres: {URL}={} in {}", cluster.url(), cluster.folder().display()));
            Ok(Some(cluster))
        }
        Err(missing @ NoCluster::Missing) => {
            say(&format!("with_postgres: SKIPPED all tests on Postgres: {missing}"));
            Ok(None)
        }
        Err(failed) => Err(failed),
    }
}

/// What would end this process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn heard() -> Self {
        let hear = |kind| signal(kind).expect("signals can be heard");
        Self { terminate: hear(SignalKind::terminate()), interrupt: hear(SignalKind::interrupt()) }
    }
}

/// Waits for the command. What would end this process is handed on to it, so that the server outlives it; Ctrl-C goes to both of them by
/// itself.
async fn attend(mut child: Child, mut signals: Signals) -> ExitCode {
    let process = child.id().map(|id| id.to_string()).unwrap_or_default();
    loop {
        tokio::select! {
            status = child.wait() => return code(status.expect("it was started")),
            _ = signals.terminate.recv() => {
                let _ = Command::new("sh").args(["-c", r#"kill -s TERM "$1""#, "kill", &process]).status().await;
            }
            _ = signals.interrupt.recv() => {}
        }
    }
}

/// The exit code as a shell tells it.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
