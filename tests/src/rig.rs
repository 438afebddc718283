//! A memory queue with a clock that tests move, and a worker on it.

use std::sync::Arc;
use std::time::Duration;

use queue::drivers::Memory;
use queue::worker::WorkerBuilder;
use queue::{Clock, Container, JobId, JobRow, JobState, Queue, Worker};

use crate::probe::{PATIENCE, Probe};

/// A memory queue with a clock that tests move, and the probe that its jobs are given.
#[derive(Debug)]
pub struct Rig {
    /// The clock of the store and of the worker.
    pub clock: Clock,
    /// The store.
    pub driver: Arc<Memory>,
    /// The queue.
    pub queue: Queue,
    /// What jobs tell.
    pub probe: Arc<Probe>,
}

impl Default for Rig {
    fn default() -> Self {
        Self::new()
    }
}

impl Rig {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        let clock = Clock::manual();
        let driver = Arc::new(Memory::with_clock(clock.clone()));
        let queue = Queue::from_driver(Arc::<Memory>::clone(&driver));
        Self { clock, driver, queue, probe: Arc::default() }
    }

    /// A container with the probe and the clock.
    #[must_use]
    pub fn container(&self) -> Container {
        Container::builder().instance(Arc::clone(&self.probe)).instance(Arc::new(self.clock.clone())).build()
    }

    /// A worker that is not started yet.
    pub fn worker(&self) -> WorkerBuilder {
        Worker::builder(&self.queue, self.container())
    }

    /// The row of a job.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub async fn row(&self, id: JobId) -> JobRow {
        self.queue.job(id).await.expect("the store answers").expect("the job is there")
    }

    /// Waits until a job is terminal.
    ///
    /// # Panics
    ///
    /// When it does not end.
    pub async fn end(&self, id: JobId) -> JobRow {
        self.queue.wait(id, PATIENCE).await.expect("the job ends")
    }

    /// Waits until a job is in a state. The store has no event for that, so it is asked again and again; only the patience is a time.
    ///
    /// # Panics
    ///
    /// When it does not come to that.
    pub async fn until(&self, id: JobId, state: JobState) -> JobRow {
        let reached = async {
            loop {
                let row = self.row(id).await;
                if row.state == state {
                    return row;
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(row) => row,
            Err(_) => panic!("job {id} did not become {state}; it is {:?}", self.row(id).await),
        }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}
