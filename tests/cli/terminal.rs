//! Being asked, on a terminal: `script` of util-linux makes one.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;

use queue::drivers::Driver;
use queue_tests::postgres::say;

use crate::craft::{PROGRAM, plain};
use crate::place::Place;
use crate::store::{jobs, push_failed, states};

/// What stands on the terminal, and the code; `None` where there is no `script`.
pub(crate) fn answer(
    place: &Place,
    words: &str,
    variables: &[(&str, &str)],
    question: &str,
    answer: &str,
) -> Option<(String, i32)> {
    let has_it = Command::new("script")
        .arg("--version")
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("util-linux"));
    if !has_it {
        say("SKIPPED in cli: what asks on a terminal, because `script` of util-linux is not installed");
        return None;
    }
    let mut script = Command::new("script");
    plain(&mut script).args(["--quiet", "--return", "--command", &format!("'{PROGRAM}' {words}"), "/dev/null"]);
    script.env("QUEUE_URL", place.url()).env("SHELL", "/bin/sh").env("TERM", "dumb").envs(variables.iter().copied());
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&seen).contains(question) {
        assert_eq!(output.read(&mut byte).unwrap(), 1, "it ended: {}", String::from_utf8_lossy(&seen));
        seen.push(byte[0]);
    }
    writeln!(input, "{answer}").unwrap();
    output.read_to_end(&mut seen).unwrap();
    drop(input);
    Some((String::from_utf8(seen).unwrap(), child.wait().unwrap().code().unwrap()))
}

pub(crate) async fn three_failed(place: &Place) -> Arc<dyn Driver> {
    let driver = place.open().await;
    push_failed(&driver, jobs(1..=3), "no").await;
    driver
}

#[tokio::test]
async fn the_question_has_the_count_and_a_no_does_nothing() {
    let place = Place::file();
    let driver = three_failed(&place).await;
    for no in ["n", "", "maybe"] {
        let asked = answer(&place, "queue:retry all", &[], "[y/N] ", no);
        let Some((seen, code)) = asked else { return };
        assert!(seen.contains("retry 3 jobs (state:failed)? [y/N] ") && seen.contains("nothing was done"), "{seen}");
        assert_eq!(code, 1);
    }
    assert_eq!(states(&driver).await, ["failed"; 3]);
    driver.close().await.unwrap();
}

#[tokio::test]
async fn a_yes_does_it() {
    let place = Place::file();
    let driver = three_failed(&place).await;
    let Some((seen, code)) = answer(&place, "queue:retry all", &[], "[y/N] ", "y") else { return };
    assert!(seen.contains("retried 3 jobs") && code == 0, "{seen}");
    assert_eq!(states(&driver).await, ["available"; 3]);
    let asked = answer(
        &place,
        "queue:clear mail",
        &[],
        "cancel 3 jobs (state:held,scheduled,available,retryable queue:mail)? [y/N] ",
        "YES",
    );
    assert!(asked.is_some_and(|(_, code)| code == 0));
    assert_eq!(states(&driver).await, ["cancelled"; 3]);
    driver.close().await.unwrap();
}
