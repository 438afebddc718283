//! What the verbs must answer, by the model.

use queue::JobState;
use queue::drivers::Told;

use crate::model::{Number, Run};
use crate::verbs::{NewJob, Outcome};

/// A group as it is pushed, and what is answered: whose id each job is given, and whether it is that of another one; nothing at all for a
/// tick that was stored before.
#[derive(Debug, Clone)]
pub(crate) struct Pushed {
    pub(crate) jobs: Vec<(Number, NewJob)>,
    pub(crate) answers: Vec<(Number, bool)>,
}

/// What a verb must answer.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Nothing,
    Pushed(Vec<Pushed>),
    Fetched(Vec<Run>),
    Settled(Vec<Ending>),
    Exchanged(Vec<Ending>, Vec<Run>),
    Renewed {
        runs: Vec<(Run, Option<u8>)>,
        lost: Vec<Number>,
        cancelled: Vec<Number>,
        told: Word,
    },
    /// Which of the named ones live, and how many are told.
    Told(Vec<usize>, usize),
    Maintained(Vec<Maintained>),
    Acted(Number, Result<JobState, Refusal>),
    ActedOnMany(Vec<(Number, Result<JobState, Refusal>)>),
    /// Whether it had failed or was cancelled, so that it is retried for the claim.
    Claimed {
        number: Number,
        has_ended: bool,
        claimed: Result<Run, Refusal>,
    },
    /// Behind which one, which ones, and how many fit without the page.
    Listed(Option<Number>, Vec<Number>, u64),
}

/// A settlement as it is sent, and whether it must be stored.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) run: Run,
    pub(crate) outcome: Outcome,
    pub(crate) follow_ups: Vec<(Number, NewJob)>,
    pub(crate) is_stored: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unknown,
    Conflict,
}

/// What one `maintain` must have done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Maintained {
    pub(crate) promoted: usize,
    pub(crate) rescued: usize,
    pub(crate) failed: Vec<Number>,
    pub(crate) pruned: usize,
    /// In how many seconds the next job is due.
    pub(crate) next_due: Option<u64>,
}

/// What a worker is told at its renewals. Of one that was told and then dead for a while it is not known: its row may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Nothing,
    Is(Told),
    Unknown,
}
