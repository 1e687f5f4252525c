//! Many schedules of the protocol, and of each mistake in it.

use larder_fleet_model::{Mistake, run, seeds};

#[test]
fn nothing_is_served_as_fresh_that_was_purged() {
    let found = run(seeds(2_000), Mistake::None, 12);
    println!("{:?}", found.counts);
    for (seed, how) in &found.violations {
        println!("{seed}: {how}\n");
    }
    assert!(
        found.violations.is_empty(),
        "{} violations",
        found.violations.len()
    );
}
