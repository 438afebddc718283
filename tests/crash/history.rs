//! What a ledger tells, put together: each push and each run with its beginning and its end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use queue_tests::ledger::{End, Entry, Event, Level, Offer, Stored};

/// The time of what never happened.
pub(crate) const NEVER: u64 = u64::MAX;

/// A group that was offered to the store.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) offer: Offer,
    pub(crate) begun: u64,
    /// When it was confirmed, and with what.
    pub(crate) confirmed: Option<(u64, Vec<Stored>)>,
    pub(crate) refused: Option<String>,
}

impl Push {
    /// What the store answered for one of its jobs.
    pub(crate) fn answer(&self, job: u64) -> Option<&Stored> {
        let place = self.offer.jobs.iter().position(|one| *one == job)?;
        self.confirmed.as_ref()?.1.get(place)
    }
}

/// A run of a handler.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) number: u64,
    pub(crate) process: u32,
    pub(crate) job: u64,
    pub(crate) id: String,
    pub(crate) begun: u64,
    /// How it ended by its own word.
    pub(crate) end: Option<End>,
    /// Whether the store said that its outcome is stored; where it was asked by the driver's contract.
    pub(crate) is_stored: Option<bool>,
    /// When it ended, or its process did; [`NEVER`] when neither is known.
    pub(crate) over: u64,
}

impl Run {
    /// Whether it answered something that ends the job for good.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.end, Some(End::Done | End::Fail | End::Cancel | End::Error))
    }
}

/// What a ledger tells.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) pushes: Vec<Push>,
    /// In the order in which they began.
    pub(crate) runs: Vec<Run>,
    /// When each job, by id, was about to be retried.
    pub(crate) retries: HashMap<String, Vec<u64>>,
    /// The same of cancels.
    pub(crate) cancels: HashMap<String, Vec<u64>>,
    /// What was seen of each job, in order.
    pub(crate) sights: BTreeMap<String, Vec<(u64, String)>>,
    pub(crate) slots: BTreeMap<u32, usize>,
    pub(crate) levels: BTreeMap<u32, Vec<Level>>,
    /// Which push offered a job.
    offers: HashMap<u64, usize>,
    /// Which runs a job had.
    of_job: HashMap<u64, Vec<usize>>,
    /// All names under which the store is known to have had a job.
    names: HashMap<u64, BTreeSet<String>>,
    /// The contrary.
    jobs: HashMap<String, u64>,
}

impl History {
    /// Reads a ledger, whose entries are in the order of time.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let mut history = Self::default();
        let mut runs = HashMap::new();
        for Entry { at, process, event } in entries {
            let (at, process) = (*at, *process);
            match event.clone() {
                Event::Works { slots } => drop(history.slots.insert(process, slots)),
                Event::PushBegun(offer) => {
                    for job in &offer.jobs {
                        history.offers.insert(*job, history.pushes.len());
                    }
                    history.pushes.push(Push { offer, begun: at, confirmed: None, refused: None });
                }
                Event::PushConfirmed { job, stored } => {
                    if let Some(push) = history.offers.get(&job).map(|at| &mut history.pushes[*at]) {
                        push.confirmed = Some((at, stored));
                    }
                }
                Event::PushRefused { job, error } => {
                    if let Some(push) = history.offers.get(&job).map(|at| &mut history.pushes[*at]) {
                        push.refused = Some(error);
                    }
                }
                Event::RunBegun { run, job, id, attempt: _ } => {
                    runs.insert(run, history.runs.len());
                    history.of_job.entry(job).or_default().push(history.runs.len());
                    history.names.entry(job).or_default().insert(id.clone());
                    history.runs.push(Run { number: run, process, job, id, begun: at, end: None, is_stored: None, over: NEVER });
                }
                Event::RunEnded { run, end } => {
                    if let Some(run) = runs.get(&run).map(|run| &mut history.runs[*run]) {
                        (run.end, run.over) = (Some(end), at);
                    }
                }
                Event::Settled { run, is_stored } => {
                    if let Some(run) = runs.get(&run).map(|run| &mut history.runs[*run]) {
                        run.is_stored = Some(is_stored);
                    }
                }
                Event::RetryBegun { id } => history.retries.entry(id).or_default().push(at),
                Event::CancelBegun { id } => history.cancels.entry(id).or_default().push(at),
                Event::Saw { id, state } => history.sights.entry(id).or_default().push((at, state)),
                Event::Logged { .. } => {}
                Event::Level(level) => history.levels.entry(process).or_default().push(level),
                Event::Ended => {
                    let open = history.runs.iter_mut().filter(|run| run.process == process && run.over == NEVER);
                    open.for_each(|run| run.over = at);
                }
            }
        }
        history.name_what_was_stored();
        history
    }

    fn name_what_was_stored(&mut self) {
        for push in &self.pushes {
            for (job, stored) in push.offer.jobs.iter().filter_map(|job| Some((*job, push.answer(job.to_owned())?))) {
                if !stored.is_duplicate {
                    self.names.entry(job).or_default().insert(stored.id.clone());
                }
            }
        }
        let names = self.names.iter().flat_map(|(job, names)| names.iter().map(|name| (name.clone(), *job)));
        self.jobs = names.collect();
    }

    /// The push that offered a job.
    pub(crate) fn push_of(&self, job: u64) -> Option<&Push> {
        self.offers.get(&job).map(|at| &self.pushes[*at])
    }

    /// The runs of a job, in the order in which they began.
    pub(crate) fn runs_of(&self, job: u64) -> impl Iterator<Item = &Run> + Clone {
        self.of_job.get(&job).into_iter().flatten().map(|at| &self.runs[*at])
    }

    /// The names under which the store is known to have had a job.
    pub(crate) fn names_of(&self, job: u64) -> impl Iterator<Item = &str> {
        self.names.get(&job).into_iter().flatten().map(String::as_str)
    }

    /// Whether a job, by id, was about to be cancelled.
    pub(crate) fn was_cancelled(&self, id: &str) -> bool {
        self.cancels.contains_key(id)
    }

    /// How often a job was about to be retried.
    pub(crate) fn retries_of(&self, id: &str) -> usize {
        self.retries.get(id).map_or(0, Vec::len)
    }

    /// The job that the store calls so.
    pub(crate) fn job_of(&self, id: &str) -> Option<u64> {
        self.jobs.get(id).copied()
    }

    /// A run of the same job that began after this one.
    pub(crate) fn later(&self, run: &Run) -> Option<&Run> {
        self.runs_of(run.job).find(|next| next.begun > run.begun)
    }

    /// The next run of the same job that began before this one was over, and so took it away.
    pub(crate) fn successor(&self, run: &Run) -> Option<&Run> {
        self.runs_of(run.job).find(|next| next.begun > run.begun && next.begun < run.over)
    }
}
