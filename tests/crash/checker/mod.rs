//! Holds a ledger against a dump of the store: which of the invariants of the design are broken, and what shows it.
//!
//! Pure. It knows what is allowed when processes are killed: a push that was begun and not confirmed may exist or not; a job may run
//! again after a rescue; a run whose lease was taken away may go on, and what it answers then counts for nothing.

mod pushes;
mod runs;

use std::collections::HashMap;
use std::fmt;

use queue_tests::ledger::{End, Entry};

use crate::dump::{Dump, Row};
use crate::history::History;

/// What else is allowed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Allowed {
    /// Completed and cancelled jobs were pruned meanwhile.
    pub(crate) pruning: bool,
    /// Pushes may be answered with an error.
    pub(crate) refusals: bool,
    /// The same for pushes in a transaction of the user, who meets the faults of the store himself.
    pub(crate) users_faults: bool,
}

/// How often a job is taken back from dead workers before it fails.
const MAX_RESCUES: u32 = 5;

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Its id in the design; `errors` for an error that reached the user.
    pub(crate) invariant: &'static str,
    pub(crate) evidence: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.evidence)
    }
}

/// Everything that does not hold.
pub(crate) fn check(entries: &[Entry], dump: &Dump, allowed: Allowed) -> Vec<Violation> {
    let history = History::of(entries);
    let rows = dump.rows.iter().map(|row| (row.job, row)).collect();
    let ids = dump.rows.iter().map(|row| (row.id.as_str(), row)).collect();
    let mut check = Check { history: &history, dump, rows, ids, allowed, found: Vec::new() };
    check.confirmed_pushes_end();
    check.nothing_is_invented();
    check.runs_are_accounted_for();
    check.outcomes_are_recorded();
    check.terminal_is_final();
    check.old_tokens_change_nothing();
    check.leases_do_not_overlap();
    check.unique_keys_hold();
    check.groups_are_whole();
    check.marks_go_with_their_jobs();
    check.ticks_come_once();
    check.the_backlog_drained();
    check.slots_hold();
    check.levels_return();
    check.no_error_reached_the_user();
    check.found
}

struct Check<'a> {
    history: &'a History,
    dump: &'a Dump,
    rows: HashMap<u64, &'a Row>,
    ids: HashMap<&'a str, &'a Row>,
    allowed: Allowed,
    found: Vec<Violation>,
}

impl Check<'_> {
    fn report(&mut self, invariant: &'static str, evidence: String) {
        self.found.push(Violation { invariant, evidence });
    }

    /// How often a job was taken back at most: a retry by hand begins to count anew.
    fn rescues_of(&self, row: &Row) -> usize {
        row.rescues as usize + self.history.retries_of(&row.id) * MAX_RESCUES as usize
    }

    /// Whether the store is known to have had a job.
    fn was_stored(&self, job: u64) -> bool {
        self.rows.contains_key(&job) || self.history.names_of(job).next().is_some()
    }

    /// Whether a job that is not in the dump may have been pruned: it was completed or cancelled, as far as the ledger can tell.
    fn may_be_pruned(&self, job: Option<u64>, id: &str) -> bool {
        let has_ended =
            |job| self.history.runs_of(job).any(|run| matches!(run.end, Some(End::Done | End::Doubted | End::Cancel)));
        self.allowed.pruning && (self.history.was_cancelled(id) || job.is_some_and(has_ended))
    }
}
