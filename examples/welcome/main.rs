//! Sends a welcome message to everybody in a file of sign-ups: `cargo run --example welcome`.
//!
//! The messages go into the folder `outbox`, or to the mail server of `SMTP_URL` where that is set. With `--flaky` that server
//! behaves as one with greylisting, so that some jobs need a second attempt.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to whoever started it")]

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
use queue::JobState;
use queue::drivers::Memory;
use queue::prelude::*;

use job::{Request, SendWelcomeEmail, Users};
use mail::{Greylist, Mailer, Outbox, Smtp};
use signups::Signups;

const USAGE: &str = "usage: welcome [--outbox DIR] [--flaky] [SIGNUPS.csv]";
const HELP: &str = "
Sends a welcome message to everybody in a file of sign-ups, by default the one of the example.

  --outbox DIR  the folder that takes the messages; by default outbox
  --flaky       the server turns some messages away at first, so that their jobs are tried again

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
    let signups = Signups::read(&fs::read(&options.signups)?)?;
    for refused in &signups.refused {
        eprintln!("refused {refused}");
    }

    let users = Arc::new(Users::new(signups.users));
    let (mailer, earlier) = mailer(&options)?;
    let container = Container::builder().instance(mailer).instance(users.clone()).scoped(Request::new).build();
    // As many ended jobs are kept as there are sign-ups: each is looked at below.
    let queue = Queue::from_driver(Arc::new(Memory::new().keep_completed_rows(users.ids().count()))).install();
    let worker = Worker::builder(&queue, container).queue("mail", 4).start().await?;

    let pushed = queue.dispatch_all(users.ids().map(SendWelcomeEmail::with)).await?;

    // Drawn on a terminal only.
    let bar = ProgressBar::new(pushed.len() as u64);
    let (mut sent, mut retried, mut failed) = (0, 0, 0);
    for (user_id, job) in users.ids().zip(&pushed) {
        let row = queue.wait(job.id, Duration::from_secs(300)).await?;
        if row.state == JobState::Completed {
            sent += 1;
            retried += usize::from(row.attempt > 1);
        } else {
            failed += 1;
            let reason = row.errors.last().map_or("no reason", |error| &error.message);
            bar.suspend(|| eprintln!("failed user {user_id} after attempt {}: {reason}", row.attempt));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    worker.shutdown(Duration::from_secs(5)).await;

    println!("{sent} sent ({retried} after a retry), {failed} failed, {} rows refused", signups.refused.len());
    if earlier > 0 {
        println!("{} also holds {earlier} messages of earlier runs", options.outbox.display());
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the command line says.
struct Options {
    signups: PathBuf,
    outbox: PathBuf,
    flaky: bool,
}

impl Options {
    /// `None` where help is asked for; an error says what is wrong.
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            signups: concat!(env!("CARGO_MANIFEST_DIR"), "/data/signups.csv").into(),
            outbox: "outbox".into(),
            flaky: false,
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--help" | "-h" => return Ok(None),
                "--outbox" => options.outbox = args.next().ok_or("`--outbox` needs a folder")?.into(),
                "--flaky" => options.flaky = true,
                file if !file.starts_with('-') => options.signups = file.into(),
                option => return Err(format!("unknown option `{option}`")),
            }
        }
        Ok(Some(options))
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
