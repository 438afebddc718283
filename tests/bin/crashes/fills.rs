//! Fills the disk of the store, goes on when there is room again, and copies the store to where a test can look at it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use queue::JobState;
use queue_tests::ledger::{Entry, Event, Offer, read};

use crate::pushes::note;
use crate::task::{Plan, Task};
use crate::{Stage, works};

/// How many jobs are pushed, and how many bytes each brings: more than there is room for.
const JOBS: usize = 60;
const BYTES: usize = 20_000;

/// The words: where the ledgers are, a file to be, which takes the room away, its size in bytes, and where the store goes in the end.
pub(crate) async fn run(stage: Stage) -> Result<(), Box<dyn Error>> {
    let [ledgers, ballast, size, target] = &stage.how[..] else { return Err("it takes four words".into()) };
    let (ledgers, ballast, target) = (PathBuf::from(ledgers), PathBuf::from(ballast), PathBuf::from(target));
    std::fs::write(&ballast, vec![0; size.parse()?])?;
    let worker = works::start(&stage, works::LEASE, Duration::from_secs(10)).await?;
    let answered = Arc::new(AtomicUsize::new(0));
    let pushing: Vec<_> = (0..JOBS).map(|_| tokio::spawn(push(Arc::clone(&answered), &stage))).collect();
    while !is_full(&ledgers)? {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let answered = answered.load(Ordering::Acquire);
    if answered == JOBS {
        return Err("there was room for all jobs".into());
    }
    std::fs::remove_file(&ballast)?;
    for push in pushing {
        push.await?;
    }
    let waiting = [JobState::Available, JobState::Running, JobState::Retryable, JobState::Scheduled];
    loop {
        let counts = stage.queue.counts().await?;
        if waiting.iter().all(|state| counts.total(*state) == 0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    worker.shutdown(Duration::from_secs(5)).await;
    let store = store_of(&ballast);
    stage.queue.shutdown().await?;
    drop(stage);
    std::fs::copy(store, target)?;
    Ok(())
}

/// Whether the log has told of it.
fn is_full(ledgers: &Path) -> Result<bool, Box<dyn Error>> {
    let is_full = |entry: &Entry| matches!(&entry.event, Event::Logged { line } if line.contains("is full"));
    Ok(read(ledgers)?.iter().any(is_full))
}

/// The store lies beside the ballast.
fn store_of(ballast: &Path) -> PathBuf {
    ballast.with_file_name("jobs.db")
}

fn push(answered: Arc<AtomicUsize>, stage: &Stage) -> impl Future<Output = ()> + use<> {
    let (queue, ledger) = (stage.queue.clone(), Arc::clone(&stage.ledger));
    async move {
        let job = ledger.number();
        ledger.write(Event::PushBegun(Offer { jobs: vec![job], ..Offer::default() }));
        let answer = queue.dispatch(Task::with(job, Plan::Ends).meta("filler", "x".repeat(BYTES))).await;
        note(&ledger, job, answer.map(|pushed| vec![pushed]));
        answered.fetch_add(1, Ordering::AcqRel);
    }
}
