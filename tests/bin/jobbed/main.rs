//! A program with jobs, and with the command line that `craft init` gives to one: what the tests of the command line run.
//!
//! `TEST_STAGE` says how it differs: `broken` lacks a service, `memory` runs several commands on one store in memory, a line of standard
//! input each. With `TEST_NO_SERVICES` its services cannot be made, for the reason that stands there.

mod jobs;

use std::process::ExitCode;
use std::sync::Arc;

use queue::{Container, Queue};
use queue_cli::Cli;

use jobs::{Clock, Printer};

fn container() -> Result<Container, String> {
    if let Ok(text) = std::env::var("TEST_NO_SERVICES") {
        return Err(text);
    }
    let builder = Container::builder().singleton(|| Clock);
    Ok(match stage().as_str() {
        "broken" => builder.build(),
        _ => builder.instance(Arc::new(Printer)).build(),
    })
}

fn stage() -> String {
    std::env::var("TEST_STAGE").unwrap_or_default()
}

fn main() -> ExitCode {
    match stage().as_str() {
        "memory" => {
            let queue = Queue::connect("memory:").wait().expect("memory is always there").install();
            let mut last = ExitCode::SUCCESS;
            for line in std::io::stdin().lines().map_while(Result::ok) {
                let words = std::iter::once("jobbed".to_owned()).chain(line.split(' ').map(str::to_owned));
                last = Cli::new(container).queue(queue.clone()).run_with(words.collect::<Vec<_>>());
            }
            last
        }
        _ => queue_cli::run(container),
    }
}
