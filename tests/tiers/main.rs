//! One suite for all shared stores: what [`EntryStore`](larder::shared::EntryStore) and
//! [`InvalidationLog`](larder::shared::InvalidationLog) say has to be so with each of them.
//!
//! A test is a function of a [`Stand`]; [`suite`] makes one of each for every store.

mod anchors;
mod born;
mod kit;
mod leases;
mod load;
mod log;
mod nodes;
mod restart;
mod rules;
mod stand;
mod stands;
mod values;

use stand::Stand;

macro_rules! suite {
    ($name:ident, $stand:ty, $flavour:tt) => {
        mod $name {
        suite!(@ $stand, $flavour, values [
            whoever_has_connected_can_reach_all_keys
            a_value_comes_back_to_all_nodes_byte_for_byte
            bytes_that_look_like_a_protocol_come_back
            what_was_never_stored_is_absent
            a_value_is_kept_as_long_as_it_says_and_no_longer
            a_value_may_be_kept_for_years
            a_later_value_replaces_an_earlier_one
            a_removed_value_is_absent_and_may_be_stored_again
            what_is_discarded_is_what_was_born_there_and_nothing_else
            who_fills_while_something_is_discarded_stores_what_he_fetched
        ]);
        suite!(@ $stand, $flavour, born [
            a_value_that_was_born_earlier_does_not_replace_a_later_one
            a_value_that_was_born_at_the_same_position_replaces_the_first
            births_are_compared_as_numbers_over_all_their_bits
            what_is_no_frame_is_replaced
            an_empty_value_kept_its_key_from_being_stored
            of_puts_at_once_the_one_that_was_born_last_stays
        ]);
        suite!(@ $stand, $flavour, rules [
            a_variant_stands_beside_its_rule_and_other_variants
            a_rule_stays_as_long_as_the_longest_of_its_variants
            a_variant_is_dropped_alone
            a_rule_is_dropped_alone
            a_variant_that_was_born_earlier_does_not_bring_its_rule
            a_rule_replaces_a_value_and_a_value_a_rule
        ]);
        suite!(@ $stand, $flavour, leases [
            a_lease_is_won_once
            whoever_comes_later_is_told_where_the_fill_is_born
            there_is_no_lease_where_a_value_stands_unless_it_is_wanted_anyway
            a_lease_is_of_one_variant
            a_lease_that_is_not_given_back_expires
            a_lease_is_given_back_with_a_value
            a_lease_that_failed_is_free_for_the_next
            another_token_gives_nothing_back
            a_value_that_is_outrun_gives_its_lease_back
            after_a_response_that_is_for_nobody_else_nobody_waits
            that_nobody_waits_is_forgotten_in_time
            a_lease_is_taken_over_from_the_token_that_is_named
            of_those_who_take_over_at_once_one_wins
            what_was_taken_over_is_not_given_back_by_the_former_holder
        ]);
        suite!(@ $stand, $flavour, log [
            a_new_log_is_empty
            records_are_read_by_all_nodes_in_the_order_of_their_positions
            records_come_back_byte_for_byte
            a_read_begins_after_its_position
            a_read_ends_at_its_limit_and_goes_on_from_there
            what_is_appended_after_an_append_returned_comes_later
            a_read_that_waits_is_woken_by_an_append
            a_read_that_finds_nothing_waits_as_long_as_it_may
            reads_that_wait_hold_nobody_up
            a_log_begins_at_the_time_of_the_store_and_may_follow_it
        ]);
        suite!(@ $stand, $flavour, anchors [
            a_record_that_is_there_is_an_anchor_and_no_other_position_is
            a_read_after_a_record_that_was_trimmed_is_not_anchored
            a_deleted_log_has_no_anchor_and_no_records
            a_flushed_store_has_nothing
            a_wait_during_which_the_log_is_deleted_does_not_end_anchored
        ]);
        suite!(@ $stand, $flavour, restart [
            a_new_log_begins_at_the_present_time
            what_comes_after_a_restart_is_above_it_though_it_is_ahead_of_the_clock
            a_log_that_has_gone_on_is_not_restarted
            of_restarts_at_once_one_wins
            a_deleted_log_goes_on_above_what_was_read
        ]);
        suite!(@ $stand, $flavour, nodes [
            nodes_know_of_one_another_and_how_far_each_has_read
            a_node_that_announces_itself_no_more_is_gone
        ]);
        suite!(@ $stand, $flavour, load [
            ten_thousand_keys_hold_each_its_own_value
            large_values_come_back
            gets_that_are_dropped_do_no_harm_to_others
            puts_and_waits_that_are_dropped_do_no_harm_to_others
        ]);
        }
    };
    (@ $stand:ty, paused, $module:ident [$($test:ident)*]) => {
        mod $module {
            $(#[tokio::test(start_paused = true)]
            async fn $test() {
                crate::$module::$test(&<$stand as crate::Stand>::set_up().await.unwrap()).await;
            })*
        }
    };
    (@ $stand:ty, real, $module:ident [$($test:ident)*]) => {
        mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(stand) = <$stand as crate::Stand>::set_up().await {
                    crate::$module::$test(&stand).await;
                }
            })*
        }
    };
}

suite!(fake, crate::stands::OnFake, paused);
suite!(redis, crate::stands::OnRedis, real);
suite!(valkey, crate::stands::OnValkey, real);
suite!(cluster, crate::stands::OnCluster, real);
suite!(memcached, crate::stands::OnMemcached, real);
