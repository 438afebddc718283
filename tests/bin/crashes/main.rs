//! A process of the crash suite: it does to a store what its first argument says, keeps a ledger of it, and is killed meanwhile.
//!
//! `crashes <role> <store> <ledger> <process> <seed> [<how>]`

mod acts;
mod fills;
mod marks;
mod pushes;
mod task;
mod verbs;
mod works;

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use queue::Queue;
use queue::drivers::Driver;
use queue_tests::ledger::{Event, Ledger};
use queue_tests::logs;
use queue_tests::store::Store;

use crate::marks::Marks;

/// What a process was told, and what it works with.
struct Stage {
    driver: Arc<dyn Driver>,
    queue: Queue,
    ledger: Arc<Ledger>,
    marks: Arc<Marks>,
    random: fastrand::Rng,
    /// More words for the role.
    how: Vec<String>,
}

/// Tells whoever started the process how far it is. Nobody may listen any more.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().unwrap_or_default();
    let (role, store, path) = (argument(), Store::of_word(&argument()), PathBuf::from(argument()));
    let (process, seed) = (argument().parse()?, argument().parse()?);
    let ledger = Arc::new(Ledger::open(&path, process)?);
    let told = Arc::clone(&ledger);
    logs::give(tracing::Level::WARN, move |line| told.write(Event::Logged { line }));
    say("begins");
    let driver = store.open().await?;
    say("opened");
    let queue = Queue::from_driver(Arc::clone(&driver));
    let marks = Arc::new(Marks::new(&store));
    let stage = Stage { driver, queue, ledger, marks, random: fastrand::Rng::with_seed(seed), how: arguments.collect() };
    match role.as_str() {
        "opens" => {}
        "pushes" => pushes::run(stage).await?,
        "works" => works::run(stage).await?,
        "does-both" => works::run_and_push(stage).await?,
        "acts" => acts::act(stage).await?,
        "prunes" => acts::prune(stage).await?,
        "fills" => fills::run(stage).await?,
        "cycles" => works::cycle(stage).await?,
        verb => verbs::run(verb, stage).await?,
    }
    Ok(())
}
