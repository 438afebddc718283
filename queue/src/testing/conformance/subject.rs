//! The driver that a rule is tried on, and the few verbs that make rules short.

use std::sync::Arc;
use std::time::Duration;

use super::{Skip, Store};
use crate::clock::Clock;
use crate::drivers::{
    AtomicPush, Capabilities, Delivery, Driver, Due, Extra, FetchRequest, Group, Inspect, Lease, MaintainLimits, Maintained,
    NewJob, PushResult, Pushed, QueueRequest, Renewal, Renewed, Settled, Settlement, WorkerId, WorkerRow, WorkerState,
};
use crate::job::{JobId, JobRow, JobState, Outcome};

/// How long the leases of the suite last.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// The queue of jobs that care for none.
pub(super) const QUEUE: &str = "default";

/// How long an event may take that needs no time to pass. Only a broken or a very slow driver ever waits for it.
const SOON: Duration = Duration::from_secs(30);

/// Seconds.
pub(super) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Hours.
pub(super) const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

/// A job with nothing special.
pub(super) fn job() -> NewJob {
    NewJob::new("Plain", QUEUE, b"{}")
}

/// A job of another queue.
pub(super) fn job_in(queue: &str) -> NewJob {
    NewJob { queue: queue.into(), ..job() }
}

/// A job that is due after a time.
pub(super) fn job_after(delay: Duration) -> NewJob {
    NewJob { due: Due::In(delay), ..job() }
}

/// A job with a unique key.
pub(super) fn job_with_key(key: &str) -> NewJob {
    NewJob { extra: Some(Box::new(Extra { unique_key: Some(key.to_owned()), ..Extra::default() })), ..job() }
}

/// Jobs that are stored all or none.
pub(super) fn group(jobs: Vec<NewJob>) -> Group {
    Group { jobs, tick: None }
}

/// Ids of what was claimed, in order.
pub(super) fn ids(deliveries: &[Delivery]) -> Vec<JobId> {
    deliveries.iter().map(|delivery| delivery.lease.id).collect()
}

/// The outcome of a failed attempt.
pub(super) fn retry(delay: Duration) -> Outcome {
    Outcome::Retry { delay, error: "no luck".to_owned() }
}

/// The outcome of a job that failed for good.
pub(super) fn fail() -> Outcome {
    Outcome::Fail { error: "no hope".to_owned() }
}

/// Waits for what must happen without time passing.
pub(super) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, event).await.unwrap_or_else(|_| panic!("{what}: this did not happen"))
}

/// The driver that a rule is tried on, with a clock to move and a worker to act as.
pub(super) struct Subject {
    pub(super) store: Arc<dyn Store>,
    pub(super) driver: Arc<dyn Driver>,
    pub(super) clock: Clock,
    pub(super) worker: WorkerId,
}

impl Subject {
    /// Opens the store.
    pub(super) async fn open(store: Arc<dyn Store>) -> Self {
        let clock = Clock::manual();
        let driver = store.open(clock.clone()).await;
        Self { store, driver, clock, worker: WorkerId::now_v7() }
    }

    /// Another handle on the same store, as another process would have it, and another worker.
    pub(super) async fn second(&self) -> Result<Self, Skip> {
        if !self.store.is_shared() {
            return Err(Skip("one handle a store".to_owned()));
        }
        let driver = self.store.open(self.clock.clone()).await;
        Ok(Self { store: Arc::clone(&self.store), driver, clock: self.clock.clone(), worker: WorkerId::now_v7() })
    }

    /// Another worker on the same handle.
    pub(super) fn neighbour(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            driver: Arc::clone(&self.driver),
            clock: self.clock.clone(),
            worker: WorkerId::now_v7(),
        }
    }

    // What it can.

    pub(super) fn capabilities(&self) -> Capabilities {
        self.driver.capabilities()
    }

    /// Goes on only where the driver can do something.
    pub(super) fn needs(&self, can: bool, what: &str) -> Result<(), Skip> {
        if can { Ok(()) } else { Err(Skip(format!("`{}` does not know {what}", self.driver.name()))) }
    }

    /// The part for looking, where the driver has it; it must say the same in its capabilities.
    pub(super) fn inspect(&self) -> Result<&dyn Inspect, Skip> {
        match (self.capabilities().inspect, self.driver.inspect()) {
            (true, Some(inspect)) => Ok(inspect),
            (false, None) => Err(Skip(format!("`{}` cannot be looked into", self.driver.name()))),
            (true, None) => panic!("`capabilities().inspect` is true, and `inspect()` gives none"),
            (false, Some(_)) => panic!("`inspect()` gives something, and `capabilities().inspect` is false"),
        }
    }

    // Push.

    pub(super) async fn push_groups(&self, groups: &[Group]) -> Vec<PushResult> {
        let results = self.driver.push(groups).await;
        assert_eq!(results.len(), groups.len(), "`push` answers once a group");
        results
    }

    /// Pushes jobs, in as few groups as the driver can store all or none.
    pub(super) async fn push_all(&self, jobs: Vec<NewJob>) -> Vec<Pushed> {
        let count = jobs.len();
        let groups: Vec<_> = match self.capabilities().atomic_push {
            AtomicPush::All => vec![group(jobs)],
            AtomicPush::Chunks(most) => jobs.chunks(most).map(|jobs| group(jobs.to_vec())).collect(),
            AtomicPush::PerQueue => jobs.chunk_by(|a, b| a.queue == b.queue).map(|jobs| group(jobs.to_vec())).collect(),
        };
        let results = self.push_groups(&groups).await;
        let pushed: Vec<_> = results.into_iter().flat_map(|result| result.expect("the group is stored")).collect();
        assert_eq!(pushed.len(), count, "`push` answers once a job");
        pushed
    }

    /// Pushes a job.
    pub(super) async fn push(&self, job: NewJob) -> Pushed {
        self.push_all(vec![job]).await[0]
    }

    /// Pushes a job that must be stored.
    pub(super) async fn store(&self, job: NewJob) -> JobId {
        let id = job.id;
        assert_eq!(self.push(job).await, Pushed::stored(id));
        id
    }

    // Fetch and settle.

    pub(super) fn request(&self, queue: &str, free: usize) -> FetchRequest {
        self.request_of(&[(queue, free, 0)])
    }

    /// A request of several queues: name, free, ahead.
    pub(super) fn request_of(&self, queues: &[(&str, usize, usize)]) -> FetchRequest {
        let queues = queues.iter().map(|&(queue, free, ahead)| QueueRequest { queue: queue.into(), free, ahead }).collect();
        FetchRequest { worker: self.worker, lease: LEASE, queues, except: Vec::new() }
    }

    pub(super) async fn fetch_by(&self, request: &FetchRequest) -> Vec<Delivery> {
        self.driver.fetch(request).await.expect("`fetch` works")
    }

    pub(super) async fn fetch(&self, queue: &str, free: usize) -> Vec<Delivery> {
        self.fetch_by(&self.request(queue, free)).await
    }

    /// Fetches the one job of the default queue that is there.
    pub(super) async fn take(&self) -> Delivery {
        let mut deliveries = self.fetch(QUEUE, 10).await;
        assert_eq!(deliveries.len(), 1, "one job is there to be fetched, and `fetch` gave {}", deliveries.len());
        deliveries.remove(0)
    }

    /// Pushes a job and fetches it.
    pub(super) async fn take_new(&self, job: NewJob) -> Delivery {
        let queue = Arc::clone(&job.queue);
        let id = self.store(job).await;
        let mut deliveries = self.fetch(&queue, 10).await;
        assert_eq!(ids(&deliveries), [id], "the pushed job, and no other, is there to be fetched");
        deliveries.remove(0)
    }

    pub(super) async fn assert_nothing_to_fetch(&self, why: &str) {
        let deliveries = self.fetch(QUEUE, 10).await;
        assert!(deliveries.is_empty(), "{why}, and yet `fetch` gave {:?}", ids(&deliveries));
    }

    pub(super) async fn settle_all(&self, settlements: &[Settlement]) -> Vec<Settled> {
        let settled = self.driver.settle(settlements).await.expect("`settle` works");
        assert_eq!(settled.len(), settlements.len(), "`settle` answers once a settlement");
        settled
    }

    pub(super) async fn settle(&self, lease: Lease, outcome: Outcome) -> Settled {
        self.settle_all(&[Settlement::new(lease, outcome)]).await[0]
    }

    /// Settles under a lease that is good.
    pub(super) async fn end(&self, lease: Lease, outcome: Outcome) {
        let text = format!("{outcome:?}");
        assert_eq!(self.settle(lease, outcome).await, Settled::Stored, "the lease is good, so {text} is stored");
    }

    /// Pushes a job, fetches it, and ends its run.
    pub(super) async fn end_new(&self, job: NewJob, outcome: Outcome) -> Delivery {
        let delivery = self.take_new(job).await;
        self.end(delivery.lease, outcome).await;
        delivery
    }

    // Leases and time.

    pub(super) fn worker_row(&self, queues: &[&str]) -> WorkerRow {
        WorkerRow {
            id: self.worker,
            name: "conformance".to_owned(),
            host: "host".to_owned(),
            pid: 1,
            started_at: self.clock.now(),
            seen_at: self.clock.now(),
            queues: queues.iter().map(|&queue| (queue.into(), 10)).collect(),
            kinds: vec!["Plain".into()],
            running: 0,
            lease: LEASE,
            state: WorkerState::Running,
        }
    }

    pub(super) async fn renew_as(&self, row: &WorkerRow, leases: &[Lease]) -> Renewed {
        let renewals: Vec<_> = leases.iter().map(|&lease| Renewal { lease, progress: None }).collect();
        self.driver.renew(row, &renewals).await.expect("`renew` works")
    }

    pub(super) async fn renew(&self, leases: &[Lease]) -> Renewed {
        self.renew_as(&self.worker_row(&[QUEUE]), leases).await
    }

    pub(super) async fn maintain_by(&self, limits: &MaintainLimits) -> Maintained {
        self.driver.maintain(limits).await.expect("`maintain` works")
    }

    pub(super) async fn maintain(&self) -> Maintained {
        self.maintain_by(&MaintainLimits::default()).await
    }

    /// Moves the clock in one jump, as if nobody had run meanwhile.
    pub(super) fn jump(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Moves the clock and promotes what is due.
    pub(super) async fn jump_and_maintain(&self, time: Duration) {
        self.jump(time);
        self.maintain().await;
    }

    /// Lets time pass as where workers live: in steps of 5 s, each with a `maintain`. Answers what they did together, and after
    /// which time the first job was taken back.
    pub(super) async fn pass(&self, time: Duration) -> (Maintained, Option<Duration>) {
        let mut sum = Maintained::default();
        let mut first_rescue = None;
        let mut passed = Duration::ZERO;
        while passed < time {
            self.jump(secs(5));
            passed += secs(5);
            let mut one = self.maintain().await;
            if one.rescued + one.failed.len() > 0 {
                first_rescue.get_or_insert(passed);
            }
            sum.promoted += one.promoted;
            sum.rescued += one.rescued;
            sum.pruned += one.pruned;
            sum.failed.append(&mut one.failed);
            sum.next_due = one.next_due;
        }
        (sum, first_rescue)
    }

    /// Lets the worker of this lease be dead for long enough, so that its job is there to be fetched.
    pub(super) async fn die(&self) {
        let (maintained, _) = self.pass(secs(45)).await;
        assert!(maintained.rescued > 0, "a job whose worker is dead is taken back within 45 s");
    }

    // Looking; only after `inspect()` gave something.

    pub(super) async fn find(&self, id: JobId) -> Option<JobRow> {
        let inspect = self.driver.inspect().expect("the rule asked for it");
        inspect.job(id).await.expect("`job` works")
    }

    pub(super) async fn row(&self, id: JobId) -> JobRow {
        self.find(id).await.unwrap_or_else(|| panic!("the job {id} is in the store, and `job` does not find it"))
    }

    /// Asserts the state, where the driver can be looked into.
    pub(super) async fn assert_state(&self, id: JobId, state: JobState) {
        if self.driver.inspect().is_some() {
            assert_eq!(self.row(id).await.state, state, "the state of the job");
        }
    }
}
