//! Letting tasks run without waiting for time to pass.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::task::yield_now;

/// Lets the other tasks of a runtime with one thread run until each of them waits.
pub async fn settle() {
    // Each round may wake the next: none of the tests needs more than a few.
    for _ in 0..64 {
        yield_now().await;
    }
}

/// What a future gives once all tasks wait, if it gives anything.
pub async fn settled<T>(future: impl Future<Output = T>) -> Option<T> {
    settle().await;
    let mut cx = Context::from_waker(Waker::noop());
    match pin!(future).as_mut().poll(&mut cx) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
