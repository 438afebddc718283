//! The checker itself: a ledger that is right passes, and one that breaks one invariant is caught by just that one.

use queue::JobState;
use queue_tests::ledger::{End, Entry, Event, Level, Offer, Stored, error_of};

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

use JobState::{Available, Cancelled, Completed, Failed};

#[test]
fn a_plain_life_passes() {
    Story::new().pushes(1).begins(10, 1).ends(10, End::Done).row(1, Completed, 1, 0).passes();
}

#[test]
fn a_push_that_was_not_confirmed_may_exist_or_not() {
    Story::new().offers(&[1]).passes();
    Story::new().offers(&[1]).begins(10, 1).ends(10, End::Done).row(1, Completed, 1, 0).passes();
}

#[test]
fn a_killed_run_may_be_run_again() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).write(Event::Ended);
    story.process(2).begins(20, 1).ends(20, End::Done).row(1, Completed, 1, 1).passes();
}

#[test]
fn a_run_that_was_done_and_not_settled_may_be_done_again() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Done).write(Event::Ended);
    story.process(2).begins(20, 1).ends(20, End::Done).row(1, Completed, 1, 1).passes();
}

#[test]
fn a_frozen_run_may_answer_late_when_it_is_not_recorded() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1);
    story.process(2).begins(20, 1).ends(20, End::Done);
    story.process(1).ends(10, End::Error).row(1, Completed, 1, 1).passes();
}

#[test]
fn errors_snoozes_and_releases_are_runs() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Error).begins(11, 1).ends(11, End::Snooze).begins(12, 1).ends(12, End::Dropped);
    story.begins(13, 1).ends(13, End::Done).row_with(1, Completed, 2, 0, &[10]).passes();
}

#[test]
fn a_job_that_kills_its_process_fails() {
    let mut story = Story::new();
    story.pushes(1);
    for run in 10..15 {
        story.begins(run, 1).write(Event::Ended);
    }
    story.row(1, Failed, 0, 5).passes();
}

#[test]
fn i1_a_confirmed_push_that_is_not_there_is_lost() {
    Story::new().pushes(1).breaks(&["I1"]);
}

#[test]
fn i1_a_confirmed_push_that_does_not_end_is_lost() {
    Story::new().pushes(1).row(1, Available, 0, 0).breaks(&["I1", "I10"]);
}

#[test]
fn i1_the_winner_of_a_duplicate_must_be_there() {
    Story::new().offers_unique(1, "k").confirms_duplicate(1, 9).breaks(&["I1"]);
}

#[test]
fn i1_a_pruned_job_must_have_ended() {
    let mut story = Story::new();
    story.allowed.pruning = true;
    story.pushes(1).breaks(&["I1"]);
    story.begins(10, 1).breaks(&["I1"]);
    story.ends(10, End::Done).passes();
}

#[test]
fn i2_a_run_that_nobody_pushed_is_invented() {
    Story::new().begins(10, 1).ends(10, End::Done).breaks(&["I2"]);
}

#[test]
fn i2_a_row_that_nobody_pushed_is_invented() {
    Story::new().row(1, Cancelled, 0, 0).write(Event::CancelBegun { id: id(1) }).breaks(&["I2"]);
}

#[test]
fn i2_a_run_before_its_push_is_invented() {
    Story::new().begins(10, 1).ends(10, End::Done).pushes(1).row(1, Completed, 1, 0).breaks(&["I2"]);
}

#[test]
fn i2_a_push_that_is_stored_twice_is_caught() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Done).row(1, Completed, 1, 0);
    story.dump.rows.push(Row { id: "another".to_owned(), ..story.dump.rows[0].clone() });
    story.breaks(&["I2"]);
}

#[test]
fn i3_a_run_too_many_is_caught() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Error).begins(11, 1).ends(11, End::Done);
    story.row_with(1, Completed, 1, 0, &[10]).breaks(&["I3"]);
}

#[test]
fn i3_a_run_without_a_fetch_is_caught() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Snooze).begins(11, 1).ends(11, End::Done).row(1, Completed, 1, 0).passes();
    story.dump.rows[0].fetches = Some(1);
    story.breaks(&["I3"]);
}

#[test]
fn i3_a_second_completion_without_a_rescue_is_caught() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Done).begins(11, 1).ends(11, End::Done);
    story.row(1, Completed, 2, 0).breaks(&["I3"]);
}

#[test]
fn i3_a_completion_that_no_run_answered_is_caught() {
    Story::new().pushes(1).begins(10, 1).ends(10, End::Error).row(1, Completed, 1, 0).breaks(&["I3"]);
}

#[test]
fn i3_an_answer_that_is_not_recorded_is_caught() {
    Story::new()
        .pushes(1)
        .begins(10, 1)
        .ends(10, End::Done)
        .begins(11, 1)
        .ends(11, End::Fail)
        .row(1, Failed, 2, 0)
        .breaks(&["I3"]);
}

#[test]
fn i3_an_attempt_too_many_is_caught() {
    let mut story = Story::new();
    story.pushes(1);
    for run in 10..14 {
        story.begins(run, 1).ends(run, End::Error);
    }
    story.row_with(1, Failed, 4, 0, &[10, 11, 12, 13]).breaks(&["I3"]);
}

#[test]
fn i3_a_cancel_that_nobody_asked_for_is_caught() {
    Story::new().pushes(1).row(1, Cancelled, 0, 0).breaks(&["I3"]);
}

#[test]
fn i4_what_was_completed_stays_so() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Done).sees(1, "completed");
    story.write(Event::CancelBegun { id: id(1) }).row(1, Cancelled, 1, 0).breaks(&["I4"]);
}

#[test]
fn i4_what_failed_stays_so_but_for_a_retry() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Fail).sees(1, "failed").begins(11, 1).ends(11, End::Done);
    story.row(1, Completed, 2, 0).breaks(&["I4"]);

    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Fail).sees(1, "failed").write(Event::RetryBegun { id: id(1) });
    story.begins(11, 1).ends(11, End::Done).row(1, Completed, 2, 0).passes();
}

#[test]
fn i5_the_error_of_a_run_that_lost_its_lease_is_not_kept() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1);
    story.process(2).begins(20, 1);
    story.process(1).ends(10, End::Error);
    story.process(2).ends(20, End::Done).row_with(1, Completed, 1, 1, &[10]).breaks(&["I5"]);
}

#[test]
fn i5_a_run_that_lost_its_lease_completes_nothing() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1);
    story.process(2).begins(20, 1);
    story.process(1).ends(10, End::Done);
    story.process(2).write(Event::Ended).row(1, Completed, 1, 1).breaks(&["I5"]);
}

#[test]
fn i3_a_run_after_a_stored_completion_is_caught() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Done).write(Event::Settled { run: 10, is_stored: true }).write(Event::Ended);
    story.process(2).begins(20, 1).ends(20, End::Done).row(1, Completed, 1, 1).breaks(&["I3"]);
}

#[test]
fn i5_an_old_token_is_not_answered_with_stored() {
    let frozen = |is_stored| {
        let mut story = Story::new();
        story.pushes(1).begins(10, 1);
        story.process(2).begins(20, 1).ends(20, End::Done);
        story.process(1).ends(10, End::Error).write(Event::Settled { run: 10, is_stored }).row(1, Completed, 1, 1);
        story
    };
    frozen(false).passes();
    frozen(true).breaks(&["I5"]);
}

#[test]
fn i6_two_runs_at_once_without_a_rescue_are_caught() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1);
    story.process(2).begins(20, 1);
    story.process(1).ends(10, End::Error);
    story.process(2).ends(20, End::Done).row(1, Completed, 2, 0).breaks(&["I6"]);
}

#[test]
fn i7_two_live_jobs_of_a_key_are_caught() {
    let mut story = Story::new();
    story.offers_unique(1, "k").confirms(&[1]).offers_unique(2, "k").confirms(&[2]);
    story.begins(10, 1).ends(10, End::Done).begins(11, 2).ends(11, End::Done);
    story.row(1, Completed, 1, 0).row(2, Completed, 1, 0).breaks(&["I7"]);
}

#[test]
fn i7_a_key_is_free_when_its_job_has_ended() {
    let mut story = Story::new();
    story.offers_unique(1, "k").confirms(&[1]).begins(10, 1).ends(10, End::Done).offers_unique(2, "k").confirms(&[2]);
    story.begins(11, 2).ends(11, End::Done).row(1, Completed, 1, 0).row(2, Completed, 1, 0).passes();
}

#[test]
fn i7_a_key_is_not_answered_with_the_job_of_another() {
    let mut story = Story::new();
    story.offers_unique(1, "k").confirms(&[1]).offers_unique(2, "other").confirms_duplicate(2, 1);
    story.begins(10, 1).ends(10, End::Done).row(1, Completed, 1, 0).breaks(&["I7"]);
}

#[test]
fn i8_half_a_group_is_caught() {
    Story::new().offers(&[1, 2]).begins(10, 1).ends(10, End::Done).row(1, Completed, 1, 0).breaks(&["I8"]);
    Story::new().offers(&[1, 2]).passes();
}

#[test]
fn i8_a_job_without_the_mark_of_its_transaction_is_caught() {
    let mut story = Story::new();
    story.offers_marked(1).confirms(&[1]).begins(10, 1).ends(10, End::Done).row(1, Completed, 1, 0).breaks(&["I8"]);
    story.dump.marks.push(("pushed".to_owned(), 1));
    story.passes();
    story.dump.marks.push(("pushed".to_owned(), 2));
    story.breaks(&["I8"]);
}

#[test]
fn i8_a_mark_of_a_completion_that_is_not_there_is_caught() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Fail).row(1, Failed, 1, 0).passes();
    story.dump.marks.push(("done".to_owned(), 1));
    story.breaks(&["I8"]);
}

#[test]
fn i8_a_mark_that_is_there_twice_is_caught() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Done).row(1, Completed, 1, 0);
    story.dump.marks.push(("done".to_owned(), 1));
    story.passes();
    story.dump.marks.push(("done".to_owned(), 1));
    story.breaks(&["I8"]);
}

#[test]
fn i9_a_tick_that_comes_twice_is_caught() {
    let mut story = Story::new();
    story.offers_tick(1, "nightly").confirms(&[1]);
    story.process(2).offers_tick(2, "nightly").confirms(&[2]);
    story.begins(10, 1).ends(10, End::Done).begins(11, 2).ends(11, End::Done);
    story.row(1, Completed, 1, 0).row(2, Completed, 1, 0).breaks(&["I9"]);
}

#[test]
fn i9_a_tick_that_was_confirmed_and_brings_nothing_is_caught() {
    Story::new().offers_tick(1, "nightly").write(Event::PushConfirmed { job: 1, stored: Vec::new() }).breaks(&["I9"]);
}

#[test]
fn i10_what_does_not_end_is_caught() {
    Story::new().offers(&[1]).row(1, Available, 0, 0).breaks(&["I10"]);
}

#[test]
fn i11_a_run_without_a_slot_is_caught() {
    let mut story = Story::new();
    story
        .write(Event::Works { slots: 1 })
        .pushes(1)
        .pushes(2)
        .begins(10, 1)
        .begins(11, 2)
        .ends(10, End::Done)
        .ends(11, End::Done);
    story.row(1, Completed, 1, 0).row(2, Completed, 1, 0).breaks(&["I11"]);
}

#[test]
fn i12_what_is_not_given_back_is_caught() {
    let level = Level { is_end: false, memory: 50_000, descriptors: 20, threads: 5 };
    let ends = |end: Level| {
        let mut story = Story::new();
        story.write(Event::Level(level)).write(Event::Level(Level { is_end: true, ..end }));
        story
    };
    ends(level).passes();
    ends(Level { descriptors: 21, ..level }).breaks(&["I12"]);
    ends(Level { threads: 6, ..level }).breaks(&["I12"]);
    ends(Level { memory: 100_000, ..level }).breaks(&["I12"]);
}

#[test]
fn an_error_that_reaches_the_user_is_caught() {
    let mut story = Story::new();
    story.offers(&[1]).write(Event::PushRefused { job: 1, error: "busy".to_owned() }).breaks(&["errors"]);
    story.allowed.refusals = true;
    story.passes();
}
