//! Memory engines beside one another. See `benches/README.md`.

mod cache;
mod hits;
mod memory;
mod ratios;
mod threads;

use std::alloc::System;

use larder_benches::Rounds;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    if memory::measure_one() {
        return;
    }
    let rounds = Rounds::from_args();
    hits::run(&rounds);
    if rounds.runs("two threads") {
        threads::print(rounds.is_quick());
    }
    if rounds.runs("hit ratio") {
        ratios::print(rounds.is_quick());
    }
    if rounds.runs("bytes for an entry") {
        memory::print_footprint(rounds.is_quick());
    }
    if rounds.runs("bytes for a response") {
        memory::print_whole(rounds.is_quick());
    }
    if rounds.runs("bytes held") {
        memory::print_bound(rounds.is_quick());
    }
}

/// Bytes in use by the whole process, as its allocator counts.
fn in_use() -> u64 {
    let stats = ALLOCATOR.stats();
    (stats.bytes_allocated - stats.bytes_deallocated) as u64
}

/// Bytes of memory that the process has.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0u64) * 4096
}
