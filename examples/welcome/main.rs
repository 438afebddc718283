//! Sends a welcome message to everybody in a file of sign-ups: `cargo run --example welcome`.
//!
//! The sign-ups and their jobs are kept in the file `welcome.db`. Kill the program and start it again: it goes on where it was. The messages
//! go into the folder `outbox`, or to the mail server of `SMTP_URL` where that is set. With `--flaky` that server behaves as one with
//! greylisting, so that some jobs need a second attempt.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to whoever started it")]

mod database;
mod job;
mod mail;
mod signups;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use indicatif::ProgressBar;
use queue::drivers::Memory;
use queue::job::Filter;
use queue::prelude::*;
use queue::{JobRow, JobState};

use database::{Database, Import};
use job::{Request, SendWelcomeEmail, Users};
use mail::{Greylist, Mailer, Outbox, Smtp};
use signups::Signups;

const USAGE: &str = "usage: welcome [--outbox DIR] [--queue URL] [--flaky] [--retry] [SIGNUPS.csv]";
const HELP: &str = "
Sends a welcome message to everybody in a file of sign-ups, by default the one of the example.

  --outbox DIR  the folder that takes the messages; by default outbox
  --queue URL   where the jobs are kept: `sqlite:FILE`, by default sqlite:welcome.db, or `memory:`
  --flaky       the server turns some messages away at first, so that their jobs are tried again
  --retry       jobs that failed in earlier runs are tried again

The variable SMTP_URL names a mail server that takes the messages instead of a folder.";

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = match Options::from_args(env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}\n{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        Err(mistake) => {
            eprintln!("{mistake}\n{USAGE}");
            return Ok(ExitCode::from(2));
        }
    };
    let text = fs::read(&options.signups)?;
    let signups = Signups::read(&text)?;
    for refused in &signups.refused {
        eprintln!("refused {refused}");
    }

    let (queue, users) = match &options.database {
        Some(path) => {
            let database = Database::open(path).await?;
            let queue = database.queue().await?.install();
            match database.import(&options.signups, &text, &signups.users).await? {
                Import::Done(new) => println!("{new} sign-ups are new in {}", path.display()),
                Import::Known => println!("these sign-ups are in {} already", path.display()),
            }
            (queue, database.users().await?)
        }
        None => {
            // As many ended jobs are kept as there are sign-ups: each is looked at below.
            let queue = Queue::from_driver(Arc::new(Memory::new().keep_completed_rows(signups.users.len()))).install();
            queue.dispatch_all(signups.users.iter().map(|user| SendWelcomeEmail::with(user.id))).await?;
            (queue, signups.users)
        }
    };
    if options.retry {
        let done = queue.retry_all(&Filter::new().kind(SendWelcomeEmail::KIND)).await?;
        println!("{} jobs that had failed are tried again", done.retried);
    }
    // Those of this file, and what earlier runs left when they were killed.
    let jobs = unfinished(&queue).await?;
    let held = jobs.iter().filter(|job| job.state == JobState::Running).count();
    if held > 0 {
        eprintln!("{held} jobs are held by another run: if it was killed, they come back within 45 s");
    }

    let (mailer, earlier) = mailer(&options)?;
    let container = Container::builder().instance(mailer).instance(Arc::new(Users::new(users))).scoped(Request::new).build();
    let worker = Worker::builder(&queue, container).queue("mail", 4).start().await?;

    // Drawn on a terminal only.
    let bar = ProgressBar::new(jobs.len() as u64);
    let (mut sent, mut retried, mut failed) = (0, 0, 0);
    for job in &jobs {
        let row = queue.wait(job.id, Duration::from_secs(300)).await?;
        if row.state == JobState::Completed {
            sent += 1;
            retried += usize::from(row.attempt > 1);
        } else {
            failed += 1;
            let user_id = job.args::<SendWelcomeEmail>()?.user_id;
            let reason = row.errors.last().map_or("no reason", |error| &error.message);
            bar.suspend(|| eprintln!("failed user {user_id} after attempt {}: {reason}", row.attempt));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    worker.shutdown(Duration::from_secs(5)).await;
    queue.shutdown().await?;

    println!("{sent} sent ({retried} after a retry), {failed} failed, {} rows refused", signups.refused.len());
    if earlier > 0 {
        println!("{} also holds {earlier} messages of earlier runs", options.outbox.display());
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The jobs that have not ended, whoever has pushed them.
async fn unfinished(queue: &Queue) -> Result<Vec<JobRow>, queue::Error> {
    let live = JobState::ALL.into_iter().filter(|state| !state.is_terminal());
    let mut filter = live.fold(Filter::new().kind(SendWelcomeEmail::KIND).limit(1_000), Filter::state);
    let mut jobs = Vec::new();
    loop {
        let page = queue.jobs(&filter).await?;
        let Some(last) = page.last() else { return Ok(jobs) };
        filter = filter.after(last.id);
        jobs.extend(page);
    }
}

/// What the command line says.
struct Options {
    signups: PathBuf,
    outbox: PathBuf,
    /// The SQLite file; `None` for jobs in memory.
    database: Option<PathBuf>,
    flaky: bool,
    retry: bool,
}

impl Options {
    /// `None` where help is asked for; an error says what is wrong.
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            signups: concat!(env!("CARGO_MANIFEST_DIR"), "/data/signups.csv").into(),
            outbox: "outbox".into(),
            database: Some("welcome.db".into()),
            flaky: false,
            retry: false,
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--help" | "-h" => return Ok(None),
                "--outbox" => options.outbox = args.next().ok_or("`--outbox` needs a folder")?.into(),
                "--queue" => options.database = database(&args.next().ok_or("`--queue` needs a URL")?)?,
                "--flaky" => options.flaky = true,
                "--retry" => options.retry = true,
                file if !file.starts_with('-') => options.signups = file.into(),
                option => return Err(format!("unknown option `{option}`")),
            }
        }
        Ok(Some(options))
    }
}

/// The file of a URL; none where jobs are kept in memory.
fn database(url: &str) -> Result<Option<PathBuf>, String> {
    match url.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => Ok(Some(path.into())),
        Some(("memory", "")) => Ok(None),
        _ => Err(format!("`{url}` is neither `sqlite:FILE` nor `memory:`")),
    }
}

/// The mailer that the jobs get, and how many messages of earlier runs lie where it puts them.
fn mailer(options: &Options) -> Result<(Arc<dyn Mailer>, usize), Box<dyn Error>> {
    let (mailer, earlier): (Arc<dyn Mailer>, _) = match env::var("SMTP_URL") {
        Ok(url) => (Arc::new(Smtp::new(&url)?), 0),
        Err(_) => {
            let outbox = Outbox::open(&options.outbox)?;
            let earlier = outbox.messages()?;
            (Arc::new(outbox), earlier)
        }
    };
    Ok((if options.flaky { Arc::new(Greylist::before(mailer)) } else { mailer }, earlier))
}
