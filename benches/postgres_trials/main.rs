//! Two ways out of the held snapshot, as plain SQL beside each other: a claim that starts where the last one ended, and tables that are
//! appended to and emptied whole.
//!
//! While a transaction is open that can see old rows, what is updated or deleted stays in the table and its indexes, and a claim that starts
//! at the front walks over all of it. `cargo bench -p queue-benches --bench postgres_trials -- --help` says which figures there are.

mod claim;
mod drain;
mod held;
mod jobs;
mod options;
mod ring;
mod server;
mod steady;

use queue_benches::{Rounds, say};

use self::options::{HELP, Options};
use self::server::Server;

/// What a figure ends with.
type Done = Result<(), Box<dyn std::error::Error>>;

fn main() -> Done {
    let options = Options::from_args(Rounds::from_args(3))?;
    if options.is_help {
        say(HELP);
        return Ok(());
    }
    let server = Server::start(&options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(queue_benches::THREADS).enable_all().build()?;
    say(&load());
    runtime.block_on(async {
        say(&format!("Postgres {}", server.settings().await?));
        if options.wants("held") {
            held::measure(&options, &server).await?;
        }
        if options.wants("steady") {
            steady::measure(&options, &server).await?;
        }
        if options.wants("drain") {
            drain::measure(&options, &server).await?;
        }
        Done::Ok(())
    })?;
    say(&load());
    Ok(())
}

/// What else the machine does: the figures are worth as much as it is quiet.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("load of the machine {}", load.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

/// Microseconds since 1970.
fn micros() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_micros()).expect("the clock is before the year 294,000")
}

/// Times in milliseconds, as a report says them.
fn spread(times: &[f64]) -> String {
    let (half, most) = (queue_benches::percentile(times, 50), queue_benches::percentile(times, 99));
    format!("p50 {half:>8.2} ms | p99 {most:>8.2} ms")
}
