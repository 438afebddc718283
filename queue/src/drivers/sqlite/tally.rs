//! How many jobs a commit moves from state to state, by queue: the counts are kept in the same commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::Row;

use super::script::{Answer, Script};
use crate::job::JobState;

/// Differences of counts. States are in the order of [`JobState::ALL`], which is that of the columns.
#[derive(Debug, Default)]
pub(super) struct Tally {
    queues: BTreeMap<Arc<str>, [i64; JobState::ALL.len()]>,
}

impl Tally {
    /// So many jobs more in this state.
    pub(super) fn add(&mut self, queue: &Arc<str>, state: JobState, jobs: i64) {
        let counts = match self.queues.get_mut(queue) {
            Some(counts) => counts,
            None => self.queues.entry(Arc::clone(queue)).or_default(),
        };
        counts[state as usize] += jobs;
    }

    /// A job moved.
    pub(super) fn moved(&mut self, queue: &Arc<str>, from: JobState, to: JobState) {
        self.add(queue, from, -1);
        self.add(queue, to, 1);
    }

    /// The statement that keeps the counts, if any changed.
    pub(super) fn write(&self, script: &mut Script) {
        let changed = |(_, counts): &(_, &[i64; JobState::ALL.len()])| counts.iter().any(|&count| count != 0);
        let rows: Vec<_> = self
            .queues
            .iter()
            .filter(changed)
            .map(|(queue, counts)| {
                let [held, scheduled, available, running, retryable, completed, failed, cancelled] = counts;
                (&**queue, held, scheduled, available, running, retryable, completed, failed, cancelled)
            })
            .collect();
        if !rows.is_empty() {
            script.add(include_str!("sql/count.sql")).bind(serde_json::to_string(&rows).unwrap_or_default());
        }
    }

    /// Whether the answer to the statement of [`write`](Self::write) shows a queue that had no job before.
    pub(super) fn has_birth(&self, answer: Option<&Answer>) -> bool {
        answer.is_some_and(|answer| {
            answer.rows.iter().any(|row| {
                let total = row.try_get::<i64, _>(1).unwrap_or_default();
                let added =
                    row.try_get::<&str, _>(0).ok().and_then(|name| self.queues.get(name)).map(|counts| counts.iter().sum());
                total > 0 && added == Some(total)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_in_the_order_of_the_columns() {
        let columns: Vec<_> = include_str!("sql/count.sql")
            .lines()
            .find_map(|line| line.strip_prefix("INSERT INTO queue_queues (name, "))
            .unwrap()
            .trim_end_matches(')')
            .split(", ")
            .collect();
        assert_eq!(columns, JobState::ALL.map(JobState::as_str));
        assert!(JobState::ALL.iter().enumerate().all(|(place, &state)| state as usize == place));
    }

    #[test]
    fn what_goes_and_comes_is_not_written() {
        let (mut tally, mut script) = (Tally::default(), Script::default());
        let queue = Arc::from("mail");
        tally.moved(&queue, JobState::Running, JobState::Available);
        tally.moved(&queue, JobState::Available, JobState::Running);
        tally.write(&mut script);
        assert!(script.is_empty());
    }
}
