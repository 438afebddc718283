//! What is said at the start of the queues that a worker serves.

use std::collections::BTreeSet;

use crate::drivers::QueueRow;
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
        let meant = nearest(name, &known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        tracing::warn!(
            "this worker names the queue `{name}`, which no registered job declares and the store does not have: only a push with \
             `.queue(\"{name}\")` brings jobs there{meant}"
        );
    }
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
