//! The suite itself: each fault of a driver is found by the rule that is there for it, and a driver that can less is not blamed.

#[path = "outside/mod.rs"]
mod driver;
mod faulty;
mod limited;

use std::time::Duration;

use faulty::{Fault, FaultyStore};
use limited::LimitedStore;
use queue::testing::conformance::{Checked, Rule, all, rule};

/// In real time, for faults that hang: they hang for ever, so it does not matter how long it is.
const DEADLINE: Duration = Duration::from_secs(3);

/// The named rule finds the fault by what it asserts, and not because it takes too long.
fn assert_caught(fault: Fault, path: &str) {
    let broken = rule(path).check(FaultyStore::new(fault)).expect_err("the rule must find the fault");
    let text = broken.to_string();
    assert!(text.starts_with(&format!("the driver breaks the rule `{path}`: ")), "{text}");
    assert!(!text.contains("did not end") && !text.contains("blocked"), "{text}");
}

/// The named rule finds the fault by its deadline.
fn assert_ended(fault: Fault, path: &str, how: &str) {
    let broken = rule(path).check_within(FaultyStore::new(fault), DEADLINE).expect_err("the rule must find the fault");
    assert!(broken.to_string().contains(how), "{broken}");
}

macro_rules! catches {
    ($($name:ident: $fault:ident, $path:literal;)*) => {
        $(#[test]
        fn $name() {
            assert_caught(Fault::$fault, $path);
        })*
    };
}

catches! {
    a_push_that_is_repeated: StoresRepeatedPushes, "push::a_repeated_push_stores_nothing_twice";
    half_a_group: StoresHalfAGroup, "push::a_push_stores_its_jobs_and_answers_their_ids";
    half_a_large_group: StoresHalfAGroup, "push::a_large_group_is_stored_whole";
    ignored_keys: IgnoresUniqueKeys, "unique::a_duplicate_is_not_stored_and_answers_the_winner";
    ignored_keys_in_one_batch: IgnoresUniqueKeys, "unique::equal_keys_in_one_batch_are_resolved_in_order";
    keys_of_what_ended: LeaksUniqueKeys, "unique::a_repeated_push_of_an_ended_job_takes_no_key_in_its_batch";
    ignored_keys_under_load: IgnoresUniqueKeys, "together::of_fifty_pushes_of_one_key_one_is_stored";
    leaked_keys_of_completed_jobs: LeaksUniqueKeys, "unique::the_key_is_free_after_the_job_completed";
    leaked_keys_of_failed_jobs: LeaksUniqueKeys, "unique::the_key_is_free_after_the_job_failed";
    leaked_keys_of_cancelled_jobs: LeaksUniqueKeys, "unique::the_key_is_free_after_a_cancel";
    ignored_delays: IgnoresDelays, "schedule::a_delayed_job_is_not_fetched_before_it_is_due";
    ignored_times: IgnoresDelays, "schedule::a_job_for_a_later_time_is_fetched_then";
    ignored_ticks: IgnoresTicks, "tick::a_tick_is_stored_once";
    ignored_ticks_under_load: IgnoresTicks, "tick::of_many_pushers_of_a_tick_one_stores";
    rewritten_payloads: RewritesPayloads, "content::a_payload_is_kept_byte_for_byte";
    ignored_priorities: IgnoresPriorities, "order::a_lower_priority_number_goes_first";
    ignored_urgency: IgnoresPriorities, "order::the_most_urgent_are_claimed_first";
    trimmed_names: TrimsNames, "content::names_of_kinds_and_queues_are_kept";
    dropped_tags: DropsTags, "list::kinds_queues_and_tags_are_filtered_together";
    foreign_transactions: IgnoresTransactions, "transaction::a_transaction_of_another_store_is_refused";

    jobs_that_do_not_last: ForgetsAtTheEnd, "durable::jobs_outlive_the_process";
    leases_that_do_not_last: ForgetsAtTheEnd, "durable::leases_outlive_the_process";
    keys_that_do_not_last: ForgetsAtTheEnd, "durable::unique_keys_outlive_the_process";
    durability_without_proof: IsDurableWithoutProof, "durable::jobs_outlive_the_process";
    transactions_without_proof: HasTransactionsWithoutProof, "transaction::a_push_exists_when_its_transaction_commits";

    double_delivery: DeliversTwice, "fetch::a_fetched_job_is_not_fetched_again";
    double_delivery_under_load: DeliversTwice, "together::two_fetches_never_hand_out_one_job";
    double_delivery_of_completed_jobs: DeliversTwice, "settle::a_completed_job_is_not_fetched_again";
    uncounted_attempts: ForgetsToCount, "fetch::an_attempt_is_counted_at_the_fetch";
    deliveries_in_no_order: AnswersInNoOrder, "order::the_answer_is_sorted_within_each_queue";
    deliveries_not_by_id: AnswersInNoOrder, "order::of_equal_due_time_the_smaller_id_goes_first";
    ignored_exceptions: IgnoresExceptions, "fetch::an_excepted_kind_is_left_alone";
    ignored_versions: IgnoresExceptions, "fetch::an_excepted_version_is_left_alone_with_all_above";
    no_prefetch: NeverPrefetches, "fetch::prefetch_goes_on_top_of_the_free_slots";
    rescues_behind_the_slots: PrefetchesRescuedJobs, "rescue::a_rescued_job_behind_the_free_slots_is_not_prefetched";
    prefetched_rescues: PrefetchesRescuedJobs, "rescue::a_rescued_job_is_not_prefetched";

    no_fence: LosesTheFence, "settle::an_old_token_settles_nothing";
    no_fence_after_a_rescue: LosesTheFence, "lease::a_lease_is_lost_once_the_job_is_taken_back";
    stored_for_lost: AnswersStoredAlways, "settle::settling_twice_is_lost";
    stored_for_lost_in_a_batch: AnswersStoredAlways, "settle::a_mixed_batch_is_answered_in_order";
    stored_for_lost_under_load: AnswersStoredAlways, "together::of_many_settlements_of_one_lease_one_is_stored";
    dropped_follow_ups: DropsFollowUps, "settle::a_follow_up_is_stored_with_the_settlement";
    follow_ups_of_the_lost: StoresFollowUpsOfTheLost, "settle::a_follow_up_of_a_lost_lease_is_not_stored";
    dropped_errors: DropsErrors, "settle::each_failed_attempt_is_kept_with_its_error";
    counted_snoozes: CountsSnoozes, "settle::a_snoozed_job_comes_back_with_its_attempt_given_back";
    late_retries: RetriesLate, "settle::a_job_retried_without_a_delay_is_there_at_once_behind_those_that_wait";
    lost_turns: LosesTurns, "settle::a_released_job_keeps_its_turn";
    retries_at_once: RetriesAtOnce, "settle::a_retried_job_comes_back_after_its_delay";
    a_fetch_before_the_settlement: FetchesBeforeItSettles, "exchange::an_exchange_settles_before_it_fetches";
    an_exchange_now_that_settles_nothing: SettlesNothingNow, "exchange::an_exchange_on_the_callers_thread_does_the_same";
    exchanges_now_at_times: ExchangesNowAtTimes, "exchange::an_exchange_is_always_on_the_callers_thread_or_never";

    no_renewal: RenewsNothing, "lease::renewing_keeps_a_lease_past_its_length";
    renewal_under_old_tokens: RenewsUnderOldTokens, "lease::an_old_token_renews_nothing";
    hidden_losses: HidesLostLeases, "lease::renewing_tells_which_leases_are_lost";
    cancels_that_no_renewal_tells: HidesCancels, "cancel::a_running_job_goes_on_and_its_worker_is_told_by_the_renewal";
    cancels_that_no_wake_tells: HidesCancels, "cancel::a_cancelled_running_job_wakes_its_worker";
    rows_of_stopped_workers: KeepsStoppedWorkers, "workers::a_stopped_worker_has_no_row";

    no_rescue: NeverRescues, "rescue::the_job_of_a_dead_worker_comes_back_within_45_s";
    early_rescue: RescuesTooEarly, "rescue::the_job_of_a_dead_worker_comes_back_within_45_s";
    rescue_without_end: RescuesForEver, "rescue::the_fifth_rescue_fails_the_job";
    overlooked_silence: OverlooksSilence, "rescue::after_15_s_of_silence_nobody_rescues_for_15_s";
    overlooked_silence_before_a_renewal: OverlooksSilence, "rescue::a_renewal_after_the_silence_does_not_hide_it";
    promotion_without_bounds: KnowsNoBatches, "schedule::maintain_promotes_in_bounded_batches";
    rescue_without_bounds: KnowsNoBatches, "rescue::rescues_are_bounded_by_the_batch";
    pruning_without_bounds: KnowsNoBatches, "prune::pruning_is_bounded_by_the_batch";
    forgotten_due_times: ForgetsWhatIsDueNext, "schedule::maintain_says_when_the_next_job_is_due";
    early_pruning: PrunesAtOnce, "prune::completed_and_cancelled_jobs_are_pruned_after_a_day";
    no_pruning: NeverPrunes, "prune::completed_and_cancelled_jobs_are_pruned_after_a_day";

    wakes_for_nothing: WakesForNothing, "wake::nothing_wakes_nobody";

    denied_inspection: DeniesInspection, "unsupported::capabilities_agree_with_the_parts";
    ignored_pauses: IgnoresPauses, "pause::nothing_is_fetched_from_a_paused_queue";
    pauses_that_are_not_shared: IgnoresPauses, "shared::a_pause_here_is_in_force_there";
    cancels_that_do_nothing: CancelsNothing, "cancel::a_waiting_job_is_cancelled_at_once";
    retries_without_history: RetriesWithoutTheHistory, "retry::a_retry_keeps_the_history";
    retries_in_words: RetriesManyInWords, "retry::many_jobs_are_retried_as_one_is";
    retries_of_one_page: RetriesOnePage, "retry::of_many_jobs_all_are_retried_whatever_the_page";
    retries_of_what_does_not_fit: RetriesMoreThanFits, "retry::of_many_jobs_those_are_retried_that_the_filter_fits";
    hidden_refusals: HidesRefusals, "retry::of_many_jobs_those_with_a_taken_key_are_refused";
    forgotten_live_jobs: ForgetsLiveJobs, "retry::a_live_job_cannot_be_forgotten";
    pages_that_repeat: ListsFromTheStart, "list::pages_are_complete_and_without_repeats_while_jobs_are_added";
    pages_behind_an_id_that_begin_anew: ListsFromTheStart, "list::a_page_goes_on_behind_an_id_that_no_job_has";
    the_oldest_first: ListsTheOldestFirst, "list::the_newest_come_first_where_that_is_said";
    pages_that_lose_a_job: LosesTheLastOfAPage, "list::pages_in_both_orders_hold_every_job_once_to_the_end";
    one_page: EndsAtTheFirstPage, "list::pages_in_both_orders_hold_every_job_once_to_the_end";
    pages_without_end: NeverEnds, "list::pages_in_both_orders_hold_every_job_once_to_the_end";
    one_look: EndsAtTheFirstLook, "list::rare_jobs_are_found_among_many";
    ignored_ids: IgnoresIds, "filter::ids_are_filtered";
    listed_what_is_left_out: ListsWhatIsLeftOut, "filter::what_is_left_out_does_not_fit";
    left_out_what_is_like_it: LeavesOutRoughly, "filter::what_is_left_out_does_not_fit";
    left_out_by_trimmed_names: TrimsNames, "content::names_that_are_left_out_are_no_patterns";
    ignored_times_of_pushes: IgnoresWhenItWasPushed, "filter::jobs_are_filtered_by_when_they_were_pushed";
    the_wrong_side_of_a_time: TakesTheWrongSideOfATime, "filter::jobs_are_filtered_by_when_they_were_pushed";
    every_error_is_searched: SearchesEveryError, "filter::jobs_are_filtered_by_their_last_error";
    errors_letter_for_letter: SearchesLetterForLetter, "filter::jobs_are_filtered_by_their_last_error";
    ignored_fields: IgnoresFields, "filter::jobs_are_filtered_by_the_fields_of_their_payload";
    found_what_is_gone: FindsWhatIsGone, "filter::a_payload_that_is_gone_fits_no_field";
    numbers_as_floats: ReadsNumbersAsFloats, "filter::jobs_are_filtered_by_the_fields_of_their_payload";
    fields_and_nothing_else: ForgetsConditionsBesideFields, "filter::conditions_of_every_sort_hold_together";
    a_count_of_one_page: CountsOnePage, "count::few_jobs_are_all_counted";
    a_count_of_one_too_many: CountsOneTooMany, "count::few_jobs_are_all_counted";
    a_count_that_is_never_sure: NeverCountsAll, "count::few_jobs_are_all_counted";
    a_count_behind_the_page: CountsBehindThePage, "count::the_page_of_a_filter_does_not_count";
    a_count_that_is_always_sure: AlwaysCountsAll, "count::a_count_may_end_at_its_most";
    forgotten_kinds: ForgetsKinds, "workers::the_kinds_of_a_worker_are_kept";

    many_cancelled_in_words: ActsInWords, "many::many_are_cancelled_as_one_is";
    many_retried_in_words: ActsInWords, "many::many_are_retried_as_one_is";
    many_forgotten_in_words: ActsInWords, "many::many_are_forgotten_as_one_is";
    many_live_jobs_forgotten: ForgetsLiveJobs, "many::many_are_forgotten_as_one_is";
    forgotten_states: ForgetsWhatItWas, "many::many_are_forgotten_as_one_is";
    answers_in_no_order: AnswersActsInNoOrder, "many::many_are_cancelled_as_one_is";
    one_answer_for_two: ActsOnceAnId, "many::an_id_that_is_said_twice_is_answered_twice";
    unnamed_winners_of_many: NamesNoWinner, "many::of_many_retried_those_with_a_taken_key_name_the_winner";
    keys_of_many_that_leak: LeaksUniqueKeys, "many::the_keys_of_many_that_are_cancelled_are_free";
    cancels_of_many_that_no_wake_tells: HidesCancels, "many::jobs_cancelled_together_wake_their_worker";
    a_thousand_and_no_more: ActsOnAThousand, "many::more_than_a_thousand_are_fine";

    nobody_is_told: TellsNobody, "tell::a_worker_is_told_at_each_renewal_until_it_stops";
    told_once: TellsOnce, "tell::a_worker_is_told_at_each_renewal_until_it_stops";
    told_for_ever: TellsForEver, "tell::a_worker_is_told_at_each_renewal_until_it_stops";
    told_until_it_is_heeded: TellsUntilItIsHeeded, "tell::a_worker_is_told_at_each_renewal_until_it_stops";
    told_without_a_name: TellsEverybody, "tell::only_the_named_workers_are_told";
    told_without_a_life: TellsTheDead, "tell::where_none_is_named_all_that_live_are_told";
    told_one_thing: KeepsTheFirstWord, "tell::a_later_word_replaces_an_earlier_one";
    told_by_the_row: TellsByTheRow, "tell::what_a_worker_is_told_changes_nothing_else";
    nobody_is_told_elsewhere: TellsNobody, "shared::a_word_here_reaches_the_worker_there";

    uncounted_claims: ClaimsWithoutCounting, "claim::an_available_job_is_claimed_as_by_a_fetch";
    claims_of_what_is_due: ClaimsOnlyWhatIsDue, "claim::a_job_that_is_not_yet_due_is_claimed";
    claims_that_release_late: LosesTurns, "claim::a_job_claimed_early_may_be_released_early";
    claims_under_the_old_token: ClaimsUnderTheOldToken, "claim::a_claim_counts_an_attempt_and_a_token_as_a_fetch_does";
    claims_of_what_is_held: ClaimsWhatIsHeld, "claim::a_held_a_running_and_a_completed_job_cannot_be_claimed";
    claims_refused_without_a_reason: HidesWhyItClaimsNot, "claim::a_held_a_running_and_a_completed_job_cannot_be_claimed";
    claims_that_heed_pauses: HeedsPausesInClaims, "claim::a_paused_queue_is_no_obstacle";
    claims_that_hold_nothing: ClaimsAndLetsGo, "claim::a_claimed_job_is_not_handed_out_again";
    claims_that_hold_nothing_elsewhere: ClaimsAndLetsGo, "shared::a_job_claimed_here_is_not_fetched_there";
    claims_of_many: ClaimsTwice, "claim::of_many_claims_of_one_job_one_is_answered";
    claims_for_ever: ClaimsForEver, "claim::a_claimed_job_comes_back_when_its_lease_runs_out";
    claims_that_no_renewal_keeps: RenewsNothing, "claim::a_claimed_job_is_kept_by_renewals";
    cancels_of_claimed_jobs: HidesCancels, "claim::a_claimed_job_can_be_cancelled_as_any_that_runs";
    claims_of_nothing_that_ended: ClaimsNothingThatEnded, "claim_ended::a_failed_or_a_cancelled_job_is_retried_for_its_claim";
    claims_without_more_attempts: ClaimsAsManyAttemptsAsBefore, "claim_ended::a_failed_or_a_cancelled_job_is_retried_for_its_claim";
    claims_with_the_old_cancel: ClaimsWithTheOldCancel, "claim_ended::what_ended_a_job_is_forgotten_by_its_claim";
    keys_that_no_claim_takes: IgnoresUniqueKeys, "claim_ended::a_claim_of_an_ended_job_takes_its_unique_key";
    unnamed_winners_of_claims: NamesNoWinner, "claim_ended::a_claim_of_an_ended_job_whose_key_is_taken_names_the_winner";
    claims_of_what_was_retried_before: RetriesBeforeItClaims, "claim_ended::an_ended_job_that_is_claimed_is_available_to_nobody";
    claims_that_tell_of_work: RetriesBeforeItClaims, "claim_ended::an_ended_job_that_is_claimed_wakes_nobody";

    nothing_unserved: SeesNothingUnserved, "counts::jobs_that_no_live_worker_serves_are_unserved";
    unnamed_winners: NamesNoWinner, "unique::retrying_a_failed_job_whose_key_is_taken_names_the_winner";
}

/// A driver that blocks fails the rule; it does not stop the run.
#[test]
fn a_blocked_thread() {
    assert_ended(Fault::BlocksItsThread, "fetch::a_fetch_claims_as_many_as_are_free", "blocked its thread");
}

#[test]
fn a_wake_that_listens_late() {
    for rule in [
        "wake::a_push_between_the_call_and_the_first_poll_wakes",
        "wake::a_push_wakes_every_waiter",
        "wake::one_of_several_queues_is_enough",
        "wake::a_rescued_job_wakes",
    ] {
        assert_ended(Fault::ListensLate, rule, "did not end within");
    }
}

#[test]
fn a_retry_of_many_that_nobody_hears_of() {
    assert_ended(Fault::RetriesManyInWords, "retry::jobs_retried_together_wake", "did not end within");
    assert_ended(Fault::ActsInWords, "many::jobs_retried_by_their_ids_wake", "did not end within");
}

/// It is the faults that the rules find, and not the way they are made.
#[test]
fn without_a_fault_every_rule_is_kept() {
    for rule in all() {
        let checked = rule.check(FaultyStore::new(Fault::None)).unwrap_or_else(|broken| panic!("{broken}"));
        let is_kept = checked == Checked::Kept || ["durable", "unsupported", "push"].contains(&rule.topic());
        assert!(is_kept, "{rule:?}: {checked:?}");
    }
}

/// The outside driver keeps its jobs with the process, so it is asked for more here.
#[test]
fn a_durable_driver_is_asked_for_its_durability() {
    for rule in all().iter().filter(|rule| rule.topic() == "durable") {
        assert_eq!(rule.check(FaultyStore::new(Fault::IsDurable)).unwrap(), Checked::Kept, "{rule:?}");
    }
}

/// It goes over few rows at a time, and says so.
#[test]
fn a_driver_with_short_pages_is_not_blamed() {
    let is_about_pages =
        |rule: &&Rule| rule.topic() == "filter" || rule.name().starts_with("pages") || rule.name().starts_with("rare");
    let rules: Vec<_> = all().iter().filter(is_about_pages).collect();
    assert_eq!(rules.len(), 10, "{rules:?}");
    for rule in rules {
        assert_eq!(rule.check(FaultyStore::new(Fault::LooksAtLittle)).unwrap(), Checked::Kept, "{rule:?}");
    }
}

/// No inspection, no unique keys, no priorities, small groups, one handle: what is left is kept, the rest is skipped with a reason.
#[test]
fn a_driver_that_can_less_is_not_blamed() {
    let (mut kept, mut skipped) = (Vec::new(), Vec::new());
    for rule in all() {
        match rule.check(LimitedStore::new()).unwrap_or_else(|broken| panic!("{broken}")) {
            Checked::Kept => kept.push(format!("{rule:?}")),
            Checked::Skipped(why) => {
                assert!(!why.is_empty());
                skipped.push(rule.topic());
            }
        }
    }
    for topic in [
        "unique",
        "cancel",
        "pause",
        "counts",
        "list",
        "filter",
        "count",
        "many",
        "tell",
        "claim",
        "claim_ended",
        "workers",
        "shared",
        "durable",
        "prune",
    ] {
        assert!(skipped.contains(&topic), "{topic}");
    }
    for core in [
        "Rule(settle::an_old_token_settles_nothing)",
        "Rule(rescue::the_fifth_rescue_fails_the_job)",
        "Rule(unsupported::a_unique_key_is_refused_by_who_knows_none)",
        "Rule(unsupported::a_group_that_cannot_be_stored_whole_is_refused)",
        "Rule(unsupported::without_priorities_jobs_keep_their_order)",
    ] {
        assert!(kept.iter().any(|name| name == core), "{core}");
    }
}
