//! What was pushed and what ran, written down beside the store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use queue::JobId;
use queue::prelude::*;
use queue_tests::probe::{PATIENCE, Probe};
use tokio::sync::Notify;

/// What is known of a job by the number in its payload.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Entry {
    /// What the store confirmed.
    pub(crate) confirmed: Option<JobId>,
    /// Handlers that began.
    pub(crate) runs: u32,
}

/// The ledger of a test.
#[derive(Debug, Default)]
pub(crate) struct Book {
    entries: Mutex<BTreeMap<u64, Entry>>,
    changed: Notify,
    next: AtomicU64,
    /// Those who wait for it go on.
    pub(crate) gate: Probe,
}

impl Book {
    /// A number that is about to be pushed.
    pub(crate) fn offer(&self) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.write(number, |_| ());
        number
    }

    pub(crate) fn confirm(&self, number: u64, id: JobId) {
        self.write(number, |entry| entry.confirmed = Some(id));
    }

    fn write(&self, number: u64, change: impl FnOnce(&mut Entry)) {
        change(self.entries.lock().unwrap_or_else(PoisonError::into_inner).entry(number).or_default());
        self.changed.notify_waiters();
    }

    pub(crate) fn entries(&self) -> BTreeMap<u64, Entry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the ledger is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&BTreeMap<u64, Entry>) -> bool) {
        let reached = async {
            loop {
                let changed = self.changed.notified();
                if is_so(&self.entries.lock().unwrap_or_else(PoisonError::into_inner)) {
                    return;
                }
                changed.await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, reached).await.is_ok(), "it never was so: {what}; {:?}", self.sums());
    }

    /// Pushes that were confirmed, and runs.
    pub(crate) fn sums(&self) -> (usize, u32) {
        sums(&self.entries())
    }

    /// Waits for so many more confirmed pushes, and so many more runs.
    pub(crate) async fn more(&self, pushes: usize, runs: u32) {
        let before = self.sums();
        let is_more = |entries: &BTreeMap<u64, Entry>| {
            let now = sums(entries);
            now.0 >= before.0 + pushes && now.1 >= before.1 + runs
        };
        self.until("more is pushed and runs", is_more).await;
    }
}

fn sums(entries: &BTreeMap<u64, Entry>) -> (usize, u32) {
    let confirmed = entries.values().filter(|entry| entry.confirmed.is_some()).count();
    (confirmed, entries.values().map(|entry| entry.runs).sum())
}

/// Notes its run, and ends: at once, or when the gate opens.
#[derive(Queueable)]
#[queueable(timeout = "none")]
pub(crate) struct Note {
    #[inject]
    book: Arc<Book>,
    number: u64,
    waits: bool,
}

impl Job for Note {
    async fn handle(&self) -> JobResult {
        self.book.write(self.number, |entry| entry.runs += 1);
        if self.waits {
            self.book.gate.pass().await;
        }
        Ok(())
    }
}
