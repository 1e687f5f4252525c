//! Runs a model under many schedules, or once more under one that failed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::env;

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, Runner};

/// Runs a model under so many random schedules, and as many with few preemptions, which find what
/// takes one long pause. All that the model is to come across must have been seen in one of them: a
/// model that never gets there proves nothing.
///
/// A failure prints its schedule; with that in the variable `SCHEDULE` the model runs once, under
/// it. The variable `SCHEDULES` sets another number of schedules.
///
/// # Panics
///
/// When the model does, or tasks wait for each other, or something has not been seen.
pub fn check(model: fn(), to_be_seen: &[&str]) {
    if let Ok(schedule) = env::var("SCHEDULE") {
        return run(ReplayScheduler::new_from_encoded(&schedule), model);
    }
    let number = env::var("SCHEDULES").ok();
    let number = number.map(|number| number.parse().expect("a number of schedules"));
    let schedules = number.unwrap_or(SCHEDULES);
    SEEN.take();
    run(RandomScheduler::new(schedules), model);
    run(PctScheduler::new(PREEMPTIONS, schedules), model);
    let seen = SEEN.take();
    let missing: Vec<_> = to_be_seen
        .iter()
        .filter(|what| !seen.contains(*what))
        .collect();
    assert!(
        number.is_some() || missing.is_empty(),
        "never seen: {missing:?}"
    );
}

/// The model came across this.
pub(crate) fn seen(what: &'static str) {
    SEEN.with_borrow_mut(|seen| seen.insert(what));
}

fn run(scheduler: impl Scheduler + 'static, model: fn()) {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    // The checker takes every order for the strictest. The only relaxed ones are those of a sum.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(model);
}

thread_local! {
    /// All tasks of a model run on the thread of its test.
    static SEEN: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// Of each kind.
const SCHEDULES: usize = 2_000;
const PREEMPTIONS: usize = 3;
/// Of each task.
const STACK_BYTES: usize = 256 << 10;
