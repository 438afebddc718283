//! What is said at the start: the jobs, the queues that are served, and warnings.

use std::collections::BTreeSet;

use crate::drivers::QueueRow;
use crate::registry::Entry;

use super::report::{BootQueue, BootReport, BootWarning};
use super::settings::Settings;

/// Says what was found, which queues are served, how many jobs of each at once, and what is perhaps not meant.
pub(super) fn log(report: &BootReport) {
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
    tracing::info!("serves the queues {}, and those that come into being", queues.join(", "));
}

/// The queues that the worker names and that nobody else does: most likely they are written wrongly.
pub(super) fn strangers(settings: &Settings, linked: &[&'static Entry], stored: &[QueueRow]) -> Vec<BootWarning> {
    let known: BTreeSet<&str> =
        linked.iter().map(|entry| entry.options.queue).chain(stored.iter().map(|row| &*row.name)).collect();
    let named = settings.queues.keys().chain(settings.only.iter().flatten()).chain(&settings.exclude);
    let named: BTreeSet<&str> = named.map(String::as_str).collect();
    let stranger =
        |name: &&str| BootWarning::UnknownQueue { queue: (*name).to_owned(), near: nearest(name, &known).map(str::to_owned) };
    named.difference(&known).map(stranger).collect()
}

/// The nearest of some words, if it is near enough to be meant.
fn nearest<'a>(word: &str, known: &BTreeSet<&'a str>) -> Option<&'a str> {
    let most = 1 + word.chars().count() / 3;
    known.iter().map(|other| (distance(word, other), *other)).filter(|(far, _)| *far <= most).min().map(|(_, near)| near)
}

/// How many letters to add, remove or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut row = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            row[j + 1] = (last[j] + usize::from(a != b[j])).min(last[j + 1] + 1).min(row[j] + 1);
        }
        last = row;
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("mail", "mail"), 0);
        assert_eq!(distance("mial", "mail"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("emails", "mail"), 2);
    }

    #[test]
    fn only_a_near_word_was_meant() {
        let known = BTreeSet::from(["mail", "default", "main"]);
        assert_eq!(nearest("mial", &known), Some("mail"));
        assert_eq!(nearest("vip", &known), None);
    }
}
