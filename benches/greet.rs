//! The job that is stored and run, and how many of them have run.

use std::sync::atomic::{AtomicUsize, Ordering};

use queue::Pending;
use queue::prelude::*;
use tokio::sync::Notify;

static DONE: AtomicUsize = AtomicUsize::new(0);
static GOAL: AtomicUsize = AtomicUsize::new(0);
static REACHED: Notify = Notify::const_new();

#[derive(Queueable)]
pub(crate) struct Greet {
    user_id: u64,
    to: String,
}

impl Job for Greet {
    async fn handle(&self) -> JobResult {
        std::hint::black_box((self.user_id, &self.to));
        if DONE.fetch_add(1, Ordering::AcqRel) + 1 == GOAL.load(Ordering::Acquire) {
            REACHED.notify_one();
        }
        Ok(())
    }
}

pub(crate) fn greet(user_id: usize) -> Pending<Greet> {
    Greet::with(user_id as u64, "someone@example.com".to_owned())
}

/// The payload that such a job has.
pub(crate) fn payload(user_id: usize) -> String {
    format!(r#"{{"user_id":{user_id},"to":"someone@example.com"}}"#)
}

/// So many jobs are about to run.
pub(crate) fn expect(jobs: usize) {
    DONE.store(0, Ordering::Release);
    GOAL.store(jobs, Ordering::Release);
}

/// Waits for the last of the expected jobs.
pub(crate) async fn reached() {
    REACHED.notified().await;
}
