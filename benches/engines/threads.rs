//! Two threads beside one, on distinct keys and on one key.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use larder_engines::{Kind, Store, key_of};

use crate::hits::filled;

pub fn print(quick: bool) {
    let (entries, reads, rounds) = if quick {
        (100, 100, 1)
    } else {
        (10_000, 50_000, 21)
    };
    println!("\n| two threads, × the reads of one | distinct keys | one key |");
    println!("|---|---:|---:|");
    for kind in Kind::ALL {
        let store = filled(kind, entries);
        let distinct = scaling(&*store, rounds, reads, |thread, read| {
            thread + 2 * (read % 5_000)
        });
        let same = scaling(&*store, rounds, reads, |_, _| 0);
        println!("| {} | {distinct:.2} | {same:.2} |", kind.name());
    }
}

/// The median of the rounds.
fn scaling(store: &dyn Store, rounds: usize, reads: u64, pick: fn(u64, u64) -> u64) -> f64 {
    let mut ratios: Vec<f64> = (0..rounds)
        .map(|_| {
            let one = time(store, 1, reads, pick);
            let two = time(store, 2, reads, pick);
            2.0 * one.as_secs_f64() / two.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[rounds / 2]
}

fn time(store: &dyn Store, threads: u64, reads: u64, pick: fn(u64, u64) -> u64) -> Duration {
    let start = Barrier::new(threads as usize);
    let run = |thread| {
        start.wait();
        let begun = Instant::now();
        for read in 0..reads {
            std::hint::black_box(store.get(&key_of(pick(thread, read))));
        }
        begun.elapsed()
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn({
                    let run = &run;
                    move || run(thread)
                })
            })
            .collect();
        let times = running
            .into_iter()
            .map(|thread| thread.join().expect("it reads"));
        times.max().unwrap_or_default()
    })
}
