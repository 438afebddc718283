//! What is done to a store: the verbs of the contract with everything that they may be given, and how often each is tried.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use queue::drivers::{Action, Told};

/// Queues, kinds and keys are numbers below these.
pub(crate) const QUEUES: usize = 3;
pub(crate) const KINDS: usize = 3;
pub(crate) const KEYS: usize = 3;
pub(crate) const WORKERS: usize = 2;

/// One verb, or some time. What it is about is picked from what is there when it happens.
#[derive(Debug, Clone)]
pub(crate) enum Verb {
    Push(Vec<NewGroup>),
    Fetch(Fetch),
    Settle(Vec<End>),
    Exchange(Vec<End>, Fetch),
    Renew {
        worker: usize,
        leases: Vec<(Index, Option<u8>)>,
        stops: bool,
    },
    Maintain,
    /// So many seconds, in which nobody does anything.
    Advance(u64),
    /// So many steps of 5 s, each with a `maintain`: time as where workers live.
    Live(u64),
    Cancel(Index),
    Retry(Index),
    Forget(Index),
    /// The same to several jobs in one call.
    Act(Action, Vec<Index>),
    Claim {
        worker: usize,
        job: Index,
    },
    /// All that live, where none is named.
    Tell(Told, Vec<usize>),
    Pause(usize),
    Resume(usize),
    List(List),
}

#[derive(Debug, Clone)]
pub(crate) struct NewGroup {
    pub(crate) jobs: Vec<NewJob>,
    /// Which entry, and which of its times.
    pub(crate) tick: Option<(u8, u8)>,
}

#[derive(Debug, Clone)]
pub(crate) struct NewJob {
    /// The id of a job that was pushed before.
    pub(crate) repeats: Option<Index>,
    /// An id that is less than those before.
    pub(crate) is_less: bool,
    pub(crate) kind: usize,
    pub(crate) version: u16,
    pub(crate) queue: usize,
    pub(crate) priority: u8,
    pub(crate) max_attempts: u16,
    /// Seconds from now.
    pub(crate) delay: u64,
    pub(crate) key: Option<usize>,
    pub(crate) is_tagged: bool,
    pub(crate) is_held: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Fetch {
    pub(crate) worker: usize,
    /// Of each queue: whether it is asked, free, ahead.
    pub(crate) queues: [(bool, usize, usize); QUEUES],
    /// Kinds, and from which version on.
    pub(crate) except: Vec<(usize, Option<u16>)>,
}

#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) lease: Index,
    pub(crate) outcome: Outcome,
    pub(crate) follow_ups: Vec<NewJob>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome {
    Complete,
    Retry(u64),
    Fail,
    Snooze(u64),
    Release(u64),
    Cancel(bool),
}

#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) states: Vec<usize>,
    pub(crate) kinds: Vec<usize>,
    pub(crate) queues: Vec<usize>,
    pub(crate) is_tagged: bool,
    /// Kinds, queues and tagged jobs that are left out.
    pub(crate) not_kinds: Vec<usize>,
    pub(crate) not_queues: Vec<usize>,
    pub(crate) is_untagged: bool,
    pub(crate) newest_first: bool,
    pub(crate) after: Option<Index>,
    pub(crate) limit: usize,
}

fn some_delay() -> impl Strategy<Value = u64> {
    prop_oneof![4 => Just(0), 1 => Just(5), 1 => Just(60), 1 => Just(3_600)]
}

fn new_job(has_key: bool) -> impl Strategy<Value = NewJob> {
    let key = option::weighted(0.3, 0..KEYS).prop_map(move |key| key.filter(|_| has_key));
    let place = (0..KINDS, 1..=3u16, 0..QUEUES, prop_oneof![Just(0u8), Just(100), Just(255)], 1..=3u16);
    let few = (any::<bool>(), prop::bool::weighted(0.05), option::weighted(0.1, any::<Index>()), prop::bool::weighted(0.2));
    (place, some_delay(), key, few).prop_map(move |((kind, version, queue, priority, max_attempts), delay, key, few)| {
        let (is_tagged, is_held, repeats, is_less) = few;
        // Among follow-ups, whether one meets a job that ends in the same batch is up to the driver.
        let repeats = repeats.filter(|_| has_key);
        NewJob { repeats, is_less, kind, version, queue, priority, max_attempts, delay, key, is_tagged, is_held }
    })
}

fn new_group() -> impl Strategy<Value = NewGroup> {
    (vec(new_job(true), 0..4), option::weighted(0.1, (0..2u8, 0..2u8))).prop_map(|(jobs, tick)| NewGroup { jobs, tick })
}

fn fetch() -> impl Strategy<Value = Fetch> {
    let queue = (prop::bool::weighted(0.7), 0..4usize, prop_oneof![2 => Just(0usize), 1 => 1..4usize]);
    let except = prop_oneof![2 => Just(Vec::new()), 1 => vec((0..KINDS, option::of(1..=3u16)), 1..3)];
    (0..WORKERS, [queue.clone(), queue.clone(), queue], except).prop_map(|(worker, queues, except)| Fetch {
        worker,
        queues,
        except,
    })
}

fn end() -> impl Strategy<Value = End> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Complete),
        2 => some_delay().prop_map(Outcome::Retry),
        2 => Just(Outcome::Fail),
        1 => some_delay().prop_map(Outcome::Snooze),
        1 => some_delay().prop_map(Outcome::Release),
        1 => any::<bool>().prop_map(Outcome::Cancel),
    ];
    let follow_ups = prop_oneof![4 => Just(Vec::new()), 1 => vec(new_job(false), 1..3)];
    (any::<Index>(), outcome, follow_ups).prop_map(|(lease, outcome, follow_ups)| End { lease, outcome, follow_ups })
}

fn list() -> impl Strategy<Value = List> {
    let few = |most: usize| prop_oneof![2 => Just(Vec::new()), 1 => vec(0..most, 1..3)];
    let fits = (few(8), few(KINDS), few(QUEUES), prop::bool::weighted(0.2));
    let not = (few(KINDS), few(QUEUES), prop::bool::weighted(0.2));
    let page = (any::<bool>(), option::weighted(0.3, any::<Index>()), 1..20usize);
    (fits, not, page).prop_map(|((states, kinds, queues, is_tagged), not, (newest_first, after, limit))| {
        let (not_kinds, not_queues, is_untagged) = not;
        List { states, kinds, queues, is_tagged, not_kinds, not_queues, is_untagged, newest_first, after, limit }
    })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![Just(Action::Cancel), Just(Action::Retry), Just(Action::Forget)]
}

/// Any verb.
pub(crate) fn verb() -> BoxedStrategy<Verb> {
    prop_oneof![
        8 => vec(new_group(), 1..4).prop_map(Verb::Push),
        6 => fetch().prop_map(Verb::Fetch),
        4 => vec(end(), 1..5).prop_map(Verb::Settle),
        4 => (vec(end(), 0..4), fetch()).prop_map(|(ends, fetch)| Verb::Exchange(ends, fetch)),
        4 => (0..WORKERS, vec((any::<Index>(), option::weighted(0.3, 0..=100u8)), 0..6), prop::bool::weighted(0.1))
            .prop_map(|(worker, leases, stops)| Verb::Renew { worker, leases, stops }),
        3 => Just(Verb::Maintain),
        2 => prop_oneof![Just(1), Just(5), Just(20), Just(60), Just(3_600), Just(90_000), Just(700_000)].prop_map(Verb::Advance),
        2 => (1..=12u64).prop_map(Verb::Live),
        3 => any::<Index>().prop_map(Verb::Cancel),
        2 => any::<Index>().prop_map(Verb::Retry),
        2 => any::<Index>().prop_map(Verb::Forget),
        2 => (action(), vec(any::<Index>(), 0..6)).prop_map(|(action, jobs)| Verb::Act(action, jobs)),
        2 => (0..WORKERS, any::<Index>()).prop_map(|(worker, job)| Verb::Claim { worker, job }),
        1 => (prop_oneof![Just(Told::Quiet), Just(Told::Restart)], vec(0..WORKERS, 0..3))
            .prop_map(|(told, workers)| Verb::Tell(told, workers)),
        1 => (0..QUEUES).prop_map(Verb::Pause),
        1 => (0..QUEUES).prop_map(Verb::Resume),
        2 => list().prop_map(Verb::List),
    ]
    .boxed()
}
