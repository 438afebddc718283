//! The example `welcome` as its user starts it: a process of its own, a file of sign-ups, an outbox or a mail server.

#![expect(clippy::unwrap_used, reason = "a test may panic wherever it is")]

mod letter;
mod smtp;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::{env, fs};

use letter::Letter;
use smtp::{Reply, Server};

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

    assert_eq!(stdout(&output), format!("{GOOD} sent (0 after a retry), 0 failed, 12 rows refused\n"));
    assert_eq!(stderr(&output).lines().collect::<Vec<_>>(), REFUSED);
    assert!(output.status.success());

    let letters = letters(folder.path());
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
fn a_second_run_says_what_the_first_one_left_in_the_outbox() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = folder.path().join("outbox");
    let signups = write_signups(folder.path(), &["1,Ada,ada@example.org", "2,Bob,bob@example.org"]);
    let sent = "2 sent (0 after a retry), 0 failed, 0 rows refused\n";

    let first = welcome(&outbox).arg(&signups).output().unwrap();
    assert_eq!(stdout(&first), sent);
    let second = welcome(&outbox).arg(&signups).output().unwrap();
    assert_eq!(stdout(&second), format!("{sent}{} also holds 2 messages of earlier runs\n", outbox.display()));
    assert_eq!(letters(&outbox).len(), 4);
}

#[test]
fn a_flaky_server_costs_a_retry_and_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let output = welcome(folder.path()).arg("--flaky").output().unwrap();

    let letters = letters(folder.path());
    let retried = letters.iter().filter(|letter| letter.to.ends_with("@example.net")).count();
    assert!(retried > 20, "only {retried} addresses at example.net");
    assert_eq!(stdout(&output), format!("{GOOD} sent ({retried} after a retry), 0 failed, 12 rows refused\n"));
    assert_eq!(letters.len(), GOOD);
    assert!(output.status.success());
}

#[test]
fn messages_go_to_the_server_of_smtp_url() {
    let server = Server::start(|_, _| Reply::Accept);
    let folder = tempfile::tempdir().unwrap();
    let output = welcome(folder.path()).env("SMTP_URL", server.url()).output().unwrap();

    assert_eq!(stdout(&output), format!("{GOOD} sent (0 after a retry), 0 failed, 12 rows refused\n"));
    assert!(output.status.success());
    let sent = server.received();
    assert_eq!(sent.len(), GOOD);
    for (recipient, text) in &sent {
        assert_eq!(Letter::parse(text).to, *recipient);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_server_that_is_busy_gets_the_message_later() {
    let server = Server::start(|_, earlier| if earlier == 0 { Reply::Busy } else { Reply::Accept });
    let folder = tempfile::tempdir().unwrap();
    let signups = write_signups(folder.path(), &["1,Ada,ada@example.org", "2,Bob,bob@example.org"]);
    let output = welcome(folder.path()).arg(signups).env("SMTP_URL", server.url()).output().unwrap();

    assert_eq!(stdout(&output), "2 sent (2 after a retry), 0 failed, 0 rows refused\n");
    assert!(output.status.success());
    assert_eq!(server.received().len(), 2);
}

#[test]
fn an_address_that_is_refused_for_good_fails_at_once() {
    let server = Server::start(|recipient, _| if recipient == "gone@example.org" { Reply::Refuse } else { Reply::Accept });
    let folder = tempfile::tempdir().unwrap();
    let signups = write_signups(folder.path(), &["1,Ada,ada@example.org", "2,Gone,gone@example.org", "3,Bob,bob@example.org"]);
    let output = welcome(folder.path()).arg(signups).env("SMTP_URL", server.url()).output().unwrap();

    assert_eq!(stdout(&output), "2 sent (0 after a retry), 1 failed, 0 rows refused\n");
    let report = stderr(&output);
    assert!(report.starts_with("failed user 2 after attempt 1: the mail server refused the message"), "{report}");
    assert!(report.contains("no such mailbox"), "{report}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(server.received().len(), 2);
}

#[test]
fn a_wrong_command_line_is_answered_with_the_usage() {
    let folder = tempfile::tempdir().unwrap();
    let output = welcome(folder.path()).arg("--outbx").output().unwrap();
    assert!(stderr(&output).starts_with("unknown option `--outbx`\nusage: welcome"), "{output:?}");
    assert_eq!(output.status.code(), Some(2));
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

/// The example with this outbox and no mail server.
fn welcome(outbox: &Path) -> Command {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        // `cargo test` builds this example as a test, not as the program that its user starts.
        let build = Command::new(env!("CARGO")).args(["build", "--quiet", "--example", "welcome"]).output().unwrap();
        assert!(build.status.success(), "{}", stderr(&build));
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        target.join("debug/examples").join(format!("welcome{}", env::consts::EXE_SUFFIX))
    });
    let mut command = Command::new(&*BUILT);
    command.env_remove("SMTP_URL").arg("--outbox").arg(outbox);
    command
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
