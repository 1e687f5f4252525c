//! Hundreds of random schedules of requests, changes, purges and faults on several nodes, in virtual time,
//! each checked against what a fleet promises.
//!
//! A schedule follows from its seed alone. `LARDER_SIM_SEED=7` runs that one in each test, and
//! `LARDER_SIM_SCHEDULES=10000` so many, from that seed on if there is one:
//!
//! ```sh
//! LARDER_SIM_SEED=7 cargo nextest run -p larder-tests --test fleet random
//! ```

mod oracle;
mod story;
mod trouble;
mod world;

use std::env;
use std::time::Duration;

use larder::SharedSettings;
use story::Story;
use trouble::Trouble;
use world::World;

const SCHEDULES: u64 = 40;

#[test]
fn nodes_whose_links_fail_keep_the_promises() {
    run(&[Trouble::Links], SharedSettings::fail_closed);
}

#[test]
fn nodes_whose_links_fail_and_that_go_on_for_a_while_keep_the_promises() {
    let open = |settings: SharedSettings| settings.fail_open(Duration::from_secs(5));
    run(&[Trouble::Links], open);
}

#[test]
fn nodes_whose_store_loses_and_damages_values_keep_the_promises() {
    run(
        &[Trouble::Values, Trouble::Links],
        SharedSettings::fail_closed,
    );
}

#[test]
fn nodes_whose_log_loses_records_keep_the_promises() {
    run(&[Trouble::Log], SharedSettings::fail_closed);
}

#[test]
fn nodes_that_meet_everything_at_once_keep_the_promises() {
    let all = [Trouble::Links, Trouble::Values, Trouble::Log];
    run(&all, SharedSettings::fail_closed);
}

#[test]
fn nodes_that_remember_few_purges_keep_the_promises() {
    let few = |settings: SharedSettings| {
        let settings = settings.fail_closed().max_known_purges(3);
        settings.max_queued_purges(4)
    };
    run(&[Trouble::Links, Trouble::Log], few);
}

fn run(troubles: &[Trouble], settings: impl Fn(SharedSettings) -> SharedSettings) {
    let number = |name| env::var(name).ok().map(|set| set.parse::<u64>().unwrap());
    let first = number("LARDER_SIM_SEED");
    let count =
        number("LARDER_SIM_SCHEDULES").unwrap_or(if first.is_some() { 1 } else { SCHEDULES });
    let first = first.unwrap_or(0);
    for seed in first..first + count {
        let settings = settings(SharedSettings::new());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let story = Story::default();
        let schedule = World::run(seed, troubles, settings, story.clone());
        let told = std::panic::AssertUnwindSafe(|| runtime.block_on(schedule));
        if let Err(panic) = std::panic::catch_unwind(told) {
            eprintln!("{}the schedule of seed {seed} failed", story.text());
            std::panic::resume_unwind(panic);
        }
    }
}
