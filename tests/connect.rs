//! From a URL to a queue.

use std::process::Command;

use queue::prelude::*;
use queue::{Error, ErrorKind, JobState};
use queue_tests::park;

#[derive(Queueable)]
struct Beat;

impl Job for Beat {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

fn refused(url: &str) -> Error {
    let error = Queue::connect(url).wait().expect_err("it is no URL of a store");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    error
}

#[test]
fn the_scheme_picks_the_driver() {
    for url in ["memory:", "async:", "sync:", "MEMORY:"] {
        assert_eq!(format!("{:?}", Queue::connect(url).wait().unwrap()), r#"Queue { driver: "memory", .. }"#);
    }
    park::block_on(Queue::connect("memory:")).unwrap();
}

#[tokio::test]
async fn a_sqlite_file_is_created_and_two_connects_are_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    let [one, two] = [Queue::connect(&url).await.unwrap(), Queue::connect(&url).wait().unwrap()];
    assert_eq!(format!("{one:?}"), r#"Queue { driver: "sqlite", .. }"#);
    let pushed = one.dispatch(Beat::with()).await.unwrap();
    assert!(two.job(pushed.id).await.unwrap().is_some());
}

#[tokio::test]
async fn two_connects_are_two_stores() {
    let [one, two] = [Queue::connect("memory:").await.unwrap(), Queue::connect("memory:").wait().unwrap()];
    let pushed = one.dispatch(Beat::with()).await.unwrap();
    assert_eq!(one.counts().await.unwrap().total(JobState::Available), 1);
    assert_eq!(two.counts().await.unwrap().total(JobState::Available), 0);
    assert!(two.job(pushed.id).await.unwrap().is_none());
    assert!(one.clone().job(pushed.id).await.unwrap().is_some(), "a clone is the same queue");
}

#[test]
fn an_unknown_scheme_lists_the_known_ones() {
    let text = refused("memry:").to_string();
    assert_eq!(text, "the scheme `memry:` is not known; known are `memory:` (also `async:`), `sync:`, `sqlite:`, `postgres:`");
}

#[test]
fn no_error_shows_a_password() {
    for url in [
        "oracle://scott:tiger@host/db",
        "scott:tiger@host/db",
        "tiger",
        "//scott:tiger@host",
        "memory:tiger",
        "tiger@host:5432",
        ":tiger",
        "a-scheme-that-holds-the-password-tiger:x",
        "tiger\n\u{1b}[31m:x",
    ] {
        let error = refused(url);
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("tiger"), "`{url}`: {text}");
            assert!(text.contains("memory"), "`{url}`: {text}");
        }
    }
}

#[test]
fn a_store_in_memory_has_no_place() {
    for url in ["memory:foo", "async://", "sync:x"] {
        let text = refused(url).to_string();
        assert!(text.ends_with("takes nothing behind the colon: a store in memory has no place"), "{text}");
    }
}

#[test]
fn an_address_without_a_scheme_is_refused() {
    for url in ["", ":", "memory", "/var/jobs.db"] {
        let text = refused(url).to_string();
        assert!(text.starts_with("the URL of a store begins with a scheme"), "{text}");
    }
}

#[tokio::test]
#[should_panic(expected = "gives its queue once")]
async fn a_connect_gives_its_queue_once() {
    let mut connect = Queue::connect("memory:");
    (&mut connect).await.unwrap();
    drop((&mut connect).await);
}

#[test]
fn the_environment_names_the_store() {
    let say = |url: Option<&std::ffi::OsStr>| {
        let mut process = Command::new(env!("CARGO_BIN_EXE_pushes"));
        process.arg("env").env_remove("QUEUE_URL");
        if let Some(url) = url {
            process.env("QUEUE_URL", url);
        }
        String::from_utf8(process.output().expect("it starts").stdout).unwrap()
    };
    assert_eq!(say(Some("memory:".as_ref())), "Queue { driver: \"memory\", .. }\n");
    assert_eq!(
        say(None),
        "the variable `QUEUE_URL` is not set: set it to the URL of a store; known are `memory:` (also `async:`), `sync:`, `sqlite:`, `postgres:`\n"
    );
    assert!(say(Some("oracle:tiger".as_ref())).starts_with("the scheme `oracle:` is not known"));
    let no_text: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"memory:tiger\xff");
    let said = say(Some(no_text));
    assert!(said.starts_with("the variable `QUEUE_URL` is not Unicode") && !said.contains("tiger"), "{said}");
}
