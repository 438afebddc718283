//! What is said at the start: the jobs, the queues that are served, and warnings.

use std::collections::BTreeSet;

use crate::drivers::QueueRow;
use crate::nearest::nearest;
use crate::registry::Entry;

use super::report::{BootQueue, BootReport, BootWarning};
use super::settings::Settings;

/// Says what was found, which queues are served, how many jobs of each at once, and what is perhaps not meant.
pub(super) fn log(report: &BootReport, settings: &Settings) {
    for warning in &report.warnings {
        tracing::warn!("{warning}");
    }
    let names: Vec<_> = report.jobs.iter().map(|job| job.kind).collect();
    let jobs = if names.len() == 1 { "job" } else { "jobs" };
    tracing::info!("{} {jobs} registered: {}", names.len(), names.join(", "));
    let queue = |queue: &BootQueue| match queue.slots {
        None => format!("`{}` without a limit", queue.name),
        Some(1) => format!("`{}` with 1 slot", queue.name),
        Some(slots) => format!("`{}` with {slots} slots", queue.name),
    };
    let queues: Vec<_> = report.queues.iter().map(queue).collect();
    let others = if settings.only.is_none() { ", and those that come into being" } else { "" };
    tracing::info!("serves the queues {}{others}", queues.join(", "));
}

/// The queues that the worker names and that nobody else does: most likely they are written wrongly.
pub(super) fn strangers(settings: &Settings, linked: &[&'static Entry], stored: &[QueueRow]) -> Vec<BootWarning> {
    let known: BTreeSet<&str> =
        linked.iter().map(|entry| entry.options.queue).chain(stored.iter().map(|row| &*row.name)).collect();
    let named = settings.queues.keys().chain(settings.only.iter().flatten()).chain(&settings.exclude);
    let named: BTreeSet<&str> = named.map(String::as_str).collect();
    let stranger = |name: &&str| BootWarning::UnknownQueue {
        queue: (*name).to_owned(),
        near: nearest(name, known.iter().copied()).map(str::to_owned),
    };
    named.difference(&known).map(stranger).collect()
}
