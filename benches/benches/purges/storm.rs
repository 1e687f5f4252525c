//! Hits while another thread purges a hundred thousand times a second.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Method, Request};
use larder::{Cache, Purge};
use larder_benches::{poll_once, request, watch};

use crate::responses::{fill, large, path_of, quantile, service, tagged};

/// What is purged: never a tag that a response has, so all stay hits.
#[derive(Clone, Copy)]
enum Storm {
    None,
    /// Another tag each time.
    Distinct,
    /// A few tags, again and again.
    Hot,
}

pub fn print(quick: bool) {
    let (rounds, round) = if quick { (1, 1) } else { (21, 100) };
    println!("\n| hits in a storm | a hit, ns | throughput, × | purges a second |");
    println!("|---|---:|---:|---:|");
    for stored in [1, if quick { 100 } else { 10_000 }] {
        let cache = large();
        let service = service(&cache, tagged(10));
        fill(&service, stored);
        let mut path = paths(stored);
        let mut hits = |time| hits_for(time, &mut path, |request| poll_once(&service, request));
        let mut times = [const { Vec::new() }; 3];
        let mut ratios = [const { Vec::new() }; 3];
        let mut rates = [const { Vec::new() }; 3];
        for _ in 0..rounds {
            for (at, storm) in [Storm::None, Storm::Distinct, Storm::Hot]
                .into_iter()
                .enumerate()
            {
                let (hit, rate) = during(&cache, storm, || hits(Duration::from_millis(round)));
                times[at].push(hit);
                ratios[at].push(
                    times[0]
                        .last()
                        .map_or(0, |alone| alone * 1_000 / hit.max(1)),
                );
                rates[at].push(rate);
            }
        }
        let names = ["no purges", "tags, each another", "100 tags"];
        for (at, name) in names.into_iter().enumerate() {
            let [hit, ratio, rate] = [&mut times[at], &mut ratios[at], &mut rates[at]]
                .map(|values| quantile(values, 0.5));
            let ratio = ratio as f64 / 1_000.0;
            println!("| {stored} stored, {name} | {hit} | {ratio:.2} | {rate} |");
        }
    }
}

/// Nanoseconds for each hit, and how many purges a second there were meanwhile.
fn during(cache: &Cache, storm: Storm, hits: impl FnOnce() -> u64) -> (u64, u64) {
    let (stop, purged) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        if !matches!(storm, Storm::None) {
            scope.spawn(|| purge_until(&stop, cache, storm, &purged));
            while purged.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
        }
        let (start, before) = (Instant::now(), purged.load(Ordering::Relaxed));
        let time = hits();
        let count = purged.load(Ordering::Relaxed) - before;
        let rate = count as f64 / start.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        (time, rate as u64)
    })
}

fn purge_until(stop: &AtomicBool, cache: &Cache, storm: Storm, purged: &AtomicU64) {
    let (start, mut done) = (Instant::now(), 0);
    while !stop.load(Ordering::Relaxed) {
        let due = (start.elapsed().as_secs_f64() * RATE) as u64;
        while done <= due {
            done += 1;
            cache.purge(Purge::tag(tag(storm)));
            purged.fetch_add(1, Ordering::Relaxed);
        }
        thread::sleep(Duration::from_micros(50));
    }
}

fn tag(storm: Storm) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    match storm {
        Storm::Hot => format!("hot:{}", next % 100),
        _ => format!("new:{next}"),
    }
}

/// Asks for so long. Nanoseconds for each.
fn hits_for(
    time: Duration,
    path: &mut impl FnMut() -> String,
    mut hit: impl FnMut(Request<Body>) -> usize,
) -> u64 {
    let (start, mut spent, mut count) = (Instant::now(), Duration::ZERO, 0);
    while start.elapsed() < time {
        let asked: Vec<_> = (0..64).map(|_| request(Method::GET, &path())).collect();
        count += asked.len() as u64;
        let begun = watch();
        for request in asked {
            assert_eq!(hit(request), 200);
        }
        spent += watch() - begun;
    }
    spent.as_nanos() as u64 / count.max(1)
}

fn paths(stored: u64) -> impl FnMut() -> String {
    let mut state = 1_u64;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        path_of((state >> 33) % stored)
    }
}

const RATE: f64 = 100_000.0;
