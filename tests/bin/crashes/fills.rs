//! Fills the disk of the store, goes on when there is room again, and copies the store to where a test can look at it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use queue::JobState;
use queue_tests::ledger::{Event, Offer};

use crate::pushes::note;
use crate::task::{Plan, Task};
use crate::{Stage, say, works};

/// How many jobs are pushed, and how many bytes each brings: more than there is room for.
const JOBS: usize = 60;
const BYTES: usize = 20_000;

/// The words: a file to be, which takes the room away, its size in bytes, and where the store goes in the end.
pub(crate) async fn run(stage: Stage) -> Result<(), Box<dyn Error>> {
    let [ballast, size, target] = &stage.how[..] else { return Err("it takes three words".into()) };
    let (ballast, target) = (PathBuf::from(ballast), PathBuf::from(target));
    std::fs::write(&ballast, vec![0; size.parse()?])?;
    let worker = works::start(&stage.queue, &stage.ledger, works::LEASE, Duration::from_secs(10)).await?;
    let answered = Arc::new(AtomicUsize::new(0));
    let pushing: Vec<_> = (0..JOBS).map(|_| tokio::spawn(push(Arc::clone(&answered), &stage))).collect();
    // When nothing was answered for a while, there is no room any more.
    let mut before = usize::MAX;
    while std::mem::replace(&mut before, answered.load(Ordering::Acquire)) != answered.load(Ordering::Acquire) {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    say(&format!("full {before}"));
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
