//! Lives that are right, and ledgers that break a rule of runs.

use queue::JobState::{Available, Cancelled, Completed, Failed};
use queue_tests::ledger::{End, Event, Level};

use super::{Story, id};

#[test]
fn a_plain_life_passes() {
    Story::new().pushes(1).begins(10, 1).ends(10, End::Done).row(1, Completed, 1, 0).passes();
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
fn a_commit_whose_answer_is_lost_was_carried_out_or_not() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Done).ends(10, End::Doubted).row(1, Completed, 1, 0).passes();
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Done).ends(10, End::Doubted);
    story.begins(11, 1).ends(11, End::Done).row_with(1, Completed, 2, 0, &[10]).passes();
}

#[test]
fn i3_a_doubted_commit_is_no_cancel() {
    let mut story = Story::new();
    story.pushes(1).begins(10, 1).ends(10, End::Doubted).row(1, Cancelled, 1, 0).breaks(&["I3"]);
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
