//! An inner body: its pieces come when they come, and wake whoever asked last.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::chance::{below, linger};
use crate::runtime::Handle;
use crate::shim::{Mutex, lock};

/// How many pieces have come and have not been taken.
pub(super) struct Feed {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ready: usize,
    waker: Option<Waker>,
}

impl Feed {
    /// So many pieces to come, one after the other, or all at once.
    pub(super) fn start(runtime: &Handle, pieces: usize) -> Arc<Self> {
        let feed = Arc::new(Self {
            state: Mutex::default(),
        });
        let sender = Arc::clone(&feed);
        let pause = [0, 3, 12][below(3)];
        runtime.spawn(async move {
            for _ in 0..pieces {
                linger(pause).await;
                sender.send();
            }
        });
        feed
    }

    fn send(&self) {
        let mut state = lock(&self.state);
        state.ready += 1;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }

    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if let Some(ready) = state.ready.checked_sub(1) {
            state.ready = ready;
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
