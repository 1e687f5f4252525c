//! Runs schedules.

use std::env;

use tokio::runtime::Builder;

use crate::counts::Counts;
use crate::mistake::Mistake;
use crate::world::World;

/// What schedules found.
#[derive(Debug, Default)]
pub struct Found {
    /// All of them together.
    pub counts: Counts,
    /// How often something was served, or a purge that was old enough was looked for.
    pub serves: u64,
    /// The seed of each schedule that broke a promise, and how.
    pub violations: Vec<(u64, String)>,
}

/// So many, unless the variable `LARDER_MODEL_SCHEDULES` says otherwise.
fn schedules(few: u64) -> u64 {
    let number = env::var("LARDER_MODEL_SCHEDULES").ok();
    let number = number.map(|number| number.parse().expect("a number of schedules"));
    number.unwrap_or(few)
}

/// The seeds of so many schedules, or the one in the variable `LARDER_MODEL_SEED`.
///
/// # Panics
///
/// When that is no number.
#[must_use]
pub fn seeds(few: u64) -> std::ops::Range<u64> {
    let seed = env::var("LARDER_MODEL_SEED").ok();
    let seed = seed.map(|seed| seed.parse().expect("a seed"));
    seed.map_or(0..schedules(few), |seed: u64| seed..seed + 1)
}

/// Runs the schedules of these seeds, up to so many violations.
///
/// # Panics
///
/// When there is no runtime to be had.
pub fn run(seeds: impl Iterator<Item = u64>, mistake: Mistake, enough: usize) -> Found {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let mut found = Found::default();
    for seed in seeds {
        if found.violations.len() >= enough {
            break;
        }
        let (counts, ended) = runtime.block_on(one(seed, mistake));
        found.counts.add(&counts);
        found.serves = found.counts.serves();
        if let Err(violation) = ended {
            found.violations.push((seed, violation));
        }
    }
    found
}

/// Within the runtime: the clock is its own.
async fn one(seed: u64, mistake: Mistake) -> (Counts, Result<(), String>) {
    let mut world = World::new(seed, mistake);
    world.trace = env::var_os("LARDER_MODEL_TRACE").is_some();
    let ended = world.run().await;
    (world.counts, ended)
}

impl World {
    async fn run(&mut self) -> Result<(), String> {
        let steps = self.rng.usize(50..600);
        for _ in 0..steps {
            self.step().await?;
        }
        self.end().await
    }
}
