//! Random choices. They are part of a schedule, so that a replay makes them again.

use shuttle::future::yield_now;
use shuttle::rand::{Rng, thread_rng};

/// A number from 0 on, below this one.
pub(crate) fn below(end: usize) -> usize {
    thread_rng().gen_range(0..end)
}

pub(crate) fn one_in(times: usize) -> bool {
    below(times) == 0
}

/// Lets others go on, at most so many times.
pub(crate) async fn linger(most: usize) {
    for _ in 0..below(most + 1) {
        yield_now().await;
    }
}
