//! Thousands of random schedules of requests, failures and purges, in virtual time, each checked
//! against the cache's promises.
//!
//! A schedule follows from its seed alone. `LARDER_SIM_SEED=7` runs that one in each test, and
//! `LARDER_SIM_SCHEDULES=10000` so many, from that seed on if there is one:
//!
//! ```sh
//! LARDER_SIM_SEED=7 cargo nextest run -p larder-tests --test simulation purges
//! ```

mod asks;
mod body;
mod bounds;
mod checks;
mod clients;
mod content;
mod exchange;
mod fate;
mod handlers;
mod limits;
mod moment;
mod origin;
mod plan;
mod purges;
mod says;
mod schedule;
mod settings;
mod sight;
mod themes;
mod world;

use std::env;

use themes::Theme;

#[test]
fn calm_schedules_keep_the_promises() {
    run(themes::CALM);
}

#[test]
fn crowded_schedules_keep_the_promises() {
    run(themes::CROWDED);
}

#[test]
fn schedules_with_a_failing_origin_keep_the_promises() {
    run(themes::FAILING);
}

#[test]
fn schedules_with_a_slow_origin_keep_the_promises() {
    run(themes::SLOW);
}

#[test]
fn schedules_with_breaking_bodies_keep_the_promises() {
    run(themes::BREAKING);
}

#[test]
fn schedules_with_large_bodies_keep_the_promises() {
    run(themes::LARGE);
}

#[test]
fn schedules_with_writes_keep_the_promises() {
    run(themes::WRITES);
}

#[test]
fn schedules_with_clears_keep_the_promises() {
    run(themes::CLEARS);
}

#[test]
fn schedules_with_purges_keep_the_promises() {
    run(themes::PURGES);
}

#[test]
fn schedules_with_soft_purges_keep_the_promises() {
    run(themes::SOFT);
}

#[test]
fn schedules_with_leaving_clients_keep_the_promises() {
    run(themes::LEAVING);
}

#[test]
fn schedules_with_small_limits_keep_the_promises() {
    run(themes::LIMITED);
}

#[test]
fn schedules_with_everything_keep_the_promises() {
    run(themes::EVERYTHING);
}

#[test]
fn same_seed_gives_the_same_schedule() {
    for seed in 0..20 {
        let [first, second] = [0, 1].map(|_| schedule::run(themes::EVERYTHING, seed));
        let differ = first
            .log
            .lines()
            .zip(second.log.lines())
            .find(|(a, b)| a != b);
        assert_eq!(differ, None, "seed {seed}");
    }
}

fn run(theme: Theme) {
    let number = |name| {
        env::var(name)
            .ok()
            .map(|value| value.parse::<u64>().unwrap())
    };
    let (seed, schedules) = (number("LARDER_SIM_SEED"), number("LARDER_SIM_SCHEDULES"));
    let usual = if seed.is_some() { 1 } else { SCHEDULES };
    let first = seed.unwrap_or(0);
    for seed in first..first + schedules.unwrap_or(usual) {
        let outcome = schedule::run(theme, seed);
        assert!(
            outcome.failures.is_empty(),
            "{}\n{} broke a promise; again with LARDER_SIM_SEED={seed}:\n{}",
            outcome.log,
            theme.name,
            outcome.failures.join("\n"),
        );
    }
}

/// In each test.
const SCHEDULES: u64 = 250;
