//! The lines of the README that are no program: each stands here in code that compiles and runs.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use queue::job::Filter;
use queue::prelude::*;
use queue::{JobState, PushError};

trait Mailer: Send + Sync {
    fn send(&self, to: &str) -> Result<(), Busy>;
}

#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the server is busy")]
struct Busy;

struct Smtp;

impl Smtp {
    fn new() -> Self {
        Self
    }
}

impl Mailer for Smtp {
    fn send(&self, _to: &str) -> Result<(), Busy> {
        Ok(())
    }
}

#[derive(Default)]
struct FakeMailer {
    sent: Mutex<Vec<String>>,
}

impl Mailer for FakeMailer {
    fn send(&self, to: &str) -> Result<(), Busy> {
        self.sent.lock().unwrap().push(to.to_owned());
        Ok(())
    }
}

struct Audit {
    run: JobContext,
}

impl Audit {
    fn new(run: JobContext) -> Self {
        Self { run }
    }
}

#[derive(Queueable)]
#[queueable(queue = "mail", max_attempts = 5, timeout = "30s", backoff = "fixed(30s)")]
struct SendWelcomeEmail {
    #[inject]
    mailer: Arc<dyn Mailer>,
    to: String,
}

impl Job for SendWelcomeEmail {
    async fn handle(&self) -> JobResult {
        Ok(self.mailer.send(&self.to)?)
    }

    fn backoff(&self, attempt: u32, error: &JobError) -> Option<Duration> {
        error.downcast_ref::<Busy>().map(|_| Duration::from_secs(attempt.into()))
    }
}

#[derive(Queueable)]
struct PurgeSessions;

impl Job for PurgeSessions {
    async fn handle(&self) -> JobResult {
        Ok(())
    }
}

#[derive(Queueable)]
struct NightlyReport {
    #[inject]
    audit: Arc<Audit>,
}

impl Job for NightlyReport {
    async fn handle(&self) -> JobResult {
        if self.audit.run.attempt() == 1 {
            return Err(JobError::fail("no numbers yet"));
        }
        Ok(())
    }
}

#[derive(Queueable)]
#[queueable(unique)]
struct RebuildIndex {
    shard: u32,
}

impl Job for RebuildIndex {
    async fn handle(&self) -> JobResult {
        let _ = self.shard;
        Ok(())
    }
}

fn container() -> Container {
    Container::builder().singleton(Smtp::new).expose::<dyn Mailer>(|smtp| smtp).scoped(Audit::new).build()
}

#[tokio::test]
async fn pushes_and_looks() -> Result<(), Box<dyn std::error::Error>> {
    let queue = Queue::connect("memory:").await?.install();
    let to = String::from("ada@example.org");
    let addresses = ["bob@example.org", "eve@example.org"].map(String::from).into_iter();
    RebuildIndex::with(7).delay(Duration::from_secs(60)).push().await?;

    Queue::push::<PurgeSessions>().await?;
    Queue::push::<(PurgeSessions, NightlyReport)>().await?;
    SendWelcomeEmail::with(to).delay(Duration::from_secs(60)).queue("vip").priority(1).push().await?;
    queue.dispatch_all(addresses.map(SendWelcomeEmail::with)).await?;

    let was_there = RebuildIndex::with(7).push().await?.is_duplicate;
    assert!(was_there);
    let to = String::from("zoe@example.org");
    let pushed = std::thread::spawn(|| {
        SendWelcomeEmail::with(to).push().wait()?;
        Ok::<_, PushError>(())
    });
    pushed.join().unwrap()?;

    let worker = Worker::builder(&queue, container()).queue("mail", 4).start().await?;
    let nightly = queue.jobs(&Filter::new().kind("NightlyReport")).await?.remove(0);
    assert_eq!(queue.wait(nightly.id, Duration::from_secs(30)).await?.state, JobState::Failed);
    let failed = queue.jobs(&Filter::new().state(JobState::Failed)).await?;
    let id = failed[0].id;
    queue.retry(id).await?;
    assert_eq!(queue.retry_all(&Filter::new().kind("SendWelcomeEmail")).await?, Default::default());
    assert_eq!(queue.wait(id, Duration::from_secs(30)).await?.state, JobState::Completed);
    worker.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

#[tokio::test]
async fn tests_with_a_fake() -> JobResult {
    let (fake, to) = (Arc::new(FakeMailer::default()), String::from("ada@example.org"));
    SendWelcomeEmail { mailer: fake.clone(), to }.handle().await?;
    assert_eq!(*fake.sent.lock().unwrap(), ["ada@example.org"]);
    Ok(())
}

/// Without white space, and without what follows `//`.
fn bare(code: &str) -> String {
    code.lines().flat_map(|line| line.split("//").next().unwrap_or_default().split_whitespace()).collect()
}

#[test]
fn every_line_of_the_readme_stands_here() {
    let here = bare(include_str!("readme.rs"));
    let readme = include_str!("../README.md");
    let mut lines = readme.lines();
    let mut seen = 0;
    let mut look = |code: &str| {
        // The tests of the command line run those.
        if let Some(command) = code.strip_prefix("craft ") {
            let command = command.split(' ').next().unwrap_or_default();
            assert!(queue_cli::Cli::knows(command), "the README says `{code}`, and there is no such command");
            return;
        }
        let code = bare(&code.replace("\\|", "|"));
        assert!(here.contains(&code), "the README says `{code}`, and it is not in tests/readme.rs");
        seen += usize::from(!code.is_empty());
    };
    // Blocks that the README does not let rustdoc compile.
    while lines.by_ref().any(|line| line == "```rs") {
        lines.by_ref().take_while(|line| *line != "```").for_each(&mut look);
    }
    let answers = readme.split_once("| How do I .. | |").expect("the README has a table").1;
    for row in answers.lines().skip(2).take_while(|line| line.starts_with('|')) {
        let codes: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        assert!(!codes.is_empty(), "no code in {row}");
        codes.into_iter().for_each(&mut look);
    }
    assert!(seen > 12, "only {seen} lines were found");
}
