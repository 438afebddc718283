//! From the push to the claim, 500 jobs/s in batches of 50: without a held snapshot, and with 300,000 jobs' worth of dead rows under one.

use std::cell::Cell;
use std::time::{Duration, Instant};

use queue_benches::say;

use super::claim::{Push, Tend, Way, drain};
use super::jobs::{Ended, Jobs, Start};
use super::options::Options;
use super::ring::{self, Ring};
use super::server::Server;
use super::{Done, micros, spread};

const BATCH: usize = 50;
/// How long a worker waits for a wake-up.
const IDLE: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_millis(100);
/// Each second a job is pushed that is due so long ago, in microseconds: it is behind every cursor, as one that was released.
const STRAGGLER: i64 = 60_000_000;
/// How many tables the ring has at first.
pub(crate) const CHILDREN: i32 = 4;

pub(crate) async fn measure(options: &Options, server: &Server) -> Done {
    let dead = options.dead.iter().copied().max().unwrap_or(0);
    say(&format!("steady: 500 jobs/s for {} s, from the push to the claim", options.seconds));
    for start in [Start::Front, Start::Cursor] {
        let name = if start == Start::Front { "from the front" } else { "from the cursor" };
        for dead in [0, dead] {
            server.renew("").await?;
            let snapshot = if dead > 0 { Some(server.hold("SELECT count(*) FROM queue_jobs").await?) } else { None };
            let mut jobs = Jobs::new(server.connect().await?, start, Ended::Kept);
            let mut tender = jobs.tender(server.connect().await?);
            // The rows die fast when the claims start at a cursor.
            jobs.set_start(Start::Cursor);
            kill(&mut jobs, None::<&mut super::jobs::Tender>, server, dead).await?;
            jobs.set_start(start);
            run(&format!("{name}, {dead} dead"), (&mut jobs, &mut tender), options, server).await?;
            drop(snapshot);
        }
    }
    for (name, dead, read) in [
        ("clean", 0, None),
        ("snapshot", dead, Some("SELECT 1")),
        ("snapshot that read it", dead, Some("SELECT count(*) FROM ring_jobs")),
    ] {
        server.renew(&ring::tables(CHILDREN)).await?;
        let mut ring = Ring::new(server.connect().await?, true);
        let mut tender = ring.tender(server.connect().await?, CHILDREN);
        let snapshot = match read {
            Some(read) => Some(server.hold(read).await?),
            None => None,
        };
        kill(&mut ring, Some(&mut tender), server, dead).await?;
        run(&format!("ring, {name}, {dead} passed"), (&mut ring, &mut tender), options, server).await?;
        say(&format!("{:>44} | emptied {} times, {} tables more", "", tender.turned, tender.added));
        drop(snapshot);
    }
    Ok(())
}

/// Pushes and drains so many jobs.
pub(crate) async fn kill(
    way: &mut impl Way,
    mut tender: Option<&mut impl Tend>,
    server: &Server,
    jobs: usize,
) -> sqlx::Result<()> {
    let (mut connection, pusher) = (server.connect().await?, way.pusher());
    for _ in 0..jobs / 1_000 {
        pusher.push(&mut connection, 1_000, 0).await?;
        drain(way, 1_000).await?;
        if let Some(tender) = &mut tender {
            tender.tend().await?;
        }
    }
    Ok(())
}

/// Runs for a while and says what the jobs waited.
async fn run(name: &str, (way, tender): (&mut impl Way, &mut impl Tend), options: &Options, server: &Server) -> sqlx::Result<()> {
    let mut connection = server.connect().await?;
    let pusher = way.pusher();
    let (wake, woken) = flume::unbounded();
    let is_over = Cell::new(false);
    let (mut pushes, mut waits, mut late) = (Vec::new(), Vec::new(), Vec::new());
    let push = async {
        let mut ticks = tokio::time::interval(EVERY);
        for nth in 0..options.seconds * 10 {
            ticks.tick().await;
            let start = Instant::now();
            pusher.push(&mut connection, BATCH, 0).await?;
            pushes.push(start.elapsed().as_secs_f64() * 1000.0);
            if nth % 10 == 5 {
                pusher.push(&mut connection, 1, STRAGGLER).await?;
            }
            let _sent = wake.send(());
        }
        drop(wake);
        Ok::<(), sqlx::Error>(())
    };
    let work = async {
        while !matches!(tokio::time::timeout(IDLE, woken.recv_async()).await, Ok(Err(_))) {
            woken.drain().count();
            loop {
                let claimed = way.exchange(500).await?;
                let now = micros();
                for job in &claimed {
                    let times = if job.pushed_at - job.due_at >= STRAGGLER { &mut late } else { &mut waits };
                    times.push((now - job.pushed_at) as f64 / 1000.0);
                }
                if claimed.is_empty() {
                    break;
                }
            }
        }
        is_over.set(true);
        Ok::<(), sqlx::Error>(())
    };
    let tend = async {
        while !is_over.get() {
            let start = Instant::now();
            tender.tend().await?;
            tokio::time::sleep((start.elapsed() * 19).max(Duration::from_secs(1))).await;
        }
        Ok::<(), sqlx::Error>(())
    };
    tokio::try_join!(push, work, tend)?;
    say(&format!("{name:>44} | {} of {} jobs | {}", waits.len(), options.seconds * 500, spread(&waits)));
    say(&format!("{:>44} | {} behind the cursor | {}", "", late.len(), spread(&late)));
    say(&format!("{:>44} | a push {}", "", spread(&pushes)));
    Ok(())
}
