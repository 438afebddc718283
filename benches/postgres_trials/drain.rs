//! What each way costs where nothing is held: jobs a second over one connection, in batches.

use std::time::Instant;

use queue_benches::say;

use super::Done;
use super::claim::{Push, Way, drain};
use super::jobs::{Ended, Jobs, Start};
use super::options::Options;
use super::ring::{self, Ring};
use super::server::Server;
use super::steady::CHILDREN;

const NO_LEASES: &str = "SET search_path = trial; DROP INDEX queue_jobs_leases";

pub(crate) async fn measure(options: &Options, server: &Server) -> Done {
    say(&format!("drain: {} jobs over one connection, jobs/s, median of {}", options.jobs, options.rounds.count));
    for batch in [100, 256] {
        let mut rates: [Vec<f64>; 6] = Default::default();
        // In turn, so that a slow minute is everybody's.
        for _ in 0..options.rounds.count.max(1) {
            for (nth, (ended, schema)) in
                [(Ended::Kept, ""), (Ended::Removed, ""), (Ended::InPlace, ""), (Ended::Kept, NO_LEASES)].into_iter().enumerate()
            {
                server.renew(schema).await?;
                let jobs = Jobs::new(server.connect().await?, Start::Cursor, ended);
                rates[nth].push(one(jobs, options.jobs, batch, server).await?);
            }
            for (nth, is_kept) in [(4, true), (5, false)] {
                server.renew(&ring::tables(CHILDREN)).await?;
                let ring = Ring::new(server.connect().await?, is_kept);
                rates[nth].push(one(ring, options.jobs, batch, server).await?);
            }
        }
        let first = queue_benches::percentile(&rates[0], 50);
        let names = [
            "one table, kept elsewhere",
            "one table, removed",
            "one table, updated in place",
            "kept elsewhere, no lease index",
            "ring, kept",
            "ring, not kept",
        ];
        for (name, rates) in names.iter().zip(&rates) {
            let rate = queue_benches::percentile(rates, 50);
            say(&format!("{name:>44} | batches of {batch:>3} | {rate:>8.0}/s | ratio to the first {:>5.2}", rate / first));
        }
    }
    Ok(())
}

async fn one(mut way: impl Way, jobs: usize, batch: usize, server: &Server) -> sqlx::Result<f64> {
    let mut connection = server.connect().await?;
    let pusher = way.pusher();
    for _ in 0..jobs / 1_000 {
        pusher.push(&mut connection, 1_000, 0).await?;
    }
    let start = Instant::now();
    let done = drain(&mut way, batch).await?;
    let took = start.elapsed();
    assert_eq!(done, jobs / 1_000 * 1_000, "all that was pushed is claimed once");
    Ok(done as f64 / took.as_secs_f64())
}
