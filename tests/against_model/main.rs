//! Random verbs in random order against one plain model: each driver must do as the model says, and a driver with a fault must be caught.
//!
//! The walks are the same at each run. `PROPTEST_CASES=10000 cargo test -p queue-tests --test against_model` takes more of them, and
//! `AGAINST_MODEL_SEED=7` others.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]
#![expect(clippy::print_stderr, reason = "that is where a panic is printed")]

mod against;
mod answer;
mod coverage;
#[path = "../drivers/database.rs"]
mod database;
#[path = "../drivers/outside/mod.rs"]
mod driver;
#[expect(dead_code, reason = "the model needs a part of it")]
#[path = "../drivers/faulty/mod.rs"]
mod faulty;
#[path = "../drivers/file.rs"]
mod file;
mod model;
mod verbs;

use std::sync::Once;

use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestError, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use queue::Clock;
use queue::drivers::Memory;

use against::{Against, Subject};
use faulty::{Fault, FaultyStore};
use model::Model;
use queue_tests::postgres::server_url;
use verbs::Verb;

/// Walks, in CI; a file takes fewer, and a server still fewer.
const CASES: u32 = 300;
const CASES_OF_A_FILE: u32 = 100;
const CASES_OF_A_SERVER: u32 = 80;
/// Verbs in a walk.
const LENGTH: std::ops::Range<usize> = 1..80;

fn config(cases: u32) -> Config {
    let seed = std::env::var("AGAINST_MODEL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    Config {
        cases,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    }
}

/// A walk that shows a difference panics, and is then tried in a thousand shorter forms: none of them needs its backtrace printed.
fn without_backtraces() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))));
}

/// Walks; answers the shortest walk that shows a difference.
fn walk<S: Subject>(cases: u32) -> Result<(), TestError<Vec<Verb>>> {
    without_backtraces();
    let config = config(cases);
    let mut runner = TestRunner::new(config.clone());
    let walked = runner.run(&Model::sequential_strategy(LENGTH), |(model, verbs, seen)| {
        Against::<S>::test_sequential(config.clone(), model, verbs, seen);
        Ok(())
    });
    walked.map_err(|error| match error {
        TestError::Abort(reason) => TestError::Abort(reason),
        TestError::Fail(reason, (_, verbs, _)) => TestError::Fail(reason, verbs),
    })
}

fn agrees<S: Subject>(cases: u32) {
    if let Err(error) = walk::<S>(cases) {
        panic!("{error}");
    }
    coverage::assert_complete();
}

struct InMemory;

impl Subject for InMemory {
    type Store = fn(Clock) -> Memory;

    fn store() -> Self::Store {
        Memory::with_clock
    }
}

struct Outside;

impl Subject for Outside {
    type Store = driver::OutsideStore;

    fn store() -> Self::Store {
        driver::OutsideStore::new()
    }
}

struct InFile;

impl Subject for InFile {
    type Store = file::File;

    fn store() -> Self::Store {
        file::File::new(false)
    }
}

struct InSchema;

impl Subject for InSchema {
    type Store = database::Tables;

    fn store() -> Self::Store {
        database::Tables::new()
    }
}

struct BehindPooler;

impl Subject for BehindPooler {
    type Store = database::Tables;

    fn store() -> Self::Store {
        database::Tables::pooled()
    }
}

#[test]
fn the_memory_driver_does_as_the_model() {
    agrees::<InMemory>(CASES);
}

#[test]
fn the_outside_driver_does_as_the_model() {
    agrees::<Outside>(CASES);
}

#[test]
fn the_sqlite_driver_does_as_the_model() {
    agrees::<InFile>(CASES_OF_A_FILE);
}

#[test]
fn the_postgres_driver_does_as_the_model() {
    if server_url().is_some() {
        agrees::<InSchema>(CASES_OF_A_SERVER);
    }
}

#[test]
fn the_postgres_driver_behind_a_pooler_does_as_the_model() {
    if server_url().is_some() {
        agrees::<BehindPooler>(CASES_OF_A_SERVER);
    }
}

/// It is the faults that the walks find, and not the way they are made.
#[test]
fn the_faulty_driver_without_a_fault_does_as_the_model() {
    struct Right;

    impl Subject for Right {
        type Store = FaultyStore;

        fn store() -> FaultyStore {
            FaultyStore::new(Fault::None)
        }
    }

    agrees::<Right>(CASES);
}

/// One test a fault: the walks find it, and show how in a few verbs.
macro_rules! catches {
    ($($name:ident: $fault:ident;)*) => {
        $(#[test]
        fn $name() {
            struct Wrong;

            impl Subject for Wrong {
                type Store = FaultyStore;

                fn store() -> FaultyStore {
                    FaultyStore::new(Fault::$fault)
                }
            }

            match walk::<Wrong>(CASES) {
                Err(TestError::Fail(reason, verbs)) => assert!(verbs.len() <= 12, "{reason}: {verbs:#?}"),
                other => panic!("the fault was not found: {other:?}"),
            }
        })*
    };
}

catches! {
    repeated_pushes_that_are_stored: StoresRepeatedPushes;
    half_groups: StoresHalfAGroup;
    ignored_keys: IgnoresUniqueKeys;
    leaked_keys: LeaksUniqueKeys;
    ignored_delays: IgnoresDelays;
    ignored_ticks: IgnoresTicks;
    ignored_priorities: IgnoresPriorities;
    double_delivery: DeliversTwice;
    uncounted_attempts: ForgetsToCount;
    ignored_exceptions: IgnoresExceptions;
    prefetched_rescues: PrefetchesRescuedJobs;
    no_fence: LosesTheFence;
    stored_for_lost: AnswersStoredAlways;
    dropped_follow_ups: DropsFollowUps;
    follow_ups_of_the_lost: StoresFollowUpsOfTheLost;
    dropped_errors: DropsErrors;
    counted_snoozes: CountsSnoozes;
    a_fetch_before_the_settlement: FetchesBeforeItSettles;
    renewals_under_old_tokens: RenewsUnderOldTokens;
    hidden_cancels: HidesCancels;
    no_rescue: NeverRescues;
    early_rescue: RescuesTooEarly;
    rescues_without_end: RescuesForEver;
    an_overlooked_silence: OverlooksSilence;
    early_pruning: PrunesAtOnce;
    no_pruning: NeverPrunes;
    ignored_pauses: IgnoresPauses;
    cancels_of_nothing: CancelsNothing;
    forgotten_live_jobs: ForgetsLiveJobs;
    rewritten_payloads: RewritesPayloads;
    dropped_tags: DropsTags;
    no_order: AnswersInNoOrder;
    no_prefetch: NeverPrefetches;
    retries_at_once: RetriesAtOnce;
    no_renewal: RenewsNothing;
    hidden_losses: HidesLostLeases;
    rows_of_stopped_workers: KeepsStoppedWorkers;
    forgotten_due_times: ForgetsWhatIsDueNext;
    settlements_that_are_not_stored_now: SettlesNothingNow;
    retries_without_history: RetriesWithoutTheHistory;
    pages_that_repeat: ListsFromTheStart;
    nothing_unserved: SeesNothingUnserved;
    the_oldest_first: ListsTheOldestFirst;
    listed_what_is_left_out: ListsWhatIsLeftOut;
    counts_behind_the_page: CountsBehindThePage;
    many_in_words: ActsInWords;
    one_answer_for_two: ActsOnceAnId;
    answers_of_many_in_no_order: AnswersActsInNoOrder;
    nobody_is_told: TellsNobody;
    told_once: TellsOnce;
    told_for_ever: TellsForEver;
    told_without_a_name: TellsEverybody;
    told_without_a_life: TellsTheDead;
    told_one_thing: KeepsTheFirstWord;
    uncounted_claims: ClaimsWithoutCounting;
    claims_under_the_old_token: ClaimsUnderTheOldToken;
    claims_of_what_is_due: ClaimsOnlyWhatIsDue;
    claims_that_heed_pauses: HeedsPausesInClaims;
    claims_that_hold_nothing: ClaimsAndLetsGo;
    claims_of_nothing_that_ended: ClaimsNothingThatEnded;
    claims_without_more_attempts: ClaimsAsManyAttemptsAsBefore;
    trimmed_names: TrimsNames;
}
