//! What is said at the start of the queues that a worker serves.

use std::collections::BTreeSet;

use crate::drivers::QueueRow;
use crate::nearest::nearest;
use crate::registry::Entry;

use super::builder::Settings;
use super::lane::UNLIMITED;
use super::shared::Shared;

/// Says which queues are served, and how many jobs of each at once.
pub(super) fn log(shared: &Shared) {
    let mut lanes: Vec<String> = shared
        .lanes()
        .iter()
        .map(|lane| match lane.slots {
            UNLIMITED.. => format!("`{}` without a limit", lane.queue),
            1 => format!("`{}` with 1 slot", lane.queue),
            slots => format!("`{}` with {slots} slots", lane.queue),
        })
        .collect();
    lanes.sort_unstable();
    tracing::info!("serves the queues {}, and those that come into being", lanes.join(", "));
}

/// Warns of queues that the worker names and that nobody else does: most likely they are written wrongly.
pub(super) fn warn_of_strangers(settings: &Settings, linked: &[&'static Entry], stored: &[QueueRow]) {
    let known: BTreeSet<&str> =
        linked.iter().map(|entry| entry.options.queue).chain(stored.iter().map(|row| &*row.name)).collect();
    let named: BTreeSet<&str> = settings.queues.keys().chain(settings.only.iter().flatten()).map(String::as_str).collect();
    for name in named.difference(&known) {
        let meant = nearest(name, known.iter().copied()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        tracing::warn!(
            "this worker names the queue `{name}`, which no registered job declares and the store does not have: only a push with \
             `.queue(\"{name}\")` brings jobs there{meant}"
        );
    }
}
