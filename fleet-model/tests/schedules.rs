//! Many schedules of the protocol, and of each mistake in it.
//!
//! A few thousand run each time; `LARDER_MODEL_SCHEDULES=200000 cargo test --release -p larder-fleet-model
//! nothing -- --nocapture` runs more, and `LARDER_MODEL_SEED` one, which `LARDER_MODEL_TRACE=1` shows.

use larder_fleet_model::{Mistake, run, seeds};

#[test]
fn nothing_is_served_as_fresh_that_was_purged_and_all_nodes_come_to_agree() {
    let found = run(seeds(1_500), Mistake::None, 12);
    println!("{} serves, {:?}", found.serves, found.counts);
    for (seed, how) in &found.violations {
        println!("{seed}: {how}\n");
    }
    assert!(
        found.violations.is_empty(),
        "{} violations",
        found.violations.len()
    );
    let counts = found.counts;
    for seen in [
        counts.followed,
        counts.from_store,
        counts.hits,
        counts.not_stored,
        counts.sent_away,
        counts.stale,
    ] {
        assert!(seen > 0, "a model that never gets there proves nothing");
    }
}

/// What this many schedules do not tell nobody is told.
const ENOUGH: u64 = 4_000;

fn tells(mistake: Mistake) {
    let found = run(0..ENOUGH, mistake, 1);
    for (seed, how) in &found.violations {
        println!("{mistake:?}, schedule {seed}: {how}");
    }
    assert!(!found.violations.is_empty(), "nobody noticed {mistake:?}");
}

#[test]
fn a_stamp_that_is_taken_when_the_fill_ends() {
    tells(Mistake::BornAtTheEnd);
}

#[test]
fn purges_that_only_those_hear_who_are_connected() {
    tells(Mistake::NoReplay);
}

#[test]
fn clocks_of_nodes_in_place_of_positions() {
    tells(Mistake::WallClocks);
}

#[test]
fn own_purges_that_others_do_not_know_of_and_that_count_as_known() {
    tells(Mistake::OwnPendingIgnored);
}

#[test]
fn own_purges_that_never_count_as_told() {
    tells(Mistake::OwnNeverTold);
}

#[test]
fn own_purges_that_are_applied_once_more() {
    tells(Mistake::OwnTwice);
}

#[test]
fn records_that_are_passed_over() {
    tells(Mistake::SkipKeepsAll);
}

#[test]
fn a_log_that_went_back_and_is_read_on() {
    tells(Mistake::NoRestart);
}

#[test]
fn lost_purges_that_are_not_appended_again() {
    tells(Mistake::NotSentAgain);
}

#[test]
fn a_log_that_grew_again_and_is_taken_for_the_same() {
    tells(Mistake::AnchorIgnored);
}

#[test]
fn purges_that_count_as_applied_before_they_are() {
    tells(Mistake::PublishedFirst);
}

#[test]
fn waiters_that_take_what_was_begun_before_they_came() {
    tells(Mistake::WaitersTakeAll);
}

#[test]
fn a_node_that_hears_nothing_and_does_not_mind() {
    tells(Mistake::Trustful);
}

#[test]
fn what_was_stored_before_the_log_was_first_read() {
    tells(Mistake::BeginKeepsAll);
}

#[test]
fn records_that_are_few_and_taken_for_all() {
    tells(Mistake::EndByCount);
}

#[test]
fn what_was_begun_long_ago_and_is_taken_for_news() {
    tells(Mistake::StreamsTrusted);
}
