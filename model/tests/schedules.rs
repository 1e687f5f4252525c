//! Each model under many schedules.

use std::fs;
use std::path::Path;

use larder_model::{check, models};

#[test]
fn requests_meet_on_one_flight_and_none_is_left_waiting() {
    let seen = ["finished for others", "full", "lost", "replaced", "told"];
    check(models::flights, &seen);
}

#[test]
fn one_of_those_who_lost_their_leader_leads_next() {
    check(models::election, &[]);
}

#[test]
fn readers_get_the_whole_body_in_order_and_its_end() {
    let seen = [
        "body failed",
        "cut",
        "deserted",
        "failed",
        "joined",
        "left by all",
        "merged",
        "no room",
        "over budget",
        "refused",
        "stored",
        "too large",
        "trailers",
        "waited for the whole",
        "waited in vain",
    ];
    check(models::bodies, &seen);
}

#[test]
fn stalled_reader_is_cut_off_once_and_holds_back_nobody_any_more() {
    check(models::stall, &["cut", "no room"]);
}

#[test]
fn pump_learns_that_nobody_reads_any_more() {
    check(
        models::desertion,
        &["joined at the last moment", "refused", "waited in vain"],
    );
}

#[test]
fn body_that_somebody_joins_moves_on_without_its_first_client() {
    check(models::release, &["stopped reading"]);
}

#[test]
fn reservations_never_exceed_the_limit_and_are_given_back() {
    check(models::reservations, &["refused"]);
}

#[test]
fn requests_for_one_response_share_a_fill_whatever_goes_wrong() {
    let seen = [
        "alone",
        "body failed",
        "body panicked",
        "deserted",
        "dropped with its client",
        "failed",
        "finished without its client",
        "followed",
        "found when it led",
        "full",
        "handler failed",
        "handler panicked",
        "hit",
        "left by all",
        "not for others",
        "overtaken",
        "panicked for its client",
        "purged",
        "refused",
        "stored",
        "too large",
    ];
    check(models::fills, &seen);
}

#[test]
fn purge_that_returned_stays_done_and_hits_nothing_else() {
    let seen = [
        "dead",
        "forgotten",
        "given up",
        "held",
        "live",
        "not stored",
        "purged",
        "stale",
        "stored",
        "swept",
    ];
    check(models::purges, &seen);
}

/// What they took elsewhere the checker would not see.
#[test]
fn files_of_the_core_take_locks_and_atomics_only_from_the_shim() {
    let core = Path::new("../crates/larder/src");
    let folders = ["buffer", "stamps"].map(|folder| core.join(folder));
    let files = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder of the core"));
    let files = files.map(|file| file.expect("a file of the core").path());
    let others = ["body_error.rs", "flights.rs", "names.rs"].map(|file| core.join(file));
    let files = files.chain(others);
    let mut seen = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("a file of the core");
        for line in text.lines() {
            let elsewhere = ["std::sync", "std::thread", "tokio::"];
            let takes = elsewhere.iter().any(|path| line.contains(path));
            // A map without locks, and what is set once, change in one step.
            let harmless = ["use std::sync::Arc;", "use std::sync::{Arc, OnceLock};"];
            assert!(
                !takes || harmless.contains(&line),
                "{}: {line}",
                file.display()
            );
        }
        seen += 1;
    }
    assert!(seen > 10);
}
