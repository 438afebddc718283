//! One verb of the driver, for a test that kills the process at each of its writes.

use std::error::Error;
use std::time::Duration;

use queue::JobState;
use queue::drivers::{
    Delivery, Due, FetchRequest, Group, Lease, MaintainLimits, QueueRequest, Renewal, Settled, Settlement, WorkerId, WorkerRow,
    WorkerState,
};
use queue::job::{Filter, Outcome};
use queue_tests::ledger::{End, Event, Offer, Run};

use crate::pushes::{new_job, note};
use crate::task::Plan;
use crate::{Stage, say};

/// Does one verb, or what a test needs before it, and closes the store.
pub(crate) async fn run(verb: &str, stage: Stage) -> Result<(), Box<dyn Error>> {
    match verb {
        "prepare" => prepare(&stage).await?,
        "push" => push(&stage, &[Plan::Ends; 3], Due::Now).await,
        "fetch" => drop(fetch(&stage).await?),
        "settle" => settle(&stage).await?,
        "settle-late" => settle_late(&stage).await?,
        "retry" => retry(&stage).await?,
        "cancel" => cancel(&stage).await?,
        "prune" => prune(&stage).await?,
        other => return Err(format!("no role is called `{other}`").into()),
    }
    say("survived");
    Ok(stage.queue.shutdown().await?)
}

/// Stores jobs for the other verbs: the first word says how many, the second of which sort.
async fn prepare(stage: &Stage) -> Result<(), Box<dyn Error>> {
    for _ in 0..stage.how[0].parse()? {
        match stage.how[1].as_str() {
            "ready" => push(stage, &[Plan::Ends], Due::Now).await,
            "waiting" => push(stage, &[Plan::Waits], Due::Now).await,
            "clinging" => push(stage, &[Plan::Clings], Due::Now).await,
            "later" => push(stage, &[Plan::Ends], Due::In(Duration::from_secs(5))).await,
            "failing" => push(stage, &[Plan::Fails], Due::Now).await,
            "ended" => {
                push(stage, &[Plan::Ends], Due::In(Duration::from_secs(5))).await;
                cancel(stage).await?;
            }
            other => return Err(format!("no sort of jobs is called `{other}`").into()),
        }
    }
    Ok(())
}

async fn push(stage: &Stage, plans: &[Plan], due: Due) {
    let jobs: Vec<_> = plans.iter().map(|plan| (stage.ledger.number(), *plan)).collect();
    stage.ledger.write(Event::PushBegun(Offer { jobs: jobs.iter().map(|(job, _)| *job).collect(), ..Offer::default() }));
    let stored = jobs.iter().map(|(job, plan)| {
        let mut new = new_job(*job, *plan);
        new.due = due;
        new
    });
    let group = Group { jobs: stored.collect(), tick: None };
    let answer = stage.driver.push(&[group]).await.pop().expect("a group has an answer");
    note(&stage.ledger, jobs[0].0, answer);
}

async fn fetch(stage: &Stage) -> Result<Vec<Delivery>, Box<dyn Error>> {
    let queues = vec![QueueRequest { queue: "default".into(), free: 2, ahead: 0 }];
    let request = FetchRequest { worker: WorkerId::from_u128(7), lease: Duration::from_secs(1), queues, except: Vec::new() };
    Ok(stage.driver.fetch(&request).await?)
}

/// Fetches two jobs, and settles both.
async fn settle(stage: &Stage) -> Result<(), Box<dyn Error>> {
    let runs = begin(stage).await?;
    settle_as(stage, runs, &[End::Done, End::Done]).await
}

/// Fetches two jobs, waits until a file is there, whose name is the first word, and then renews and settles them: one is
/// done, the other to be tried again.
async fn settle_late(stage: &Stage) -> Result<(), Box<dyn Error>> {
    let runs = begin(stage).await?;
    say("fetched");
    while !std::path::Path::new(&stage.how[0]).exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let now = std::time::SystemTime::now();
    let row = WorkerRow {
        id: WorkerId::from_u128(7),
        name: "late".to_owned(),
        host: "here".to_owned(),
        pid: std::process::id(),
        started_at: now,
        seen_at: now,
        queues: Vec::new(),
        kinds: Vec::new(),
        running: runs.len(),
        lease: Duration::from_secs(1),
        state: WorkerState::Running,
    };
    let leases: Vec<_> = runs.iter().map(|(lease, _)| Renewal { lease: *lease, progress: None }).collect();
    say(&format!("lost {}", stage.driver.renew(&row, &leases).await?.lost.len()));
    settle_as(stage, runs, &[End::Done, End::Error]).await
}

/// Fetches two jobs, and runs them as far as the ledger goes.
async fn begin(stage: &Stage) -> Result<Vec<(Lease, Run)>, Box<dyn Error>> {
    let mut runs = Vec::new();
    for delivery in fetch(stage).await? {
        let payload: serde_json::Value = serde_json::from_slice(&delivery.payload)?;
        let job = payload["job"].as_u64().ok_or("a payload has a number")?;
        runs.push((delivery.lease, stage.ledger.run(job, delivery.lease.id, delivery.attempt)));
    }
    Ok(runs)
}

async fn settle_as(stage: &Stage, runs: Vec<(Lease, Run)>, ends: &[End]) -> Result<(), Box<dyn Error>> {
    let (mut numbers, mut settlements) = (Vec::new(), Vec::new());
    for ((lease, run), end) in runs.into_iter().zip(ends) {
        numbers.push(run.number());
        let outcome = match end {
            End::Done => Outcome::Complete,
            _ => Outcome::Retry { delay: Duration::ZERO, error: run.error() },
        };
        run.ends(*end);
        settlements.push(Settlement::new(lease, outcome));
    }
    let settled = stage.driver.settle(&settlements).await?;
    for (run, settled) in numbers.into_iter().zip(settled) {
        stage.ledger.write(Event::Settled { run, is_stored: settled == Settled::Stored });
    }
    Ok(())
}

async fn retry(stage: &Stage) -> Result<(), Box<dyn Error>> {
    for row in stage.queue.jobs(&Filter::new().state(JobState::Failed).limit(1)).await? {
        stage.ledger.write(Event::RetryBegun { id: row.id.to_string() });
        stage.queue.retry(row.id).await?;
    }
    Ok(())
}

async fn cancel(stage: &Stage) -> Result<(), Box<dyn Error>> {
    for row in stage.queue.jobs(&Filter::new().state(JobState::Scheduled).limit(1)).await? {
        stage.ledger.write(Event::CancelBegun { id: row.id.to_string() });
        stage.queue.cancel(row.id).await?;
    }
    Ok(())
}

async fn prune(stage: &Stage) -> Result<(), Box<dyn Error>> {
    let mut limits = MaintainLimits::default();
    (limits.batch, limits.keep_completed) = (2, Duration::ZERO);
    stage.driver.maintain(&limits).await?;
    Ok(())
}
