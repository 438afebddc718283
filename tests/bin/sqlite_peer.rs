//! Another process on a SQLite file, for the tests that need one: it opens the file that it is given, reads one verb a line, and says what
//! became of it.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;

use queue::drivers::{Driver, Due, FetchRequest, Group, NewJob, QueueRequest, Sqlite, WorkerId};
use queue::{Error, ErrorKind, JobId};
use queue_tests::errors::chain;
use queue_tests::park;

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn job(queue: &str) -> NewJob {
    NewJob {
        id: JobId::new(),
        kind: "Known".into(),
        queue: queue.into(),
        payload: Arc::from(&b"{}"[..]),
        version: 1,
        priority: 100,
        max_attempts: 3,
        due: Due::Now,
        extra: None,
    }
}

async fn act(driver: &Sqlite, verb: &str, what: &str) -> Result<String, Error> {
    let look = Driver::inspect(driver).expect("it can be looked into");
    match verb {
        "push" => {
            let stored = driver.push(&[Group { jobs: vec![job(what)], tick: None }]).await.remove(0);
            let stored = stored.map_err(|error| Error::new(ErrorKind::Store, chain(&error)))?;
            return Ok(stored[0].id.to_string());
        }
        "fetch" => {
            let queues = vec![QueueRequest { queue: what.into(), free: 100, ahead: 0 }];
            let lease = std::time::Duration::from_secs(30);
            let request = FetchRequest { worker: WorkerId::from_u128(2), lease, queues, except: Vec::new() };
            return Ok(driver.fetch(&request).await?.len().to_string());
        }
        "pause" => look.pause(what).await?,
        "resume" => look.resume(what).await?,
        "cancel" => return Ok(look.cancel(what.parse().expect("an id")).await?.to_string()),
        "move" => std::env::set_current_dir(what).expect("a folder"),
        "close" => driver.close().await?,
        other => panic!("`{other}` is no verb"),
    }
    Ok(String::new())
}

fn main() {
    let path = std::env::args().nth(1).expect("the path of the file");
    let driver = match Sqlite::open(path).wait() {
        Ok(driver) => driver,
        Err(error) => return say(&format!("error {}", chain(&error))),
    };
    say("open");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let (verb, what) = line.split_once(' ').unwrap_or((&line, ""));
        match park::block_on(act(&driver, verb, what)) {
            Ok(answer) => say(&format!("ok {answer}")),
            Err(error) => say(&format!("error {}", chain(&error))),
        }
    }
}
