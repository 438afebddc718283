//! The rules of runs: how many there are, what is recorded of them, and what they take.

use std::collections::{BTreeMap, HashMap};

use queue::JobState;
use queue_tests::ledger::{End, error_of};

use super::{Check, MAX_RESCUES, Violation};
use crate::history::{NEVER, Run};

/// By how much resident memory may grow, in KiB: what allocators keep.
const MEMORY_SLACK: u64 = 16 * 1024;

impl Check<'_> {
    /// I3: a job runs at most once for each attempt, snooze, release and rescue.
    pub(super) fn runs_are_accounted_for(&mut self) {
        let history = self.history;
        for row in &self.dump.rows {
            let runs = history.runs_of(row.job);
            let given_back = runs.clone().filter(|run| matches!(run.end, Some(End::Snooze | End::Dropped))).count();
            let (runs, attempt, rescues) = (runs.count(), row.attempt as usize, self.rescues_of(row));
            if runs > attempt + rescues + given_back {
                let id = &row.id;
                self.report(
                    "I3",
                    format!("{id} ran {runs} times: attempts {attempt}, rescues {rescues}, given back {given_back}"),
                );
            }
            if row.fetches.is_some_and(|fetches| runs as u64 > fetches) {
                self.report("I3", format!("{} ran {runs} times and was fetched {:?} times", row.id, row.fetches));
            }
            if row.attempt > row.max_attempts {
                let (id, attempt, most) = (&row.id, row.attempt, row.max_attempts);
                self.report("I3", format!("{id} had {attempt} attempts of {most}"));
            }
        }
    }

    /// I3: what is recorded is what a run answered, and what the only run answered is recorded.
    pub(super) fn outcomes_are_recorded(&mut self) {
        let history = self.history;
        for row in &self.dump.rows {
            let (rescues, retries) = (self.rescues_of(row), history.retries_of(&row.id));
            let ended = |end: End| history.runs_of(row.job).filter(|run| run.end == Some(end)).count();
            let is_cancelled = history.was_cancelled(&row.id);
            let cause = match row.state {
                JobState::Completed => ended(End::Done) + ended(End::Doubted) > 0,
                JobState::Failed => {
                    row.rescues >= MAX_RESCUES || ended(End::Fail) > 0 || ended(End::Error) + ended(End::Doubted) > 0
                }
                JobState::Cancelled => is_cancelled || ended(End::Cancel) > 0,
                _ => true,
            };
            if !cause {
                self.report("I3", format!("{} is {}, and no run answered so", row.id, row.state));
            }
            let done = ended(End::Done);
            if done > 1 + rescues + retries {
                self.report("I3", format!("{} was done {done} times, rescues {rescues}, retries {retries}", row.id));
            }
            let stored = history.runs_of(row.job).find(|run| run.end == Some(End::Done) && run.is_stored == Some(true));
            let again = stored.filter(|_| !is_cancelled).and_then(|run| history.later(run));
            if let Some(again) = again {
                self.report("I3", format!("{} ran again as {}, after its completion was stored", row.id, again.number));
            }
            if done > 0 && rescues == 0 && !is_cancelled && row.state != JobState::Completed {
                self.report("I3", format!("a run of {} was done, nobody took it away, and the job is {}", row.id, row.state));
            }
        }
    }

    /// I4: what was seen as ended stays so, but for a retry.
    pub(super) fn terminal_is_final(&mut self) {
        let history = self.history;
        let is_terminal = |state: &str| JobState::ALL.iter().any(|one| one.as_str() == state && one.is_terminal());
        let last: HashMap<&str, &str> = self.dump.rows.iter().map(|row| (row.id.as_str(), row.state.as_str())).collect();
        for (id, sights) in &history.sights {
            let in_the_end = last.get(id.as_str()).map(|state| (NEVER, (*state).to_owned()));
            let sights: Vec<_> = sights.iter().cloned().chain(in_the_end).collect();
            for two in sights.windows(2) {
                let [(_, before), (at, after)] = two else { continue };
                // A retry that was begun may have been carried out at any time until then.
                let is_retried = history.retries.get(id).is_some_and(|retries| retries.iter().any(|retry| retry < at));
                if is_terminal(before) && before != after && !(is_retried && before != "completed") {
                    self.report("I4", format!("{id} was {before}, and then {after}"));
                }
            }
        }
    }

    /// I5: what a run answers when the job was handed out again is not recorded.
    pub(super) fn old_tokens_change_nothing(&mut self) {
        let history = self.history;
        for row in &self.dump.rows {
            let lost = |run: &&Run| history.successor(run).is_some();
            for run in history.runs_of(row.job).filter(lost) {
                if run.is_stored == Some(true) {
                    self.report("I5", format!("what run {} answered was stored, and its lease was taken away", run.number));
                }
                if row.errors.iter().any(|error| error.contains(&error_of(run.number))) {
                    self.report("I5", format!("{} has the error of run {}, whose lease was taken away", row.id, run.number));
                }
            }
            let mut done = history.runs_of(row.job).filter(|run| run.end == Some(End::Done)).peekable();
            if row.state == JobState::Completed && done.peek().is_some() && done.all(|run| lost(&run)) {
                self.report("I5", format!("{} was completed by a run whose lease was taken away", row.id));
            }
        }
    }

    /// I6: a run begins while another one of the same job goes on only when the job was taken back.
    pub(super) fn leases_do_not_overlap(&mut self) {
        let history = self.history;
        let mut overlaps: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
        for run in &history.runs {
            if let Some(next) = history.successor(run) {
                overlaps.entry(run.job).or_default().push((run.number, next.number));
            }
        }
        for (job, pairs) in overlaps {
            // Of a job that was pruned it cannot be said.
            let Some(rescues) = self.rows.get(&job).map(|row| self.rescues_of(row)) else { continue };
            if pairs.len() > rescues {
                self.report("I6", format!("job {job} ran twice at once, with {rescues} rescues: {pairs:?}"));
            }
        }
    }

    /// I10: when the faults are over everything ends.
    pub(super) fn the_backlog_drained(&mut self) {
        for row in self.dump.rows.iter().filter(|row| !row.state.is_terminal()) {
            self.found.push(Violation { invariant: "I10", evidence: format!("{} is {}", row.id, row.state) });
        }
    }

    /// I11: a process never runs more at once than it has slots.
    pub(super) fn slots_hold(&mut self) {
        let history = self.history;
        for (process, slots) in &history.slots {
            let runs = history.runs.iter().filter(|run| run.process == *process);
            // An end before a beginning of the same moment: a slot is taken again at once.
            let mut changes: Vec<_> = runs.flat_map(|run| [(run.begun, 1_i64), (run.over, -1)]).collect();
            changes.sort_unstable();
            let mut busy = 0;
            let most = changes
                .iter()
                .map(|(_, change)| {
                    busy += change;
                    busy
                })
                .max()
                .unwrap_or(0);
            if usize::try_from(most).unwrap_or(0) > *slots {
                self.report("I11", format!("process {process} ran {most} at once in {slots} slots"));
            }
        }
    }

    /// I12: in the end a process has what it had at the start.
    pub(super) fn levels_return(&mut self) {
        let history = self.history;
        for (process, levels) in &history.levels {
            let (Some(start), Some(end)) = (levels.iter().find(|level| !level.is_end), levels.iter().rfind(|level| level.is_end))
            else {
                continue;
            };
            let grown = [
                ("open files", start.descriptors, end.descriptors),
                ("threads", start.threads, end.threads),
                ("KiB of memory", start.memory + MEMORY_SLACK, end.memory),
            ];
            for (what, before, after) in grown.into_iter().filter(|(_, before, after)| after > before) {
                self.report("I12", format!("process {process} has {after} {what}, and at most {before} were due"));
            }
        }
    }
}
