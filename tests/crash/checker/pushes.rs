//! The rules of pushes: what was confirmed is there, once, whole, and ends.

use std::collections::{BTreeMap, BTreeSet};

use queue::JobState;

use super::{Check, MAX_RESCUES};
use crate::history::{NEVER, Push};

impl Check<'_> {
    /// I1: a confirmed push is there, and has ended.
    pub(super) fn confirmed_pushes_end(&mut self) {
        let history = self.history;
        for push in &history.pushes {
            let Some((_, stored)) = &push.confirmed else { continue };
            for (job, stored) in push.offer.jobs.iter().zip(stored) {
                // A duplicate is the business of whoever has the key.
                let row = if stored.is_duplicate { self.ids.get(stored.id.as_str()) } else { self.rows.get(job) };
                let owner = if stored.is_duplicate { history.job_of(&stored.id) } else { Some(*job) };
                match row {
                    Some(row) if row.state.is_terminal() => {}
                    Some(row) => {
                        let text = format!("job {job} was confirmed as {} and is still {}", stored.id, row.state);
                        self.report("I1", text);
                    }
                    None if self.may_be_pruned(owner, &stored.id) => {}
                    None => self.report("I1", format!("job {job} was confirmed as {} and is not in the store", stored.id)),
                }
            }
        }
    }

    /// I2: every run and every row belongs to a push, and a push stores a job once.
    pub(super) fn nothing_is_invented(&mut self) {
        let history = self.history;
        for run in &history.runs {
            match history.push_of(run.job) {
                Some(push) if push.begun <= run.begun => {}
                Some(_) => self.report("I2", format!("run {} of job {} began before its push", run.number, run.job)),
                None => self.report("I2", format!("run {} is of job {}, which nobody pushed", run.number, run.job)),
            }
        }
        let mut names: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
        for row in &self.dump.rows {
            names.entry(row.job).or_default().insert(&row.id);
        }
        for run in &history.runs {
            names.entry(run.job).or_default().insert(&run.id);
        }
        for push in &history.pushes {
            for job in &push.offer.jobs {
                names.entry(*job).or_default().extend(history.names_of(*job));
            }
        }
        for (job, names) in names {
            match history.push_of(job) {
                None => self.report("I2", format!("the store has {names:?} as job {job}, which nobody pushed")),
                Some(_) if names.len() > 1 => self.report("I2", format!("job {job} was stored more than once: {names:?}")),
                Some(_) => {}
            }
        }
    }

    /// I7: of the jobs of a unique key at most one is live.
    pub(super) fn unique_keys_hold(&mut self) {
        let history = self.history;
        let mut keys: BTreeMap<&str, Vec<&Push>> = BTreeMap::new();
        for push in &history.pushes {
            if let Some(key) = &push.offer.key {
                keys.entry(key).or_default().push(push);
            }
        }
        for (key, pushes) in keys {
            for push in &pushes {
                let Some(stored) = push.offer.jobs.first().and_then(|job| push.answer(*job)).filter(|stored| stored.is_duplicate)
                else {
                    continue;
                };
                let winner = self.ids.get(stored.id.as_str()).map(|row| row.job).or_else(|| history.job_of(&stored.id));
                let winner = winner.and_then(|job| history.push_of(job));
                if winner.is_some_and(|winner| winner.offer.key.as_deref() != Some(key)) {
                    self.report(
                        "I7",
                        format!("a job with the key `{key}` was answered with {}, which has another key", stored.id),
                    );
                }
            }
            let lives: Vec<_> = pushes.iter().filter_map(|push| self.life(push)).collect();
            for first in &lives {
                for second in lives.iter().filter(|second| second.job != first.job) {
                    if first.from <= second.begun && second.stored_by < first.until {
                        let text = format!("job {} was stored with the key `{key}` while job {} had it", second.job, first.job);
                        self.report("I7", text);
                    }
                }
            }
        }
    }

    /// The time in which a job of a unique key was live for certain.
    fn life(&self, push: &Push) -> Option<Life> {
        let job = *push.offer.jobs.first()?;
        let runs = self.history.runs_of(job);
        let confirmed = push.confirmed.as_ref().filter(|_| push.answer(job).is_some_and(|stored| !stored.is_duplicate));
        let first_run = runs.clone().map(|run| run.begun).min();
        let from = confirmed.map(|(at, _)| *at).into_iter().chain(first_run).min()?;
        // It may end with the first answer of a run that ends jobs, with a cancel, or with the last rescue.
        let id = self.history.names_of(job).next()?;
        let answers = runs.filter(|run| run.is_final()).map(|run| run.over);
        let cancels = self.history.cancels.get(id).into_iter().flatten().copied();
        let was_rescued_often = self.rows.get(&job).is_some_and(|row| self.rescues_of(row) >= MAX_RESCUES as usize);
        let until = if was_rescued_often { 0 } else { answers.chain(cancels).min().unwrap_or(NEVER) };
        Some(Life { job, begun: push.begun, from, stored_by: from, until })
    }

    /// I8: a group is there whole, or not at all.
    pub(super) fn groups_are_whole(&mut self) {
        let history = self.history;
        for push in history.pushes.iter().filter(|push| push.offer.jobs.len() > 1) {
            let jobs = &push.offer.jobs;
            let there: Vec<_> = jobs.iter().filter(|job| self.was_stored(**job)).collect();
            if !there.is_empty() && there.len() < jobs.len() {
                self.report("I8", format!("of the group {jobs:?} the store had {there:?} only"));
            }
        }
    }

    /// I8: a transaction of a user is there whole, or not at all: its mark, and the push or the completion in it.
    pub(super) fn marks_go_with_their_jobs(&mut self) {
        let mut marks: BTreeMap<(&str, u64), usize> = BTreeMap::new();
        for (what, job) in &self.dump.marks {
            *marks.entry((what, *job)).or_default() += 1;
        }
        for ((what, job), count) in &marks {
            if *count > 1 {
                self.report("I8", format!("job {job} was {what} {count} times, as its marks say"));
            }
            let is_so = match (*what, self.rows.get(job)) {
                ("pushed", _) => self.was_stored(*job),
                (_, Some(row)) => row.state == JobState::Completed,
                (_, None) => self.allowed.pruning,
            };
            if !is_so {
                self.report("I8", format!("job {job} was {what}, as its mark says, and the store does not"));
            }
        }
        let history = self.history;
        for job in history.pushes.iter().filter(|push| push.offer.is_marked).flat_map(|push| &push.offer.jobs) {
            if self.was_stored(*job) && !marks.contains_key(&("pushed", *job)) {
                self.report("I8", format!("job {job} is there, and the mark of the transaction that pushed it is not"));
            }
        }
    }

    /// I9: a tick brings one job at most, and one when it was confirmed.
    pub(super) fn ticks_come_once(&mut self) {
        let history = self.history;
        let mut ticks: BTreeMap<&str, Vec<&Push>> = BTreeMap::new();
        for push in &history.pushes {
            if let Some(tick) = &push.offer.tick {
                ticks.entry(tick).or_default().push(push);
            }
        }
        for (tick, pushes) in ticks {
            let stored: Vec<_> = pushes.iter().flat_map(|push| &push.offer.jobs).filter(|job| self.was_stored(**job)).collect();
            if stored.len() > 1 {
                self.report("I9", format!("the tick `{tick}` brought the jobs {stored:?}"));
            }
            let was_confirmed = pushes.iter().any(|push| push.confirmed.is_some());
            if stored.is_empty() && was_confirmed && !self.allowed.pruning {
                self.report("I9", format!("the tick `{tick}` was confirmed and brought no job"));
            }
        }
    }

    /// No push was answered with an error.
    pub(super) fn no_error_reached_the_user(&mut self) {
        let history = self.history;
        if self.allowed.refusals {
            return;
        }
        for push in &history.pushes {
            let is_users = push.offer.is_marked && self.allowed.users_faults;
            if let Some(error) = push.refused.as_ref().filter(|_| !is_users) {
                self.report("errors", format!("the push of {:?} was refused: {error}", push.offer.jobs));
            }
        }
    }
}

/// When a job of a unique key was live for certain: from `from` on until `until`.
struct Life {
    job: u64,
    begun: u64,
    from: u64,
    /// By then it was stored.
    stored_by: u64,
    until: u64,
}
