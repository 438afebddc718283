//! The example `welcome` as its user starts it: a process of its own, a file of sign-ups, an outbox or a mail server.

#![expect(clippy::unwrap_used, reason = "a test may panic wherever it is")]

mod killed;
mod letter;
mod smtp;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::{env, fs};

use letter::Letter;
use smtp::{Reply, Server};
use tempfile::TempDir;

/// The sign-ups of the repository: what is good in them, and what is not.
const GOOD: usize = 236;
const REFUSED: [&str; 12] = [
    "refused line 14: `nobody.example.org` is not an address",
    "refused line 28: the name is missing",
    "refused line 44: 5 columns instead of 3",
    "refused line 63: the address FRANCES.TURING@MAIL.EXAMPLE.ORG belongs to user 1007 already",
    "refused line 98: the name is not UTF-8",
    "refused line 112: `twenty` is not a user id",
    "refused line 129: the user id 1072 is there already",
    "refused line 149: 2 columns instead of 3",
    "refused line 166: the email is missing",
    "refused line 183: the name has a line break or another control character",
    "refused line 204: `space inside@example.com` is not an address",
    "refused line 222: `two@@example.org` is not an address",
];

#[test]
fn every_good_row_becomes_one_message() {
    let folder = tempfile::tempdir().unwrap();
    let output = welcome(folder.path()).output().unwrap();

    let said = format!("{GOOD} sign-ups are new in welcome.db\n{GOOD} sent (0 after a retry), 0 failed, 12 rows refused\n");
    assert_eq!(stdout(&output), said);
    assert_eq!(stderr(&output).lines().collect::<Vec<_>>(), REFUSED);
    assert!(output.status.success());

    let letters = letters(&outbox(&folder));
    assert_eq!(letters.len(), GOOD);
    assert_eq!(distinct(&letters, |letter| &letter.to), GOOD);
    assert_eq!(distinct(&letters, |letter| &letter.message_id), GOOD);
    for letter in &letters {
        assert_eq!(letter.from, "welcome@example.org");
        assert_eq!(letter.subject, format!("Welcome, {}", letter.name));
        assert!(letter.text.starts_with(&format!("Hello {},", letter.name)), "{letter:?}");
    }
    let names: BTreeSet<&str> = letters.iter().map(|letter| letter.name.as_str()).collect();
    for name in ["山田 太郎", "O'Brien, Mary", "Robert \"Bob\" Lee", "Renée 🚀 Dubois"] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
}

#[test]
fn a_second_run_sends_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = vec!["1,Ada,ada@example.org", "2,Bob,bob@example.org"];
    let run = |rows: &[&str]| {
        let output = welcome(folder.path()).arg(write_signups(folder.path(), rows)).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        stdout(&output).to_owned()
    };
    let (rest, earlier) = ("(0 after a retry), 0 failed, 0 rows refused", "messages of earlier runs");
    assert_eq!(run(&rows), format!("2 sign-ups are new in welcome.db\n2 sent {rest}\n"));
    assert_eq!(run(&rows), format!("these sign-ups are in welcome.db already\n0 sent {rest}\noutbox also holds 2 {earlier}\n"));
    rows.push("3,Eve,eve@example.org");
    assert_eq!(run(&rows), format!("1 sign-ups are new in welcome.db\n1 sent {rest}\noutbox also holds 2 {earlier}\n"));
    assert_eq!(distinct(&letters(&outbox(&folder)), |letter| &letter.to), 3);
    assert_eq!(letters(&outbox(&folder)).len(), 3);
}

#[test]
fn jobs_in_memory_do_not_outlive_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let signups = write_signups(folder.path(), &["1,Ada,ada@example.org", "2,Bob,bob@example.org"]);
    let run = || {
        let output = welcome(folder.path()).args(["--queue", "memory:"]).arg(&signups).output().unwrap();
        stdout(&output).to_owned()
    };
    let sent = "2 sent (0 after a retry), 0 failed, 0 rows refused\n";
    assert_eq!(run(), sent);
    assert_eq!(run(), format!("{sent}outbox also holds 2 messages of earlier runs\n"));
    assert_eq!(letters(&outbox(&folder)).len(), 4);
    assert!(!folder.path().join("welcome.db").exists());
}

#[test]
fn a_flaky_server_costs_a_retry_and_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let output = welcome(folder.path()).arg("--flaky").output().unwrap();

    let letters = letters(&outbox(&folder));
    let retried = letters.iter().filter(|letter| letter.to.ends_with("@example.net")).count();
    assert!(retried > 20, "only {retried} addresses at example.net");
    assert!(stdout(&output).ends_with(&format!("\n{GOOD} sent ({retried} after a retry), 0 failed, 12 rows refused\n")));
    assert_eq!(letters.len(), GOOD);
    assert!(output.status.success());
}

#[test]
fn messages_go_to_the_server_of_smtp_url() {
    let server = Server::start(|_, _| Reply::Accept);
    let folder = tempfile::tempdir().unwrap();
    let output = welcome(folder.path()).env("SMTP_URL", server.url()).output().unwrap();

    assert!(stdout(&output).ends_with(&format!("\n{GOOD} sent (0 after a retry), 0 failed, 12 rows refused\n")));
    assert!(output.status.success());
    let sent = server.received();
    assert_eq!(sent.len(), GOOD);
    for (recipient, text) in &sent {
        assert_eq!(Letter::parse(text).to, *recipient);
    }
    assert!(!outbox(&folder).exists());
}

#[test]
fn a_server_that_is_busy_gets_the_message_later() {
    let server = Server::start(|_, earlier| if earlier == 0 { Reply::Busy } else { Reply::Accept });
    let folder = tempfile::tempdir().unwrap();
    let signups = write_signups(folder.path(), &["1,Ada,ada@example.org", "2,Bob,bob@example.org"]);
    let output = welcome(folder.path()).arg(signups).env("SMTP_URL", server.url()).output().unwrap();

    assert!(stdout(&output).ends_with("\n2 sent (2 after a retry), 0 failed, 0 rows refused\n"), "{output:?}");
    assert!(output.status.success());
    assert_eq!(server.received().len(), 2);
}

#[test]
fn an_address_that_is_refused_for_good_fails_at_once() {
    let server = Server::start(|recipient, earlier| match recipient {
        "gone@example.org" if earlier == 0 => Reply::Refuse,
        _ => Reply::Accept,
    });
    let folder = tempfile::tempdir().unwrap();
    let signups = write_signups(folder.path(), &["1,Ada,ada@example.org", "2,Gone,gone@example.org", "3,Bob,bob@example.org"]);
    let output = welcome(folder.path()).arg(&signups).env("SMTP_URL", server.url()).output().unwrap();

    assert!(stdout(&output).ends_with("\n2 sent (0 after a retry), 1 failed, 0 rows refused\n"), "{output:?}");
    let report = stderr(&output);
    assert!(report.starts_with("failed user 2 after attempt 1: the mail server refused the message"), "{report}");
    assert!(report.contains("no such mailbox"), "{report}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(server.received().len(), 2);

    // It is kept, until somebody says that it may be tried again.
    let output = welcome(folder.path()).arg("--retry").arg(&signups).env("SMTP_URL", server.url()).output().unwrap();
    let said = "1 jobs that had failed are tried again\n1 sent (1 after a retry), 0 failed, 0 rows refused\n";
    assert!(stdout(&output).ends_with(said), "{output:?}");
    assert_eq!(server.received().len(), 3);
}

#[test]
fn a_wrong_command_line_is_answered_with_the_usage() {
    let folder = tempfile::tempdir().unwrap();
    let output = welcome(folder.path()).arg("--outbx").output().unwrap();
    assert!(stderr(&output).starts_with("unknown option `--outbx`\nusage: welcome"), "{output:?}");
    assert_eq!(output.status.code(), Some(2));
    let output = welcome(folder.path()).args(["--queue", "sqlite:"]).output().unwrap();
    assert!(stderr(&output).starts_with("`sqlite:` is neither `sqlite:FILE` nor `memory:`\nusage: welcome"), "{output:?}");
}

#[test]
fn help_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    for option in ["--help", "-h"] {
        let output = welcome(folder.path()).arg(option).output().unwrap();
        assert!(stdout(&output).starts_with("usage: welcome") && stdout(&output).contains("SMTP_URL"), "{output:?}");
        assert_eq!((stderr(&output), output.status.code()), ("", Some(0)));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was sent");
}

/// The example in this folder, where it finds and leaves its files, and no mail server.
fn welcome(folder: &Path) -> Command {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        // `cargo test` builds this example as a test, not as the program that its user starts.
        let build = Command::new(env!("CARGO")).args(["build", "--quiet", "--example", "welcome"]).output().unwrap();
        assert!(build.status.success(), "{}", stderr(&build));
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        target.join("debug/examples").join(format!("welcome{}", env::consts::EXE_SUFFIX))
    });
    let mut command = Command::new(&*BUILT);
    command.env_remove("SMTP_URL").current_dir(folder);
    command
}

/// Where the messages of a folder lie when nobody says otherwise.
fn outbox(folder: &TempDir) -> PathBuf {
    folder.path().join("outbox")
}

/// Writes a file of sign-ups into a folder.
fn write_signups(folder: &Path, rows: &[&str]) -> PathBuf {
    let path = folder.join("signups.csv");
    fs::write(&path, format!("user_id,name,email\n{}\n", rows.join("\n"))).unwrap();
    path
}

/// The messages in an outbox.
fn letters(outbox: &Path) -> Vec<Letter> {
    let files = fs::read_dir(outbox).unwrap().map(|entry| entry.unwrap().path());
    files
        .inspect(|path| assert_eq!(path.extension().unwrap(), "eml"))
        .map(|path| Letter::parse(&fs::read(path).unwrap()))
        .collect()
}

fn distinct<'a>(letters: &'a [Letter], field: impl Fn(&'a Letter) -> &'a String) -> usize {
    letters.iter().map(field).collect::<BTreeSet<_>>().len()
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}
