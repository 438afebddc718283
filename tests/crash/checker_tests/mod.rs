//! The checker itself: a ledger that is right passes, and one that breaks one invariant is caught by just that one.

mod pushes;
mod runs;

use queue::JobState;
use queue_tests::ledger::{End, Entry, Event, Offer, Stored, error_of};

use crate::checker::{Allowed, check};
use crate::dump::{Dump, Row};

/// A ledger and a dump, written by hand. Each line is a microsecond later than the one before.
#[derive(Default)]
struct Story {
    entries: Vec<Entry>,
    dump: Dump,
    process: u32,
    allowed: Allowed,
}

/// What the store calls a job.
fn id(job: u64) -> String {
    format!("id-{job}")
}

impl Story {
    fn new() -> Self {
        Self { process: 1, ..Self::default() }
    }

    fn write(&mut self, event: Event) -> &mut Self {
        let at = self.entries.len() as u64 + 1;
        self.entries.push(Entry { at, process: self.process, event });
        self
    }

    /// From now on another process writes.
    fn process(&mut self, process: u32) -> &mut Self {
        self.process = process;
        self
    }

    fn offers(&mut self, jobs: &[u64]) -> &mut Self {
        self.write(Event::PushBegun(Offer { jobs: jobs.to_vec(), ..Offer::default() }))
    }

    fn offers_unique(&mut self, job: u64, key: &str) -> &mut Self {
        self.write(Event::PushBegun(Offer { jobs: vec![job], key: Some(key.to_owned()), ..Offer::default() }))
    }

    fn offers_tick(&mut self, job: u64, tick: &str) -> &mut Self {
        self.write(Event::PushBegun(Offer { jobs: vec![job], tick: Some(tick.to_owned()), ..Offer::default() }))
    }

    fn offers_marked(&mut self, job: u64) -> &mut Self {
        self.write(Event::PushBegun(Offer { jobs: vec![job], is_marked: true, ..Offer::default() }))
    }

    fn confirms(&mut self, jobs: &[u64]) -> &mut Self {
        let stored = jobs.iter().map(|job| Stored { id: id(*job), is_duplicate: false }).collect();
        self.write(Event::PushConfirmed { job: jobs[0], stored })
    }

    fn confirms_duplicate(&mut self, job: u64, winner: u64) -> &mut Self {
        self.write(Event::PushConfirmed { job, stored: vec![Stored { id: id(winner), is_duplicate: true }] })
    }

    fn pushes(&mut self, job: u64) -> &mut Self {
        self.offers(&[job]).confirms(&[job])
    }

    fn begins(&mut self, run: u64, job: u64) -> &mut Self {
        self.write(Event::RunBegun { run, job, id: id(job), attempt: 1 })
    }

    fn ends(&mut self, run: u64, end: End) -> &mut Self {
        self.write(Event::RunEnded { run, end })
    }

    fn sees(&mut self, job: u64, state: &str) -> &mut Self {
        self.write(Event::Saw { id: id(job), state: state.to_owned() })
    }

    /// What the store says in the end.
    fn row(&mut self, job: u64, state: JobState, attempt: u32, rescues: u32) -> &mut Self {
        self.row_with(job, state, attempt, rescues, &[])
    }

    fn row_with(&mut self, job: u64, state: JobState, attempt: u32, rescues: u32, errors: &[u64]) -> &mut Self {
        let errors = errors.iter().map(|run| error_of(*run)).collect();
        self.dump.rows.push(Row { id: id(job), job, state, attempt, max_attempts: 3, rescues, errors, fetches: None });
        self
    }

    /// The invariants that are broken, each once.
    fn broken(&self) -> Vec<&'static str> {
        let mut broken: Vec<_> =
            check(&self.entries, &self.dump, self.allowed).iter().map(|violation| violation.invariant).collect();
        broken.sort_unstable();
        broken.dedup();
        broken
    }

    #[track_caller]
    fn passes(&self) {
        let violations = check(&self.entries, &self.dump, self.allowed);
        assert!(violations.is_empty(), "{violations:?}");
    }

    #[track_caller]
    fn breaks(&self, invariants: &[&str]) {
        let violations = check(&self.entries, &self.dump, self.allowed);
        assert_eq!(self.broken(), invariants, "{violations:?}");
    }
}
