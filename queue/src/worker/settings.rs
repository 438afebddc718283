//! What a started worker knows of its description, and what can be wrong with that.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::drivers::MaintainLimits;

/// The slots of a queue that nothing is said of.
const CONCURRENCY: usize = 10;
/// The most slots of a queue: each is a task.
pub(super) const MOST_SLOTS: usize = 10_000;
/// The most threads for async handlers.
pub(super) const MOST_THREADS: usize = 1_024;

/// What a started worker knows of its description.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) host: String,
    pub(super) queues: HashMap<String, usize>,
    pub(super) concurrency: Option<usize>,
    /// Queues whose registered jobs all block.
    pub(super) blocking_queues: HashSet<&'static str>,
    pub(super) only: Option<HashSet<String>>,
    pub(super) exclude: HashSet<String>,
    pub(super) prefetch: Option<usize>,
    pub(super) lease: Duration,
    pub(super) grace: Duration,
    pub(super) limits: MaintainLimits,
    /// How many runs it starts at most.
    pub(super) limit: Option<u64>,
}

impl Settings {
    /// Whether the worker serves this queue.
    pub(super) fn serves(&self, queue: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(queue)) && !self.exclude.contains(queue)
    }

    /// How many jobs of this queue it runs at once.
    pub(super) fn slots(&self, queue: &str) -> usize {
        let by_default = || if self.blocking_queues.contains(queue) { 2 * cores() } else { CONCURRENCY };
        self.queues.get(queue).copied().unwrap_or_else(|| self.concurrency.unwrap_or_else(by_default))
    }
}

/// How many cores there are.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What is wrong with the settings.
pub(super) fn faults(settings: &Settings, threads: Option<usize>) -> Vec<String> {
    let mut faults: Vec<String> = settings
        .queues
        .iter()
        .filter(|(_, slots)| **slots == 0)
        .map(|(name, _)| {
            format!("the queue `{name}` has 0 slots, so it would never run a job: the least is 1, and `only` leaves queues out")
        })
        .collect();
    for name in settings.queues.keys() {
        if settings.exclude.contains(name) {
            faults.push(format!("the queue `{name}` has slots, and `exclude` leaves it out"));
        } else if !settings.serves(name) {
            faults.push(format!("the queue `{name}` has slots, and `only` leaves it out"));
        }
    }
    for name in settings.only.iter().flatten().filter(|name| settings.exclude.contains(*name)) {
        faults.push(format!("the queue `{name}` is named by `only`, and `exclude` leaves it out"));
    }
    if settings.concurrency == Some(0) {
        faults.push("`concurrency(0)` would never run a job: the least is 1".to_owned());
    }
    if threads == Some(0) {
        faults.push("`threads(0)` would never run a job: the least is 1".to_owned());
    }
    let most = |what: String, most: usize| format!("{what} is more than one process can bear: the most is {most}");
    for (name, slots) in settings.queues.iter().filter(|(_, slots)| **slots > MOST_SLOTS) {
        faults.push(most(format!("the queue `{name}` with {slots} slots"), MOST_SLOTS));
    }
    if let Some(slots) = settings.concurrency.filter(|slots| *slots > MOST_SLOTS) {
        faults.push(most(format!("`concurrency({slots})`"), MOST_SLOTS));
    }
    if let Some(threads) = threads.filter(|threads| *threads > MOST_THREADS) {
        faults.push(most(format!("`threads({threads})`"), MOST_THREADS));
    }
    if settings.limit == Some(0) {
        faults.push("`limit(0)` would never run a job: the least is 1".to_owned());
    }
    if settings.limits.max_rescues == 0 {
        faults.push("`max_rescues(0)` fails a job before anybody rescued it: the least is 1".to_owned());
    }
    if settings.lease < Duration::from_secs(1) {
        faults.push(format!("a lease of {:?} runs out before it can be renewed: the least is 1s", settings.lease));
    }
    faults.sort();
    faults
}
