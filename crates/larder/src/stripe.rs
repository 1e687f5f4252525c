//! What is written at each request has a place for each thread, or few threads share one: processors
//! that write to one place wait for one another.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of places.
pub(crate) const STRIPES: usize = 16;

/// The one of this thread.
#[inline]
pub(crate) fn mine() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
    }
    MINE.try_with(|mine| *mine).unwrap_or(0)
}
