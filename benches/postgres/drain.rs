//! How fast a worker with its default settings drains a database of no-op jobs: timed until the last one is stored as completed.

use std::time::{Duration, Instant};

use queue::job::JobState;
use queue::prelude::*;
use queue_benches::say;

use super::options::Options;
use super::raw::{self, Claimer};
use super::server::{Database, Ended, Server};
use super::{Done, greet, rate, report, runtime};

const MILLION: usize = 1_000_000;

/// How many jobs the raw form claims and completes at once: whichever is faster is the limit.
const BATCHES: [usize; 2] = [100, 256];

pub(crate) fn measure(options: &Options, server: &Server) -> Done {
    let runtime = runtime()?;
    let small = Case { jobs: options.jobs, history: 0, ended: Ended::Kept };
    let removed = |case: Case| Case { ended: Ended::Removed, ..case };
    let long = Case { jobs: MILLION, ..small };
    let all = [
        Some(small),
        Some(removed(small)),
        options.has_history.then_some(Case { history: MILLION, ..small }),
        options.is_long.then_some(long),
        options.is_long.then_some(removed(long)),
    ];
    let full = all.map(|case| case.map(|case| (case, runtime.block_on(fill(server, case)))));
    // All of them in each round: they are compared with one another.
    let measured = options.rounds.medians(|| {
        let mut figures = [0.0; 20];
        for (nth, (case, full)) in full.iter().flatten().enumerate() {
            let ours = rate(case.jobs, runtime.block_on(worker(server, full, *case)));
            let raw = BATCHES.map(|batch| rate(case.jobs, runtime.block_on(raw_drain(server, full, *case, batch))));
            say(&format!("{:>44} | {ours:.0}/s | raw {:.0}/s by 100, {:.0}/s by 256", case.name(), raw[0], raw[1]));
            let raw = raw[0].max(raw[1]);
            // The first of those that keep, or remove, as this does.
            let first = if case.ended == Ended::Kept || nth == 1 { figures[0] } else { figures[4] };
            figures[nth * 4..][..4].copy_from_slice(&[ours, raw, ours / raw, ours / first]);
        }
        figures
    });
    for (nth, (case, _)) in full.iter().flatten().enumerate() {
        let &[ours, raw, ratio, of_first] = &measured[nth * 4..][..4] else { continue };
        report(&case.name(), ours, raw, ratio, "0.70");
        match nth {
            0 => {}
            1 => say(&format!("{:>44} | {of_first:>9.2} of the first | goal above 1", "")),
            _ => say(&format!("{:>44} | {of_first:>9.2} of the same with {} | goal 0.80", "", options.jobs)),
        }
    }
    for (_, full) in full.into_iter().flatten() {
        runtime.block_on(server.drop(full));
    }
    Ok(())
}

/// What is drained.
#[derive(Debug, Clone, Copy)]
struct Case {
    jobs: usize,
    /// How many finished jobs lie in the database.
    history: usize,
    ended: Ended,
}

impl Case {
    fn name(&self) -> String {
        match self.ended {
            Ended::Kept => format!("drain of {}, {} finished", self.jobs, self.history),
            Ended::Removed => format!("drain of {}, removed", self.jobs),
        }
    }
}

/// A database with so many waiting and finished jobs.
async fn fill(server: &Server, Case { jobs, history, .. }: Case) -> Database {
    let full = server.database().await;
    let mut connection = full.raw().await;
    raw::insert_ended(&mut connection, history).await;
    raw::insert_many(&mut connection, jobs, 5_000).await;
    raw::settle_down(&mut connection).await;
    full
}

async fn raw_drain(server: &Server, full: &Database, case: Case, batch: usize) -> Duration {
    let database = server.copy(full).await;
    let mut claimer = Claimer::new(database.raw().await, case.ended);
    let started = Instant::now();
    assert_eq!(claimer.drain(batch).await, case.jobs);
    let took = started.elapsed();
    server.drop(database).await;
    took
}

async fn worker(server: &Server, full: &Database, case: Case) -> Duration {
    let database = server.copy(full).await;
    let queue = database.queue(case.ended).await;
    queue.pause("default").await.expect("pause");
    let worker = Worker::builder(&queue, Container::builder().build()).start().await.expect("start");
    greet::expect(case.jobs);
    let started = Instant::now();
    queue.resume("default").await.expect("resume");
    greet::reached().await;
    loop {
        let counts = queue.counts().await.expect("counts");
        if counts.total(JobState::Available) + counts.total(JobState::Running) == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = started.elapsed();
    worker.shutdown(Duration::from_secs(5)).await;
    queue.shutdown().await.expect("nothing waits");
    server.drop(database).await;
    took
}
