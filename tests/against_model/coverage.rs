//! What the random walks met: a walk that never rescues proves nothing of rescues.

use std::cell::RefCell;
use std::collections::BTreeMap;

use queue::JobState;

use crate::answer::{Answer, Pushed, Refusal, Word};
use crate::model::Number;
use crate::verbs::{Outcome, Verb};

thread_local! {
    /// Of the walks of this thread: each test has one of its own.
    static MET: RefCell<BTreeMap<&'static str, usize>> = const { RefCell::new(BTreeMap::new()) };
}

/// What must be met, each so often.
const NEEDED: [&str; 45] = [
    "push: stored",
    "push: duplicate",
    "push: repeated",
    "push: tick again",
    "fetch: some",
    "fetch: none",
    "fetch: ahead",
    "fetch: leaves kinds alone",
    "settle: complete",
    "settle: retry",
    "settle: fail",
    "settle: snooze",
    "settle: release",
    "settle: cancel",
    "settle: lost",
    "settle: follow-ups",
    "exchange: both",
    "renew: lost",
    "renew: cancelled",
    "renew: progress",
    "renew: stop",
    "maintain: promoted",
    "maintain: rescued",
    "maintain: out of rescues",
    "maintain: pruned",
    "cancel: waiting",
    "cancel: running",
    "cancel: ended",
    "retry: done",
    "retry: refused",
    "forget: done",
    "gone: acted on",
    "many: done",
    "many: refused",
    "many: one of them twice",
    "claim: done",
    "claim: refused",
    "claim: gone",
    "claim: retried",
    "tell: all",
    "tell: named",
    "renew: told",
    "list: newest first",
    "list: left out",
    "list: a page of several",
];
const LEAST: usize = 5;

fn met(what: &'static str, is_met: bool) {
    if is_met {
        MET.with_borrow_mut(|met| *met.entry(what).or_default() += 1);
    }
}

/// Notes what a verb met.
pub(crate) fn note(verb: &Verb, answer: &Answer) {
    match answer {
        Answer::Pushed(groups) => {
            if let Verb::Push(groups) = verb {
                met("push: repeated", groups.iter().flat_map(|group| &group.jobs).any(|new| new.repeats.is_some()));
            }
            for Pushed { jobs, answers } in groups {
                met("push: tick again", answers.is_empty() && !jobs.is_empty());
                for (_, is_duplicate) in answers {
                    met("push: stored", !is_duplicate);
                    met("push: duplicate", *is_duplicate);
                }
            }
        }
        Answer::Fetched(runs) => {
            met("fetch: some", !runs.is_empty());
            met("fetch: none", runs.is_empty());
            if let Verb::Fetch(fetch) = verb {
                met("fetch: ahead", runs.len() > fetch.queues.iter().map(|(_, free, _)| free).sum());
                met("fetch: leaves kinds alone", !runs.is_empty() && !fetch.except.is_empty());
            }
        }
        Answer::Settled(endings) | Answer::Exchanged(endings, _) => {
            for ending in endings {
                met("settle: lost", !ending.is_stored);
                met("settle: follow-ups", ending.is_stored && !ending.follow_ups.is_empty());
                let word = match ending.outcome {
                    Outcome::Complete => "settle: complete",
                    Outcome::Retry(_) => "settle: retry",
                    Outcome::Fail => "settle: fail",
                    Outcome::Snooze(_) => "settle: snooze",
                    Outcome::Release(_) => "settle: release",
                    Outcome::Cancel(_) => "settle: cancel",
                };
                met(word, ending.is_stored);
            }
            if let Answer::Exchanged(_, runs) = answer {
                met("exchange: both", !runs.is_empty() && endings.iter().any(|ending| ending.is_stored));
            }
        }
        Answer::Told(alive, count) => {
            met("tell: all", alive.is_empty() && *count > 0);
            met("tell: named", !alive.is_empty());
        }
        Answer::Renewed { runs, lost, cancelled, told } => {
            met("renew: told", matches!(told, Word::Is(_)));
            met("renew: lost", !lost.is_empty());
            met("renew: cancelled", !cancelled.is_empty());
            met("renew: progress", runs.iter().any(|(_, progress)| progress.is_some()));
            met("renew: stop", matches!(verb, Verb::Renew { stops: true, .. }));
        }
        Answer::Maintained(all) => {
            for one in all {
                met("maintain: promoted", one.promoted > 0);
                met("maintain: rescued", one.rescued > 0);
                met("maintain: out of rescues", !one.failed.is_empty());
                met("maintain: pruned", one.pruned > 0);
            }
        }
        Answer::Acted(_, acted) => {
            let is_cancel = matches!(verb, Verb::Cancel(_));
            met("cancel: waiting", is_cancel && *acted == Ok(JobState::Cancelled));
            met("cancel: running", *acted == Ok(JobState::Running));
            met("cancel: ended", is_cancel && *acted == Err(Refusal::Conflict));
            met("retry: done", matches!(verb, Verb::Retry(_)) && acted.is_ok());
            met("retry: refused", matches!(verb, Verb::Retry(_)) && *acted == Err(Refusal::Conflict));
            met("forget: done", matches!(verb, Verb::Forget(_)) && acted.is_ok());
            met("gone: acted on", *acted == Err(Refusal::Unknown));
        }
        Answer::ActedOnMany(acted) => {
            met("many: done", acted.iter().filter(|(_, acted)| acted.is_ok()).count() > 1);
            met("many: refused", acted.iter().any(|(_, acted)| *acted == Err(Refusal::Conflict)));
            let is_twice = |(index, (number, _)): (usize, &(Number, _))| acted[..index].iter().any(|(other, _)| other == number);
            met("many: one of them twice", acted.iter().enumerate().any(is_twice));
        }
        Answer::Claimed { has_ended, claimed, .. } => {
            met("claim: retried", *has_ended && claimed.is_ok());
            met("claim: done", claimed.is_ok());
            met("claim: refused", *claimed == Err(Refusal::Conflict));
            met("claim: gone", *claimed == Err(Refusal::Unknown));
        }
        Answer::Listed(_, numbers, count) => {
            let Verb::List(list) = verb else { return };
            met("list: newest first", list.newest_first && numbers.len() > 1);
            let leaves_out = list.not_kinds.len() + list.not_queues.len() > 0;
            met("list: left out", leaves_out && !numbers.is_empty());
            met("list: a page of several", !numbers.is_empty() && (numbers.len() as u64) < *count);
        }
        Answer::Nothing => {}
    }
}

/// Asserts that everything was met often enough in the walks of this thread.
pub(crate) fn assert_complete() {
    MET.with_borrow(|met| {
        let rare: Vec<_> =
            NEEDED.iter().map(|what| (what, met.get(what).copied().unwrap_or(0))).filter(|(_, count)| *count < LEAST).collect();
        assert!(rare.is_empty(), "met less than {LEAST} times: {rare:?}; in all {met:?}");
    });
}
