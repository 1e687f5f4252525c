//! A look at everything that is stored, and what others can do meanwhile.

use std::thread;
use std::time::{Duration, Instant};

use http::Method;
use larder::{Cache, Purge};
use larder_benches::{poll_once, request, watch};

use crate::responses::{fill, large, path_of, quantile, service, tagged};

pub fn print(quick: bool) {
    let stored = if quick { 1_000 } else { 1_000_000 };
    println!("\n| a sweep of {stored} stored responses | |\n|---|---:|");
    alone(stored);
    meanwhile(stored, if quick { 100 } else { 200_000 });
}

/// So few purges may be remembered that whoever purges has to sweep.
fn alone(stored: u64) {
    let cache = Cache::builder().max_bytes(16 << 30).max_purge_records(1);
    let cache = cache.build();
    fill(&service(&cache, tagged(10)), stored);
    let time = (0..3).map(|turn| sweep(&cache, turn)).min();
    let time = time.unwrap_or_default().as_millis();
    println!("| by itself, ms | {time} |");
}

fn sweep(cache: &Cache, turn: u64) -> Duration {
    let start = watch();
    cache.purge(Purge::any_tag(
        (0..10).map(|tag| format!("many:{turn}:{tag}")),
    ));
    watch() - start
}

/// In the background, as it is nearly always.
fn meanwhile(stored: u64, turns: u64) {
    let cache = large();
    let service = service(&cache, tagged(10));
    fill(&service, stored);
    let start = Instant::now();
    cache.purge(Purge::any_tag((0..2_000).map(|tag| format!("many:{tag}"))));
    let (mut hits, mut purges) = (Vec::new(), Vec::new());
    for turn in 0..turns {
        let asked = request(Method::GET, &path_of(turn * 7_919 % stored));
        let before = Instant::now();
        assert_eq!(poll_once(&service, asked), 200);
        hits.push(before.elapsed().as_nanos() as u64);
        let before = Instant::now();
        cache.purge(Purge::tag("same"));
        purges.push(before.elapsed().as_nanos() as u64);
    }
    let going_on = cache.stats().purge_records() > 1_000;
    while cache.stats().purge_records() > 1_000 {
        thread::yield_now();
    }
    println!(
        "| in the background, at most, ms | {} |",
        start.elapsed().as_millis()
    );
    println!("| still going on after {turns} hits and purges | {going_on} |");
    for (name, times) in [("a hit", &mut hits), ("a purge", &mut purges)] {
        let [median, nearly, most] = [0.5, 0.99, 1.0].map(|part| quantile(times, part));
        println!("| {name} meanwhile, ns: median, 99 %, longest | {median}, {nearly}, {most} |");
    }
}
