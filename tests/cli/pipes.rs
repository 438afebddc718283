//! Whoever reads may go away.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use crate::craft::{PROGRAM, craft, plain};
use crate::place::Place;
use crate::store::{jobs, push};

/// The code and what was said, where nobody reads on after the first byte.
fn read_one_byte(mut command: Command) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0]).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A store whose list is longer than a pipe holds.
async fn long() -> Place {
    let place = Place::file();
    let driver = place.open().await;
    push(&driver, jobs(1..=1_000)).await;
    driver.close().await.unwrap();
    place
}

#[tokio::test]
async fn a_reader_that_has_enough_ends_a_list_quietly() {
    let place = long().await;
    for words in ["queue:jobs -n 1000 -o jsonl", "queue:jobs -n 1000 -o json", "queue:jobs -n 1000 --wide"] {
        assert_eq!(read_one_byte(place.craft(words).into_command()), (Some(0), String::new()), "{words}");
    }
    assert_eq!(read_one_byte(craft("completions bash").into_command()), (Some(0), String::new()));
    assert_eq!(read_one_byte(craft("help queue:work").into_command()), (Some(0), String::new()));
}

#[tokio::test]
async fn a_watch_ends_when_its_reader_does() {
    let place = Place::file();
    place.open().await.close().await.unwrap();
    let mut command = place.craft("stats --watch 100ms -o jsonl").into_command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (first, second) = (lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap());
    drop(lines);
    let read = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    assert!(read(&first)["ended_per_second"].is_null() && read(&second)["ended_per_second"] == 0.0);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[tokio::test]
async fn closed_streams_are_no_reason_to_panic() {
    let place = long().await;
    for closed in [">&-", "2>&-", "<&- >&- 2>&-"] {
        for words in ["queue:list", "queue:jobs -n 1000", "help"] {
            let mut shell = Command::new("sh");
            plain(&mut shell).arg("-c").arg(format!("exec \"$0\" {words} {closed}")).arg(PROGRAM).env("QUEUE_URL", place.url());
            let output = shell.output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{words} {closed}: {output:?}");
            assert!(output.stderr.is_empty(), "{words} {closed}: {output:?}");
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_is_full_is_said() {
    let place = long().await;
    let mut command = place.craft("queue:jobs -n 1000").into_command();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.starts_with("error: cannot write: "), "{said}");
}
