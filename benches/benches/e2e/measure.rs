//! Rounds: each runs every case once.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::case::{Case, Cases, is_ours};
use crate::load::{self, Load};
use crate::options::Options;

/// What one case took in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) load: Load,
    /// Of the server, in µs: what a request takes, and a million in seconds.
    pub(crate) processor: f64,
    /// How many processors the load generator kept busy.
    pub(crate) generator: f64,
}

/// For each length of the body and each case what it took in each round.
pub(crate) type Results = Vec<Vec<Vec<Measured>>>;

/// Runs all rounds.
pub(crate) async fn rounds(options: &Options, sizes: &[Cases]) -> Result<Results, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let time = Duration::from_secs(options.seconds);
    check(sizes).await?;
    let (second, folder) = (Duration::from_secs(1), folder.path());
    for Case { name, server, .. } in sizes.iter().flat_map(|cases| &cases.cases) {
        // Threads, connections and memory are there when it counts.
        let looks = is_ours(name);
        let load = load::run(options, server.addr(), second, looks, folder).await?;
        if load.misses > 0 {
            let Load {
                requests, misses, ..
            } = load;
            return Err(format!("{name}: {misses} of {requests} are no hits"));
        }
    }
    let of_size = |cases: &Cases| vec![Vec::with_capacity(options.rounds); cases.cases.len()];
    let mut results: Results = sizes.iter().map(of_size).collect();
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        for (cases, results) in sizes.iter().zip(&mut results) {
            // Each case follows each other one in some round.
            let count = cases.cases.len();
            for turn in 0..count {
                let at = (turn + round) % count;
                let case = &cases.cases[at];
                results[at].push(run(options, cases, case, time, folder).await?);
            }
        }
    }
    check(sizes).await?;
    Ok(results)
}

async fn check(sizes: &[Cases]) -> Result<(), String> {
    for cases in sizes {
        cases.check().await?;
    }
    Ok(())
}

async fn run(
    options: &Options,
    cases: &Cases,
    case: &Case,
    time: Duration,
    folder: &Path,
) -> Result<Measured, String> {
    let (server, generator) = (case.server.processor_time(), of_children());
    let (behind, start) = (cases.app.processor_time(), Instant::now());
    let load = load::run(options, case.server.addr(), time, false, folder).await?;
    let (elapsed, behind) = (start.elapsed(), cases.app.processor_time() - behind);
    let server = case.server.processor_time() - server;
    let generator = of_children() - generator;
    // Now and then a stored response has become stale.
    if case.is_in_front && behind * 20 > server.max(Duration::from_millis(400)) {
        return Err(format!("{} asks the application: {behind:?}", case.name));
    }
    Ok(Measured {
        load,
        processor: server.as_secs_f64() * 1e6 / load.requests as f64,
        generator: generator.as_secs_f64() / elapsed.as_secs_f64(),
    })
}

/// The processor time of children that have ended, which all generators have and no server has.
fn of_children() -> Duration {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return Duration::ZERO;
    };
    let after_name = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let of_children = after_name.split_whitespace().skip(13).take(2);
    let ticks: u64 = of_children
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    let second = rustix::param::clock_ticks_per_second() as f64;
    Duration::from_secs_f64(ticks as f64 / second)
}
