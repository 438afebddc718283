//! Ledgers that break a rule of pushes.

use queue::JobState::{Available, Cancelled, Completed, Failed};
use queue_tests::ledger::{End, Event};

use super::{Story, id};
use crate::dump::Row;

#[test]
fn a_push_that_was_not_confirmed_may_exist_or_not() {
    Story::new().offers(&[1]).passes();
    Story::new().offers(&[1]).begins(10, 1).ends(10, End::Done).row(1, Completed, 1, 0).passes();
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
fn an_error_that_reaches_the_user_is_caught() {
    let mut story = Story::new();
    story.offers(&[1]).write(Event::PushRefused { job: 1, error: "busy".to_owned() }).breaks(&["errors"]);
    story.allowed.refusals = true;
    story.passes();
}
