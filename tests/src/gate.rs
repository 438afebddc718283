//! A driver whose pushes go through a gate: it records them, and a test decides when and how each is answered.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use queue::drivers::{
    BoxFuture, Capabilities, Delivery, Driver, Durability, FetchRequest, Group, Inspect, MaintainLimits, Maintained, Memory,
    PushResult, QueueRow, Renewal, Renewed, Settled, Settlement, Wake, WorkerRow,
};
use queue::{Clock, Error, PushError};
use tokio::sync::Notify;

use crate::probe::{PATIENCE, Probe};

/// How a push is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The jobs are stored.
    Stores,
    /// The store is away.
    Away,
    /// The jobs are stored; for those that would be refused, the store is away.
    AwayForPoison,
    /// The driver panics.
    Panics,
    /// The driver answers for no group.
    Silent,
    /// The driver answers for each group, with no job.
    Empty,
}

/// The memory driver behind a gate. It stores nothing on the caller's thread, unless a test says so.
pub struct Gate {
    memory: Memory,
    capabilities: Capabilities,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    /// The payloads of each group of each call.
    calls: Vec<Vec<Vec<String>>>,
    closed: usize,
    /// How many calls may go through; `None` lets all through.
    permits: Option<usize>,
    answer: Answer,
    /// How `push_now` is answered, if at all.
    now: Option<Answer>,
    /// Where `push_now` waits before it answers.
    now_waits_at: Option<Arc<Probe>>,
    /// A group with this in a payload is refused.
    poison: Option<String>,
    /// How far the clock moves when the store was maintained.
    skip: Option<Duration>,
}

impl Gate {
    /// An open gate, with a clock that tests move.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with(|_| {})
    }

    /// An open gate of a driver that cannot do everything.
    #[must_use]
    pub fn with(change: impl FnOnce(&mut Capabilities)) -> Arc<Self> {
        let mut capabilities = Capabilities::full(Durability::Process);
        capabilities.in_transaction = false;
        change(&mut capabilities);
        let state = State {
            calls: Vec::new(),
            closed: 0,
            permits: None,
            answer: Answer::Stores,
            now: None,
            now_waits_at: None,
            poison: None,
            skip: None,
        };
        Arc::new(Self {
            memory: Memory::with_clock(Clock::manual()),
            capabilities,
            state: Mutex::new(state),
            changed: Notify::new(),
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let answer = change(&mut self.lock());
        self.changed.notify_waiters();
        answer
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on a call waits at the gate.
    pub fn hold(&self) {
        self.change(|state| state.permits = Some(0));
    }

    /// Lets one call through.
    pub fn step(&self) {
        self.change(|state| state.permits = state.permits.map(|permits| permits + 1));
    }

    /// Lets every call through.
    pub fn open(&self) {
        self.change(|state| state.permits = None);
    }

    /// From now on calls are answered so.
    pub fn answer(&self, answer: Answer) {
        self.change(|state| state.answer = answer);
    }

    /// From now on jobs are stored on the caller's thread, or not.
    pub fn answer_now(&self, answer: Option<Answer>) {
        self.change(|state| state.now = answer);
    }

    /// From now on `push_now` tells this probe that it was called, and waits at its gate.
    pub fn hold_now(&self, probe: Arc<Probe>) {
        self.change(|state| state.now_waits_at = Some(probe));
    }

    /// From now on a group is refused that has this in a payload.
    pub fn refuse(&self, poison: &str) {
        self.change(|state| state.poison = Some(poison.to_owned()));
    }

    /// The clock moves so far when the store is maintained the next time, after it looked what is due.
    pub fn skip_at_maintain(&self, by: Duration) {
        self.change(|state| state.skip = Some(by));
    }

    /// The payloads of each group of each call, those at the gate included.
    #[must_use]
    pub fn calls(&self) -> Vec<Vec<Vec<String>>> {
        self.lock().calls.clone()
    }

    /// How many calls there were, those at the gate included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().calls.len()
    }

    /// How often the driver was closed.
    #[must_use]
    pub fn closed(&self) -> usize {
        self.lock().closed
    }

    /// Waits until there were so many calls.
    ///
    /// # Panics
    ///
    /// When there are not.
    pub async fn until_called(&self, calls: usize) {
        self.until(|state| state.calls.len() >= calls).await;
    }

    /// Waits until the driver was closed.
    ///
    /// # Panics
    ///
    /// When it is not.
    pub async fn until_closed(&self) {
        self.until(|state| state.closed > 0).await;
    }

    async fn until(&self, is_so: impl Fn(&State) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, self.wait(is_so)).await;
        assert!(waited.is_ok(), "it did not come to that; calls: {}, closed: {}", self.count(), self.closed());
    }

    async fn wait(&self, is_so: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if is_so(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    fn arrive(&self, groups: &[Group]) {
        let text = |job: &queue::drivers::NewJob| String::from_utf8_lossy(&job.payload).into_owned();
        let call = groups.iter().map(|group| group.jobs.iter().map(text).collect()).collect();
        self.change(|state| state.calls.push(call));
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("calls", &self.count()).finish_non_exhaustive()
    }
}

impl Driver for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn clock(&self) -> &Clock {
        self.memory.clock()
    }

    fn push<'a>(&'a self, groups: &'a [Group]) -> BoxFuture<'a, Vec<PushResult>> {
        Box::pin(async move {
            self.arrive(groups);
            self.wait(|state| state.permits != Some(0)).await;
            let (answer, poison) = self.change(|state| {
                state.permits = state.permits.map(|permits| permits - 1);
                (state.answer, state.poison.clone())
            });
            match answer {
                Answer::Stores | Answer::AwayForPoison => {}
                Answer::Away => return groups.iter().map(|_| Err(PushError::Unavailable("no route".into()))).collect(),
                Answer::Panics => panic!("a driver that panics"),
                Answer::Silent => return Vec::new(),
                Answer::Empty => return groups.iter().map(|_| Ok(Vec::new())).collect(),
            }
            let mut results = Vec::new();
            for group in groups {
                let is_poison = |poison: &String| {
                    group.jobs.iter().any(|job| String::from_utf8_lossy(&job.payload).contains(poison.as_str()))
                };
                if poison.as_ref().is_some_and(is_poison) {
                    results.push(Err(match answer {
                        Answer::AwayForPoison => PushError::Unavailable("no route".into()),
                        _ => PushError::Store("poison".into()),
                    }));
                } else {
                    results.extend(self.memory.push(std::slice::from_ref(group)).await);
                }
            }
            results
        })
    }

    fn push_now(&self, groups: &mut Vec<Group>) -> Option<Vec<PushResult>> {
        let (now, waits_at) = {
            let state = self.lock();
            (state.now, state.now_waits_at.clone())
        };
        if let Some(probe) = waits_at {
            probe.saw("push_now");
            probe.pass_blocking();
        }
        match now? {
            Answer::Stores => self.memory.push_now(groups),
            Answer::Away | Answer::AwayForPoison => None,
            Answer::Panics => panic!("a driver that panics"),
            Answer::Silent => {
                groups.clear();
                None
            }
            Answer::Empty => Some(vec![Ok(Vec::new())]),
        }
    }

    fn fetch<'a>(&'a self, request: &'a FetchRequest) -> BoxFuture<'a, Result<Vec<Delivery>, Error>> {
        self.memory.fetch(request)
    }

    fn settle<'a>(&'a self, settlements: &'a [Settlement]) -> BoxFuture<'a, Result<Vec<Settled>, Error>> {
        self.memory.settle(settlements)
    }

    fn renew<'a>(&'a self, worker: &'a WorkerRow, renewals: &'a [Renewal]) -> BoxFuture<'a, Result<Renewed, Error>> {
        self.memory.renew(worker, renewals)
    }

    fn maintain<'a>(&'a self, limits: &'a MaintainLimits) -> BoxFuture<'a, Result<Maintained, Error>> {
        Box::pin(async move {
            let maintained = self.memory.maintain(limits).await;
            if let Some(by) = self.change(|state| state.skip.take()) {
                self.memory.clock().advance(by);
            }
            maintained
        })
    }

    fn wake<'a>(&'a self, queues: &'a [Arc<str>]) -> BoxFuture<'a, Result<Wake, Error>> {
        self.memory.wake(queues)
    }

    fn queues(&self) -> BoxFuture<'_, Result<Vec<QueueRow>, Error>> {
        self.memory.queues()
    }

    fn inspect(&self) -> Option<&dyn Inspect> {
        if self.capabilities.inspect { self.memory.inspect() } else { None }
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let answer = self.change(|state| {
                state.closed += 1;
                state.answer
            });
            assert_ne!(answer, Answer::Panics, "a driver that panics");
            self.memory.close().await
        })
    }
}
