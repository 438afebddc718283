//! An exchange of which one half fails: what was stored is not lost with it, nor what was claimed.

use std::time::{Duration, SystemTime};

use queue::drivers::{
    Delivery, Driver, FetchRequest, Group, NewJob, Postgres, QueueRequest, Renewal, Settled, Settlement, WorkerId, WorkerRow,
    WorkerState,
};
use queue::job::Outcome;
use queue_tests::postgres::Cluster;
use sqlx::Executor as _;

/// Nothing is removed while this is there.
const FULL: &str = "CREATE FUNCTION jobs.full() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF (OLD.payload::text) LIKE '%full%' THEN RAISE EXCEPTION 'as the test says' USING ERRCODE = '53100'; END IF; RETURN NULL; END $$;
    CREATE TRIGGER full_disk AFTER DELETE ON jobs.queue_jobs FOR EACH ROW EXECUTE FUNCTION jobs.full();";

fn job(payload: &'static str) -> NewJob {
    NewJob::new("Plain", "default", payload.as_bytes())
}

fn request(worker: WorkerId, free: usize) -> FetchRequest {
    let queues = vec![QueueRequest { queue: "default".into(), free, ahead: 0 }];
    FetchRequest { worker, lease: Duration::from_secs(30), queues, except: Vec::new() }
}

fn row(id: WorkerId) -> WorkerRow {
    WorkerRow {
        id,
        name: "of a test".into(),
        host: "here".into(),
        pid: 1,
        started_at: SystemTime::now(),
        seen_at: SystemTime::now(),
        queues: vec![("default".into(), 3)],
        kinds: Vec::new(),
        running: 2,
        lease: Duration::from_secs(30),
        state: WorkerState::Running,
    }
}

fn completed(deliveries: &[Delivery]) -> Vec<Settlement> {
    deliveries.iter().map(|delivery| Settlement::new(delivery.lease, Outcome::Complete)).collect()
}

#[tokio::test]
async fn outcomes_that_failed_beside_a_claim_are_not_lost_and_can_be_stored_again() {
    let Some(cluster) = Cluster::for_test(&[]) else { return };
    let driver = Postgres::from_options(cluster.url().parse().unwrap()).schema("jobs").await.unwrap();
    let jobs = ["\"full\"", "1", "2"].map(job);
    let ids = jobs.each_ref().map(|job| job.id);
    driver.push(&[Group { jobs: jobs.into(), tick: None }]).await.pop().unwrap().unwrap();
    let worker = WorkerId::now_v7();
    let held = driver.fetch(&request(worker, 2)).await.unwrap();
    assert_eq!(held.iter().map(|delivery| delivery.lease.id).collect::<Vec<_>>(), ids[..2]);
    // Its row is written, so it does not lie any more where its lease says.
    driver.renew(&row(worker), &[Renewal { lease: held[0].lease, progress: None }]).await.unwrap();
    let mut admin = cluster.connect().await;
    admin.execute(FULL).await.unwrap();

    let settlements = completed(&held);
    let exchanged = driver.exchange(&settlements, &request(worker, 1)).await;
    let claimed = exchanged.deliveries.unwrap();
    assert_eq!(claimed.iter().map(|delivery| delivery.lease.id).collect::<Vec<_>>(), ids[2..], "what was claimed is handed out");
    let settled = exchanged.settled;
    assert!(settled.is_err(), "an outcome that could not be stored is tried again, and its run is not lost: {settled:?}");

    admin.execute("DROP TRIGGER full_disk ON jobs.queue_jobs").await.unwrap();
    let exchanged = driver.exchange(&settlements, &request(worker, 1)).await;
    assert_eq!(exchanged.settled.unwrap(), [Settled::Stored; 2], "the one that was stored with the claim is known");
    assert!(exchanged.deliveries.unwrap().is_empty());
    let ended: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs.queue_ended").fetch_one(&mut admin).await.unwrap();
    assert_eq!(ended, 2);
    driver.close().await.unwrap();
}
