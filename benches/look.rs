//! Looking at jobs: how long one look takes with 20,000 and with 1,000,000 jobs in the store, on SQLite and on Postgres. Half of them wait and half have
//! completed, so that even the small store has what one look goes over, and a few failed; each look is the one that the command line makes. A look that is flat has a ratio near one; beside
//! it stands what it costs to look through the whole store.
//!
//! `cargo bench -p queue-benches --bench look -- [--rounds N] [--most JOBS]`

use std::time::Instant;

use queue::drivers::{FetchRequest, MaintainLimits, QueueRequest, Settlement};
use queue::job::filter::ArgIs;
use queue::job::{Filter, Outcome};
use queue::prelude::*;
use queue::{JobState, Pending};
use queue_benches::{Rounds, percentile, say};
use queue_tests::postgres::{Cluster, DURABLE};

#[derive(Queueable)]
struct Greet {
    user_id: u64,
    to: String,
}

impl Job for Greet {
    async fn handle(&self) -> JobResult {
        std::hint::black_box((self.user_id, &self.to));
        Ok(())
    }
}

fn greet(user_id: usize) -> Pending<Greet> {
    Greet::with(user_id as u64, "someone@example.com".to_owned())
}

/// How many jobs the small store has.
const SMALL: usize = 20_000;

/// The looks, by name.
fn looks() -> Vec<(&'static str, Look)> {
    let args = |value: &str| ArgIs::new(["user_id"], [value]);
    let with_args = |value: &str| {
        let mut filter = Filter::new().newest_first().limit(20);
        filter.args.push(args(value));
        filter
    };
    vec![
        ("newest 20", Look::Page(Filter::new().newest_first().limit(20))),
        ("failed, newest 20", Look::Page(Filter::new().state(JobState::Failed).newest_first().limit(20))),
        ("running", Look::Page(Filter::new().state(JobState::Running).limit(20))),
        ("a kind that is nowhere", Look::Page(Filter::new().kind("Nowhere").limit(20))),
        ("a tag that is nowhere", Look::Page(Filter::new().tag("nowhere").newest_first().limit(20))),
        ("a field that is nowhere", Look::Page(with_args("-1"))),
        ("count of a state", Look::Count(Filter::new().state(JobState::Completed))),
        ("count of a kind", Look::Count(Filter::new().kind("Greet"))),
        ("counts", Look::Counts),
    ]
}

enum Look {
    Page(Filter),
    Count(Filter),
    Counts,
}

impl Look {
    /// How long it takes, in milliseconds.
    async fn time(&self, queue: &Queue) -> f64 {
        let start = Instant::now();
        match self {
            Self::Page(filter) => drop(queue.search(filter).await.expect("the store answers")),
            Self::Count(filter) => drop(queue.count(filter, 10_000).await.expect("the store answers")),
            Self::Counts => drop(queue.counts().await.expect("the store answers")),
        }
        start.elapsed().as_secs_f64() * 1e3
    }
}

/// Stores so many jobs, and completes half of them; of each hundred thousand ten fail.
async fn fill(queue: &Queue, jobs: usize) {
    const BATCH: usize = 10_000;
    let driver = queue.driver();
    let mut pushed = 0;
    while pushed < jobs {
        queue.dispatch_all((pushed..pushed + BATCH).map(greet)).await.expect("the store takes them");
        pushed += BATCH;
        let wanted = QueueRequest { queue: "default".into(), free: BATCH / 2, ahead: 0 };
        let (worker, lease) = (uuid::Uuid::now_v7(), std::time::Duration::from_secs(3_600));
        let request = FetchRequest { worker, lease, queues: vec![wanted], except: Vec::new() };
        let mut left = BATCH / 2;
        while left > 0 {
            let deliveries = driver.fetch(&request).await.expect("the store hands them out");
            let settle = |(index, delivery): (usize, &queue::drivers::Delivery)| {
                let outcome = if index == 0 { Outcome::Fail { error: "no answer".to_owned() } } else { Outcome::Complete };
                Settlement::new(delivery.lease, outcome)
            };
            let settlements: Vec<_> = deliveries.iter().enumerate().map(settle).collect();
            driver.settle(&settlements).await.expect("the store settles");
            left = left.saturating_sub(deliveries.len());
        }
    }
    // As a worker does all the time.
    queue.maintain(&MaintainLimits::default()).await.expect("the store is maintained");
}

/// Prints the looks of one store.
async fn compare(name: &str, small: &Queue, large: &Queue, most: usize, rounds: Rounds) {
    say(&format!("{name}: milliseconds a look, median of {} rounds", rounds.count));
    say(&format!("{:<26}{:>12}{:>12}{:>9}", "", "20,000", most, "ratio"));
    for (what, look) in looks() {
        let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
        // Once for what is read from the disk and planned.
        look.time(small).await;
        look.time(large).await;
        for _ in 0..rounds.count {
            of_small.push(look.time(small).await);
            of_large.push(look.time(large).await);
        }
        let (small, large) = (percentile(&of_small, 50), percentile(&of_large, 50));
        say(&format!("{what:<26}{small:>12.2}{large:>12.2}{:>9.2}", large / small));
    }
    let start = Instant::now();
    let mut filter = Filter::new().limit(1_000);
    filter.args.push(ArgIs::new(["user_id"], ["-1"]));
    while let Some(next) = large.search(&filter).await.expect("the store answers").next {
        filter.after = Some(next);
    }
    say(&format!("{:<26}{:>24.0}", "the whole store, once", start.elapsed().as_secs_f64() * 1e3));
}

fn most() -> usize {
    let mut args = std::env::args().skip_while(|arg| arg != "--most");
    args.nth(1).and_then(|jobs| jobs.parse().ok()).unwrap_or(1_000_000)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (rounds, most) = (Rounds::from_args(11), most());
    let folder = tempfile::tempdir()?;
    let open = async |name: &str| Queue::connect(&format!("sqlite:{}", folder.path().join(name).display())).await;
    let (small, large) = (open("small.db").await?, open("large.db").await?);
    fill(&small, SMALL).await;
    fill(&large, most).await;
    compare("SQLite", &small, &large, most, rounds).await;
    drop((small, large));

    let cluster = match Cluster::start(DURABLE) {
        Ok(cluster) => cluster,
        Err(why) => {
            say(&format!("SKIPPED Postgres: {why}"));
            return Ok(());
        }
    };
    let open = async |schema: &str| {
        let url = cluster.url();
        let separator = if url.contains('?') { '&' } else { '?' };
        Queue::connect(&format!("{url}{separator}schema={schema}")).await
    };
    let (small, large) = (open("small").await?, open("large").await?);
    fill(&small, SMALL).await;
    fill(&large, most).await;
    compare("Postgres", &small, &large, most, rounds).await;
    Ok(())
}
