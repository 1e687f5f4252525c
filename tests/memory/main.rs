//! What many purges leave behind, counted by the allocator of the process. In a release build there are
//! ten million of each kind: `cargo test --release -p larder-tests --test memory`.

mod bound;
mod buffers;
mod forgotten;
mod scene;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Ten million, and fewer where each takes ten times as long.
const MANY: u64 = if cfg!(debug_assertions) {
    100_000
} else {
    10_000_000
};

/// Bytes in use by the whole process.
fn in_use() -> i64 {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}
