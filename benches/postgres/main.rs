//! How fast jobs are kept in a Postgres database, beside plain SQL on the same schema and server in the same run.
//!
//! `cargo bench -p queue-benches --bench postgres -- --help` says which figures there are, and which take long.

mod across;
mod bulk;
mod drain;
#[path = "../greet.rs"]
mod greet;
mod held;
mod idle;
mod latency;
mod options;
mod pushers;
mod raw;
mod server;
mod single;

use queue_benches::{Rounds, THREADS, say};

use self::options::{HELP, Options};
use self::server::Server;

/// What a figure ends with.
type Done = Result<(), Box<dyn std::error::Error>>;

/// A figure: its name on the command line, and how it is measured.
type Figure = (&'static str, fn(&Options, &Server) -> Done);

const FIGURES: [Figure; 8] = [
    ("drain", drain::measure),
    ("pushers", pushers::measure),
    ("bulk", bulk::measure),
    ("single", single::measure),
    ("latency", latency::measure),
    ("across", across::measure),
    ("idle", idle::measure),
    ("held", held::measure),
];

fn main() -> Done {
    let options = Options::from_args(Rounds::from_args(3))?;
    if options.is_help {
        say(HELP);
        return Ok(());
    }
    if let Some(url) = &options.child {
        return across::push(url);
    }
    let server = Server::start(&options)?;
    let said = runtime()?.block_on(server.settings())?;
    say(&format!("Postgres {said}, {THREADS} threads, median of {} rounds, {}", options.rounds.count, load()));
    for (name, measure) in FIGURES {
        if options.wants(name) {
            measure(&options, &server)?;
        }
    }
    say(&load());
    Ok(())
}

/// What else the machine does: the figures are worth as much as it is quiet.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("load of the machine {}", load.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

/// The runtime of those who push, and of the raw forms.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()
}

/// How many a second.
fn rate(count: usize, took: std::time::Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// A line of the report: this driver, its raw limit, and the share that it is of it.
fn report(name: &str, ours: f64, raw: f64, ratio: f64, goal: &str) {
    say(&format!("{name:>44} | {ours:>9.0}/s | raw {raw:>9.0}/s | ratio {ratio:>6.2} | goal {goal}"));
}
