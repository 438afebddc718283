//! The program that starts a server for a command, and ends it however it ends itself.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use queue_tests::postgres::{Cluster, URL};
use queue_tests::probe::PATIENCE;

use crate::ends::Ends;

fn with_postgres(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_with_postgres"));
    command.args(words).env_remove(URL);
    command
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Whether this machine has the binaries; it is said where not.
fn is_possible() -> bool {
    static POSSIBLE: LazyLock<bool> = LazyLock::new(|| Cluster::for_test(&[]).is_some());
    *POSSIBLE
}

/// A command under a server, which tells its process and waits until its input ends.
struct Running {
    process: Child,
    /// The input of both. `Child::wait` would end it.
    input: Option<ChildStdin>,
    /// The command itself, not what started it.
    command: u32,
    ends: Ends,
}

impl Running {
    fn start() -> Self {
        let mut process = with_postgres(&["sh", "-c", r#"echo $$; exec cat"#]);
        let mut process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut command, mut told) = (String::new(), String::new());
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut command).unwrap();
        BufReader::new(process.stderr.as_mut().unwrap()).read_line(&mut told).unwrap();
        // `with_postgres: TEST_POSTGRES_URL=postgres://postgres@127.0.0.1:1/postgres in /tmp/x`
        let (url, folder) = told.trim_end().split_once(" in ").unwrap();
        let port = url.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
        let ends = Ends { folder: PathBuf::from(folder), port };
        ends.assert_there();
        let input = process.stdin.take();
        Self { process, input, command: command.trim_end().parse().unwrap(), ends }
    }

    /// Waits until the program ends, with its input open.
    async fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the program did not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }
}

#[test]
fn the_command_has_a_server_and_its_exit_code_is_passed_on() {
    if !is_possible() {
        return;
    }
    let script = format!("echo ${URL}; exit 7");
    let output = output(&mut with_postgres(&["sh", "-c", &script]));
    assert_eq!(output.status.code(), Some(7));
    assert!(text(&output.stdout).starts_with("postgres://postgres@127.0.0.1:"), "{}", text(&output.stdout));
}

#[test]
fn a_command_that_is_killed_is_told_as_a_shell_tells_it() {
    if !is_possible() {
        return;
    }
    assert_eq!(output(&mut with_postgres(&["sh", "-c", "kill -s KILL $$"])).status.code(), Some(128 + 9));
}

#[test]
fn a_server_that_is_named_is_left_to_the_command() {
    let mut command = with_postgres(&["sh", "-c", &format!("echo ${URL}")]);
    let output = output(command.env(URL, "postgres://elsewhere/x"));
    assert_eq!(text(&output.stdout), "postgres://elsewhere/x\n");
    assert_eq!(text(&output.stderr), "", "no server is started");
}

#[test]
fn a_command_that_is_missing_or_not_named_is_told() {
    let output_of_none = output(&mut with_postgres(&[]));
    assert_eq!(output_of_none.status.code(), Some(2));
    assert!(text(&output_of_none.stderr).contains("name the command"));
    let missing = output(with_postgres(&["/no/such/program"]).env(URL, "postgres://elsewhere/x"));
    assert_eq!(missing.status.code(), Some(127));
    assert!(text(&missing.stderr).contains("/no/such/program"));
}

#[tokio::test]
async fn the_server_ends_with_the_command() {
    if !is_possible() {
        return;
    }
    let mut running = Running::start();
    drop(running.input.take());
    assert!(running.wait().await.success());
    assert_eq!(running.ends.left(), (false, false), "it is gone before the program is");
}

#[tokio::test]
async fn the_server_ends_when_the_program_is_killed() {
    if !is_possible() {
        return;
    }
    let mut running = Running::start();
    running.signal("KILL");
    running.wait().await;
    running.ends.gone().await;
    // The command outlives it, without a server, until its input ends.
    drop(running.input.take());
    let mut rest = String::new();
    running.process.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
}

#[tokio::test]
async fn a_program_that_is_told_to_end_tells_its_command() {
    if !is_possible() {
        return;
    }
    let mut running = Running::start();
    running.signal("TERM");
    assert_eq!(running.wait().await.code(), Some(128 + 15));
    assert_eq!(running.ends.left(), (false, false));
    let gone = format!("kill -s 0 {}", running.command);
    let asked = Command::new("sh").args(["-c", &gone]).stderr(Stdio::null()).status().unwrap();
    assert!(!asked.success(), "the command has ended too");
}

/// Hides what lies where Debian puts Postgres.
const WITHOUT_BINARIES: &str = r#"mount -t tmpfs none /usr/lib/postgresql && exec "$@""#;
/// Whether that was all there is.
const IS_ALL: &str = "! command -v initdb";

#[test]
fn where_there_are_no_binaries_the_command_runs_without() {
    let words = ["-Urm", "sh", "-c", WITHOUT_BINARIES, "sh"];
    let can = Command::new("unshare").args(words).args(["sh", "-c", IS_ALL]).stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        queue_tests::postgres::say("SKIPPED where_there_are_no_binaries_the_command_runs_without: nothing can be hidden here");
        return;
    }
    let mut command = Command::new("unshare");
    command.args(words).arg(env!("CARGO_BIN_EXE_with_postgres")).args(["sh", "-c", &format!("echo [${URL}]; exit 3")]);
    let output = output(command.env_remove(URL));
    let said = text(&output.stderr);
    assert!(said.contains("SKIPPED all tests on Postgres") && said.contains("not installed"), "{said}");
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(3), "[]\n"));
}
