//! The list of all rules: a rule that is not in it is dead code, which the compiler says.

/// Gives the list to a macro: topics, which are files, and their rules, which are functions.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_rules {
    ($($then:tt)+) => {
        $($then)+! {
            push {
                a_push_stores_its_jobs_and_answers_their_ids,
                a_delivery_carries_what_was_pushed,
                a_new_job_has_its_fields_in_the_store,
                a_repeated_push_stores_nothing_twice,
                a_push_repeated_within_a_batch_stores_nothing_twice,
                a_push_repeated_after_the_run_does_not_run_again,
                groups_are_answered_in_order,
                a_group_may_span_queues,
                a_large_group_is_stored_whole,
                empty_pushes_are_fine,
                push_now_takes_all_groups_or_leaves_them,
                a_held_job_is_not_fetched,
            }
            order {
                a_lower_priority_number_goes_first,
                the_most_urgent_are_claimed_first,
                of_equal_priority_the_earlier_due_goes_first,
                of_equal_due_time_the_smaller_id_goes_first,
                jobs_of_one_batch_keep_their_order,
                the_answer_is_sorted_within_each_queue,
            }
            fetch {
                a_fetched_job_is_not_fetched_again,
                a_fetch_claims_as_many_as_are_free,
                prefetch_goes_on_top_of_the_free_slots,
                each_queue_is_claimed_on_its_own,
                a_queue_that_was_not_named_is_left_alone,
                an_excepted_kind_is_left_alone,
                an_excepted_version_is_left_alone_with_all_above,
                excepted_jobs_do_not_block_those_behind,
                an_attempt_is_counted_at_the_fetch,
                the_token_grows_by_one_at_each_fetch,
                a_running_job_has_a_start_and_a_worker,
                many_fetches_drain_a_queue,
            }
            settle {
                a_completed_job_is_not_fetched_again,
                completing_records_the_state_and_the_time,
                a_retried_job_comes_back_after_its_delay,
                each_failed_attempt_is_kept_with_its_error,
                a_failed_job_is_kept_whole_and_not_fetched_again,
                a_snoozed_job_comes_back_with_its_attempt_given_back,
                a_released_job_is_there_at_once_with_its_attempt_given_back,
                a_released_job_keeps_its_turn,
                a_job_retried_without_a_delay_is_there_at_once_behind_those_that_wait,
                a_job_released_with_a_delay_comes_back_after_it,
                a_job_can_cancel_itself,
                settling_twice_is_lost,
                settling_one_lease_twice_in_a_batch_stores_the_first,
                an_old_token_settles_nothing,
                a_mixed_batch_is_answered_in_order,
                a_follow_up_is_stored_with_the_settlement,
                a_follow_up_of_a_lost_lease_is_not_stored,
                settling_nothing_is_fine,
            }
            exchange {
                an_exchange_settles_and_fetches,
                an_exchange_settles_before_it_fetches,
                an_exchange_on_the_callers_thread_does_the_same,
                an_exchange_is_always_on_the_callers_thread_or_never,
                a_lost_lease_does_not_stop_the_fetch,
                each_half_of_an_exchange_may_be_empty,
            }
            lease {
                renewing_keeps_a_lease_past_its_length,
                a_renewed_lease_runs_out_as_well,
                only_the_renewed_leases_are_kept,
                an_old_token_renews_nothing,
                renewing_tells_which_leases_are_lost,
                a_lease_that_ran_out_is_good_until_it_is_taken_back,
                a_lease_that_ran_out_can_be_renewed,
                a_lease_is_lost_once_the_job_is_taken_back,
                progress_travels_with_the_renewal,
                renewing_nothing_is_fine,
            }
            rescue {
                the_job_of_a_dead_worker_comes_back_within_45_s,
                a_rescue_counts_a_rescue_and_no_attempt,
                the_fifth_rescue_fails_the_job,
                how_many_rescues_a_job_has_is_a_setting,
                a_rescued_job_is_not_prefetched,
                a_rescued_job_behind_the_free_slots_is_not_prefetched,
                after_15_s_of_silence_nobody_rescues_for_15_s,
                a_renewal_after_the_silence_does_not_hide_it,
                a_renewal_ends_the_silence,
                rescues_are_bounded_by_the_batch,
            }
            schedule {
                a_delayed_job_is_not_fetched_before_it_is_due,
                a_job_for_a_later_time_is_fetched_then,
                a_past_time_is_now,
                a_job_far_ahead_waits,
                the_delivery_says_when_the_job_was_due,
                a_waiting_job_becomes_available_by_maintain,
                maintain_promotes_in_bounded_batches,
                maintain_says_when_the_next_job_is_due,
                a_retry_counts_as_the_next_due,
                maintaining_an_empty_store_is_fine,
            }
            prune {
                completed_and_cancelled_jobs_are_pruned_after_a_day,
                failed_jobs_are_pruned_after_seven_days,
                how_long_jobs_are_kept_is_a_setting,
                a_live_job_is_never_pruned,
                pruning_is_bounded_by_the_batch,
            }
            unique {
                a_duplicate_is_not_stored_and_answers_the_winner,
                another_key_is_no_duplicate,
                a_key_is_taken_in_every_queue,
                equal_keys_in_one_group_are_resolved_in_order,
                equal_keys_in_one_batch_are_resolved_in_order,
                a_repeated_push_of_an_ended_job_takes_no_key_in_its_batch,
                a_repeated_push_of_a_unique_job_is_no_duplicate,
                the_key_is_kept_while_the_job_lives,
                the_key_is_free_after_the_job_completed,
                the_key_is_free_after_the_job_failed,
                the_key_is_free_after_the_job_cancelled_itself,
                the_key_is_free_after_a_cancel,
                the_key_is_free_after_the_last_rescue,
                a_freed_key_belongs_to_the_next_winner,
                a_follow_up_may_have_the_key_of_the_job_that_ends,
                the_row_shows_the_key_while_the_job_lives,
                retrying_a_failed_job_takes_its_key_again,
                retrying_a_failed_job_whose_key_is_taken_names_the_winner,
            }
            cancel {
                a_waiting_job_is_cancelled_at_once,
                a_retryable_job_is_cancelled_at_once,
                a_running_job_goes_on_and_its_worker_is_told_by_the_renewal,
                a_cancelled_running_job_wakes_its_worker,
                a_running_job_can_be_cancelled_twice,
                an_outcome_that_would_run_again_is_stored_as_cancelled,
                an_outcome_that_ends_the_job_stays_what_it_is,
                a_cancel_survives_the_death_of_the_worker,
                a_terminal_job_cannot_be_cancelled,
                an_unknown_job_cannot_be_cancelled,
            }
            retry {
                a_failed_job_can_be_retried,
                a_cancelled_job_can_be_retried,
                a_retried_job_is_no_longer_to_be_cancelled,
                a_retry_keeps_the_history,
                a_retried_job_may_be_rescued_as_often_as_a_new_one,
                only_failed_and_cancelled_jobs_can_be_retried,
                many_jobs_are_retried_as_one_is,
                of_many_jobs_those_are_retried_that_the_filter_fits,
                of_many_jobs_all_are_retried_whatever_the_page,
                of_many_jobs_those_with_a_taken_key_are_refused,
                jobs_retried_together_wake,
                a_terminal_job_can_be_forgotten,
                a_live_job_cannot_be_forgotten,
            }
            pause {
                queues_lists_what_was_pushed_to,
                a_queue_exists_while_its_jobs_run,
                nothing_is_fetched_from_a_paused_queue,
                an_exchange_leaves_a_paused_queue_alone,
                pausing_and_resuming_twice_is_fine,
                a_queue_that_does_not_exist_yet_can_be_paused,
                pausing_and_resuming_wake_the_workers,
            }
            counts {
                jobs_are_counted_by_queue_and_state,
                counts_follow_the_jobs,
                the_age_of_the_oldest_available_job_is_told,
                a_paused_queue_is_counted_as_such,
                jobs_that_no_live_worker_serves_are_unserved,
                jobs_are_unserved_when_their_worker_has_stopped,
                only_waiting_jobs_are_unserved,
            }
            list {
                a_job_that_is_not_there_is_none,
                an_empty_filter_lists_all_by_id,
                states_are_filtered,
                kinds_queues_and_tags_are_filtered_together,
                a_page_has_its_size,
                pages_are_complete_and_without_repeats_while_jobs_are_added,
                the_newest_come_first_where_that_is_said,
                pages_in_both_orders_hold_every_job_once_to_the_end,
                a_page_goes_on_behind_an_id_that_no_job_has,
                rare_jobs_are_found_among_many,
            }
            filter {
                ids_are_filtered,
                what_is_left_out_does_not_fit,
                jobs_are_filtered_by_when_they_were_pushed,
                jobs_are_filtered_by_their_last_error,
                jobs_are_filtered_by_the_fields_of_their_payload,
                a_payload_that_is_gone_fits_no_field,
                conditions_of_every_sort_hold_together,
            }
            count {
                few_jobs_are_all_counted,
                the_page_of_a_filter_does_not_count,
                a_count_may_end_at_its_most,
            }
            many {
                many_are_cancelled_as_one_is,
                many_are_retried_as_one_is,
                many_are_forgotten_as_one_is,
                an_id_that_is_said_twice_is_answered_twice,
                of_many_retried_those_with_a_taken_key_name_the_winner,
                the_keys_of_many_that_are_cancelled_are_free,
                jobs_cancelled_together_wake_their_worker,
                jobs_retried_by_their_ids_wake,
                more_than_a_thousand_are_fine,
            }
            claim {
                an_available_job_is_claimed_as_by_a_fetch,
                a_job_that_is_not_yet_due_is_claimed,
                a_job_claimed_early_may_be_released_early,
                a_claim_counts_an_attempt_and_a_token_as_a_fetch_does,
                a_held_a_running_and_a_completed_job_cannot_be_claimed,
                a_paused_queue_is_no_obstacle,
                a_claimed_job_is_not_handed_out_again,
                of_many_claims_of_one_job_one_is_answered,
                a_claimed_job_comes_back_when_its_lease_runs_out,
                a_claimed_job_is_kept_by_renewals,
                a_claimed_job_can_be_cancelled_as_any_that_runs,
            }
            claim_ended {
                a_failed_or_a_cancelled_job_is_retried_for_its_claim,
                what_ended_a_job_is_forgotten_by_its_claim,
                a_claim_of_an_ended_job_takes_its_unique_key,
                a_claim_of_an_ended_job_whose_key_is_taken_names_the_winner,
                an_ended_job_that_is_claimed_is_available_to_nobody,
                an_ended_job_that_is_claimed_wakes_nobody,
            }
            workers {
                a_worker_that_renews_has_a_row,
                a_renewal_replaces_the_row,
                when_a_worker_was_seen_is_of_the_stores_clock,
                a_stopped_worker_has_no_row,
                the_kinds_of_a_worker_are_kept,
            }
            tell {
                a_worker_is_told_at_each_renewal_until_it_stops,
                only_the_named_workers_are_told,
                where_none_is_named_all_that_live_are_told,
                a_later_word_replaces_an_earlier_one,
                what_a_worker_is_told_changes_nothing_else,
            }
            wake {
                a_push_between_the_call_and_the_first_poll_wakes,
                a_push_wakes_who_waits,
                a_push_wakes_every_waiter,
                one_of_several_queues_is_enough,
                a_new_queue_wakes_the_workers_of_others,
                no_push_is_slept_over,
                a_job_that_becomes_due_wakes,
                a_released_job_wakes,
                a_follow_up_wakes,
                a_rescued_job_wakes,
                a_job_that_is_retried_by_hand_wakes,
                nothing_wakes_nobody,
                a_wake_that_is_dropped_loses_nothing,
            }
            content {
                a_payload_is_kept_byte_for_byte,
                a_payload_is_the_same_at_each_attempt,
                a_payload_of_the_largest_size_is_kept,
                names_of_kinds_and_queues_are_kept,
                names_of_excepted_kinds_are_no_patterns,
                names_of_tags_and_meta_are_kept,
                names_that_are_left_out_are_no_patterns,
                unique_keys_are_compared_letter_for_letter,
                errors_and_reasons_are_kept,
                names_of_cron_entries_are_kept_apart,
            }
            tick {
                a_tick_is_stored_once,
                other_times_and_entries_are_other_ticks,
                a_tick_twice_in_one_batch_is_stored_once,
                of_many_pushers_of_a_tick_one_stores,
                a_tick_is_kept_for_a_day_and_not_for_ever,
            }
            together {
                two_fetches_never_hand_out_one_job,
                of_fifty_pushes_of_one_key_one_is_stored,
                of_many_settlements_of_one_lease_one_is_stored,
                many_maintains_do_each_thing_once,
                every_job_completes_once_under_load,
            }
            shared {
                a_job_pushed_here_runs_there,
                two_handles_never_hand_out_one_job,
                the_job_of_a_dead_process_is_taken_over,
                a_renewal_there_keeps_the_lease_here,
                a_unique_key_is_taken_everywhere,
                a_repeated_push_there_stores_nothing_twice,
                a_push_here_wakes_there,
                a_cancel_here_reaches_the_worker_there,
                a_pause_here_is_in_force_there,
                a_worker_there_is_seen_here,
                a_word_here_reaches_the_worker_there,
                a_job_claimed_here_is_not_fetched_there,
                closing_one_handle_leaves_the_other,
            }
            durable {
                jobs_outlive_the_process,
                leases_outlive_the_process,
                unique_keys_outlive_the_process,
                a_pause_outlives_the_process,
            }
            transaction {
                a_transaction_of_another_store_is_refused,
                a_push_exists_when_its_transaction_commits,
                a_push_never_was_when_its_transaction_rolls_back,
                a_completion_stands_when_its_transaction_commits,
                a_completion_never_was_when_its_transaction_rolls_back,
                an_old_token_completes_nothing_in_a_transaction,
            }
            unsupported {
                a_unique_key_is_refused_by_who_knows_none,
                a_group_that_cannot_be_stored_whole_is_refused,
                without_priorities_jobs_keep_their_order,
                capabilities_agree_with_the_parts,
                the_driver_goes_by_the_clock_that_it_was_given,
            }
            close {
                a_handle_can_be_closed_twice,
                an_unused_handle_can_be_closed,
            }
        }
    };
}
