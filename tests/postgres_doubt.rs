//! A server that did what it was asked, and whose answer was lost.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use queue::drivers::postgres::Open;
use queue::drivers::{
    Delivery, Driver, FetchRequest, Group, Inspect, NewJob, Postgres, PushError, QueueRequest, Renewal, Settled, Settlement,
    WorkerId, WorkerRow, WorkerState,
};
use queue::job::{JobId, JobState, Outcome};
use queue_tests::postgres::{Direction, Proxy, Schema};

/// A driver behind a proxy.
struct Behind {
    proxy: Proxy,
    driver: Arc<Postgres>,
    worker: WorkerId,
    /// Removed last.
    _schema: Schema,
}

fn job() -> NewJob {
    NewJob::new("Plain", "default", b"{}")
}

impl Behind {
    async fn new(schema: Schema, change: fn(Open) -> Open) -> Self {
        let proxy = Proxy::before(schema.plain_url());
        // Nothing but what is asked goes over the wire.
        let open = change(Postgres::from_options(proxy.url().parse().unwrap()).schema(schema.name()).without_notify());
        Self { driver: Arc::new(open.await.unwrap()), proxy, worker: WorkerId::now_v7(), _schema: schema }
    }

    async fn push(&self, job: &NewJob) -> Result<JobId, PushError> {
        let pushed = self.driver.push(&[Group { jobs: vec![job.clone()], tick: None }]).await.pop().unwrap();
        Ok(pushed?[0].id)
    }

    fn request(&self, free: usize) -> FetchRequest {
        let queues = vec![QueueRequest { queue: "default".into(), free, ahead: 0 }];
        FetchRequest { worker: self.worker, lease: Duration::from_secs(30), queues, except: Vec::new() }
    }

    async fn fetch(&self, free: usize) -> Result<Vec<Delivery>, queue::Error> {
        self.driver.fetch(&self.request(free)).await
    }

    /// The row of a worker whose leases last longer than those of its claims, so that what was renewed ends last.
    fn row(&self) -> WorkerRow {
        WorkerRow {
            id: self.worker,
            name: "of a test".to_owned(),
            host: "here".to_owned(),
            pid: 1,
            started_at: SystemTime::now(),
            seen_at: SystemTime::now(),
            queues: vec![("default".into(), 1)],
            kinds: Vec::new(),
            running: 1,
            lease: Duration::from_secs(60),
            state: WorkerState::Running,
        }
    }

    async fn fetch_all(&self, free: usize) -> Vec<Delivery> {
        loop {
            // The first try after the cut may still meet a connection that is broken.
            if let Ok(deliveries) = self.fetch(free).await {
                return deliveries;
            }
        }
    }

    async fn state(&self, id: JobId) -> JobState {
        self.driver.job(id).await.unwrap().unwrap().state
    }

    /// Cuts the answer to what is asked next, on a connection that is open, and on the one that is made in its place.
    async fn lose<T>(&self, asked: impl Future<Output = T>) -> T {
        self.proxy.cut_after(Direction::Reply, 0);
        let answer = asked.await;
        self.proxy.cut_happened().await;
        answer
    }
}

fn run(body: impl AsyncFnOnce(Behind)) {
    run_with(|open| open, body);
}

fn run_with(change: fn(Open) -> Open, body: impl AsyncFnOnce(Behind)) {
    let Some(schema) = Schema::new() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { body(Behind::new(schema, change).await).await });
}

#[test]
fn a_push_whose_answer_is_lost_is_stored_once() {
    run(async |behind| {
        let (first, second) = (job(), job());
        behind.push(&first).await.unwrap();
        assert_eq!(behind.lose(behind.push(&second)).await.unwrap(), second.id, "it is asked again");
        let ids: Vec<JobId> = behind.fetch_all(10).await.iter().map(|delivery| delivery.lease.id).collect();
        assert_eq!(ids, [first.id, second.id]);
    });
}

#[test]
fn a_push_that_ran_before_it_is_repeated_does_not_run_again() {
    run(async |behind| {
        let pushed = job();
        behind.push(&job()).await.unwrap();
        behind.proxy.cut_after(Direction::Reply, 0);
        let answer = behind.push(&pushed).await;
        behind.proxy.cut_happened().await;
        drop(answer);
        let deliveries = behind.fetch_all(10).await;
        let settlements: Vec<_> = deliveries.iter().map(|delivery| Settlement::new(delivery.lease, Outcome::Complete)).collect();
        behind.driver.settle(&settlements).await.unwrap();
        assert_eq!(behind.push(&pushed).await.unwrap(), pushed.id);
        assert!(behind.fetch_all(10).await.is_empty(), "what has run does not run again");
        assert_eq!(behind.state(pushed.id).await, JobState::Completed);
    });
}

#[test]
fn an_outcome_whose_answer_is_lost_is_stored_and_not_called_lost() {
    run(async |behind| {
        for outcome in [Outcome::Complete, Outcome::Fail { error: "no hope".to_owned() }] {
            let pushed = job();
            behind.push(&pushed).await.unwrap();
            let deliveries = behind.fetch_all(1).await;
            let settlement = [Settlement::new(deliveries[0].lease, outcome.clone())];
            let mut settled = behind.lose(behind.driver.settle(&settlement)).await;
            while settled.is_err() {
                settled = behind.driver.settle(&settlement).await;
            }
            assert_eq!(settled.unwrap(), [Settled::Stored], "{outcome:?}");
            // Once it is known, a second one is late as ever.
            assert_eq!(behind.driver.settle(&settlement).await.unwrap(), [Settled::Lost], "{outcome:?}");
            assert!(behind.state(pushed.id).await.is_terminal());
        }
    });
}

#[test]
fn a_completion_whose_answer_is_lost_is_known_where_completed_jobs_are_removed() {
    run_with(Open::remove_completed, async |behind| {
        let pushed = job();
        behind.push(&pushed).await.unwrap();
        let deliveries = behind.fetch_all(1).await;
        let settlement = [Settlement::new(deliveries[0].lease, Outcome::Complete)];
        let mut settled = behind.lose(behind.driver.settle(&settlement)).await;
        while settled.is_err() {
            settled = behind.driver.settle(&settlement).await;
        }
        assert_eq!(settled.unwrap(), [Settled::Stored]);
        assert!(behind.driver.job(pushed.id).await.unwrap().is_none(), "it is kept nowhere");
        assert_eq!(behind.driver.counts().await.unwrap().total(JobState::Completed), 0);
    });
}

#[test]
fn a_claim_whose_answer_is_lost_is_made_again_at_once() {
    run(async |behind| {
        let jobs: Vec<NewJob> = (0..3).map(|_| job()).collect();
        for job in &jobs {
            behind.push(job).await.unwrap();
        }
        let held = behind.fetch_all(1).await;
        // Its lease ends as late as that of the claim that gets lost.
        let row = behind.row();
        let renewed = behind.driver.renew(&row, &[Renewal { lease: held[0].lease, progress: None }]).await.unwrap();
        assert!(renewed.lost.is_empty());
        let lost = behind.lose(behind.fetch(1)).await;
        let again = match lost {
            Ok(deliveries) => deliveries,
            Err(_) => behind.fetch_all(1).await,
        };
        let last = behind.fetch_all(10).await;
        let ids: Vec<JobId> = [&held[..], &again, &last].concat().iter().map(|delivery| delivery.lease.id).collect();
        assert_eq!(ids, jobs.iter().map(|job| job.id).collect::<Vec<_>>(), "each once, and in order");
        assert!([&again[..], &last].concat().iter().all(|delivery| delivery.attempt == 1 && delivery.rescues == 0));
        // What the worker holds is not given back with it.
        let settlement = [Settlement::new(held[0].lease, Outcome::Complete)];
        assert_eq!(behind.driver.settle(&settlement).await.unwrap(), [Settled::Stored]);
    });
}

#[test]
fn a_claim_that_is_dropped_half_way_is_made_again_at_once() {
    run(async |behind| {
        // The connection is there, so that what is held is the answer to the claim.
        assert!(behind.fetch_all(1).await.is_empty());
        let pushed = job();
        behind.push(&pushed).await.unwrap();
        behind.proxy.silence(&[Direction::Reply]);
        let held = behind.proxy.seen().held;
        let request = behind.request(1);
        {
            let fetch = behind.driver.fetch(&request);
            // The server has answered, and nobody hears it.
            tokio::select! {
                _ = fetch => panic!("nothing can be heard"),
                _ = behind.proxy.until("an answer that is held", |seen| seen.held != held) => {}
            }
        }
        behind.proxy.resume();
        let deliveries = behind.fetch_all(1).await;
        assert_eq!(deliveries.len(), 1, "it is there at once");
        assert_eq!((deliveries[0].lease.id, deliveries[0].attempt, deliveries[0].rescues), (pushed.id, 1, 0));
    });
}
