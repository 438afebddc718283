//! Each statement alone, over the rows that a held snapshot keeps.

use std::future::Future;
use std::time::Instant;

use queue_benches::say;

use super::claim::{Push, Tend, Way};
use super::jobs::{Ended, Jobs, Start};
use super::options::Options;
use super::ring::{self, Ring};
use super::server::Server;
use super::steady::{CHILDREN, kill};
use super::{Done, micros, spread};

/// How often each statement is run, and how many jobs it is about.
const TIMES: usize = 200;
const BATCH: usize = 50;

pub(crate) async fn measure(options: &Options, server: &Server) -> Done {
    say("held: each statement alone, of 50 jobs where it is about jobs");
    cursor(options, server).await?;
    rotate(options, server, "snapshot", "SELECT 1").await?;
    rotate(options, server, "snapshot that read it", "SELECT count(*) FROM ring_jobs").await
}

async fn took<T>(times: &mut Vec<f64>, what: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let start = Instant::now();
    let answer = what.await?;
    times.push(start.elapsed().as_secs_f64() * 1000.0);
    Ok(answer)
}

fn line(name: &str, times: &[f64]) {
    say(&format!("{name:>44} | {}", spread(times)));
}

/// Claims and settles so often; answers what the inserts, the claims and the settlings took.
async fn rounds(way: &mut impl Way, server: &Server, count: usize) -> sqlx::Result<[Vec<f64>; 3]> {
    let (mut connection, pusher) = (server.connect().await?, way.pusher());
    let [mut inserts, mut claims, mut settles] = [Vec::new(), Vec::new(), Vec::new()];
    for nth in 0..count + 10 {
        took(&mut inserts, pusher.push(&mut connection, BATCH, 0)).await?;
        let claimed = took(&mut claims, way.exchange(BATCH)).await?;
        assert_eq!(claimed.len(), BATCH, "what was pushed is claimed");
        took(&mut settles, way.exchange(0)).await?;
        // The first make plans and fill caches.
        if nth < 10 {
            [&mut inserts, &mut claims, &mut settles].into_iter().for_each(Vec::clear);
        }
    }
    Ok([inserts, claims, settles])
}

async fn cursor(options: &Options, server: &Server) -> Done {
    server.renew("").await?;
    let snapshot = server.hold("SELECT count(*) FROM queue_jobs").await?;
    let mut jobs = Jobs::new(server.connect().await?, Start::Cursor, Ended::Kept);
    let mut tender = jobs.tender(server.connect().await?);
    let mut dead = 0;
    for level in &options.dead {
        let died = level.saturating_sub(dead);
        kill(&mut jobs, None::<&mut super::jobs::Tender>, server, died).await?;
        dead = dead.max(*level);
        say(&format!("one table, {dead} jobs dead"));
        let [inserts, claims, settles] = rounds(&mut jobs, server, TIMES).await?;
        line("claim from the cursor", &claims);
        line("settle", &settles);
        line("insert", &inserts);
        jobs.set_start(Start::Front);
        let [_, claims, _] = rounds(&mut jobs, server, 20).await?;
        line("claim from the front", &claims);
        jobs.set_start(Start::Cursor);
        tender.kill(died).await?;
        let [mut sweep, mut rescue, mut promote, mut compact] = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..20 {
            took(&mut sweep, tender.sweep()).await?;
            // As it is when all of the leases have run out that they had.
            took(&mut rescue, tender.rescue(micros() + 60_000_000)).await?;
            took(&mut promote, tender.promote()).await?;
            took(&mut compact, tender.compact()).await?;
        }
        line("sweep behind the cursor", &sweep);
        line("look for leases that ran out", &rescue);
        line("look for jobs whose time has come", &promote);
        line("counts added up", &compact);
    }
    drop(snapshot);
    Ok(())
}

async fn rotate(options: &Options, server: &Server, name: &str, read: &str) -> Done {
    server.renew(&ring::tables(CHILDREN)).await?;
    let snapshot = server.hold(read).await?;
    let mut ring = Ring::new(server.connect().await?, true);
    let mut tender = ring.tender(server.connect().await?, CHILDREN);
    let mut passed = 0;
    for level in &options.dead {
        kill(&mut ring, Some(&mut tender), server, level.saturating_sub(passed)).await?;
        passed = passed.max(*level);
        say(&format!("ring, {name}, {passed} jobs passed, emptied {} times, {} tables more", tender.turned, tender.added));
        let [inserts, claims, settles] = rounds(&mut ring, server, TIMES).await?;
        line("claim", &claims);
        line("settle", &settles);
        line("insert", &inserts);
        let mut turns = Vec::new();
        for _ in 0..5 {
            kill(&mut ring, None::<&mut ring::Tender>, server, 5_000).await?;
            took(&mut turns, tender.tend()).await?;
        }
        line("the ring turned once", &turns);
    }
    drop(snapshot);
    Ok(())
}
