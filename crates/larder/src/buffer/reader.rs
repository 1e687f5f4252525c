//! [`Reader`]: reads a body that is arriving, from its first byte and at its own pace.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http_body::SizeHint;

use crate::buffer::state::{End, Found, Next, State};
use crate::shim::{Mutex, lock};

/// One that reads the body from its first byte, at its own pace.
#[derive(Debug)]
pub(crate) struct Reader {
    state: Arc<Mutex<State>>,
    place: usize,
    /// Trailers or an error have been handed on: nothing comes after them.
    ended: bool,
}

impl Reader {
    /// At this place among the readers.
    pub(crate) fn new(state: Arc<Mutex<State>>, place: usize) -> Self {
        Self {
            state,
            place,
            ended: false,
        }
    }

    /// The next frame, or `None` after the last.
    pub(crate) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Next> {
        if self.ended {
            return Poll::Ready(None);
        }
        let mut state = lock(&self.state);
        let found = state.find(self.place, &mut self.ended);
        if found.is_none() {
            state.wait(self.place, cx.waker());
        }
        drop(state);
        found.map_or(Poll::Pending, |found| Poll::Ready(found.hand_on()))
    }

    /// The next frame if it is there, without waiting for it.
    pub(crate) fn take_next(&mut self) -> Option<Next> {
        if self.ended {
            return Some(None);
        }
        let found = lock(&self.state).find(self.place, &mut self.ended);
        found.map(Found::hand_on)
    }

    /// Waits, without reading, until the body has ended. `false`: it will not be kept.
    pub(crate) fn poll_ended(&self, cx: &Context<'_>) -> Poll<bool> {
        let mut state = lock(&self.state);
        match state.end {
            _ if !state.whole => Poll::Ready(false),
            Some(End::Failed(_)) => Poll::Ready(false),
            Some(End::Clean(_)) => Poll::Ready(true),
            None => {
                state.wait(self.place, cx.waker());
                Poll::Pending
            }
        }
    }

    /// Nothing comes any more.
    pub(crate) fn is_at_end(&self) -> bool {
        let state = lock(&self.state);
        let bare = matches!(state.end, Some(End::Clean(None)));
        self.ended || (bare && state.left(self.place) == 0)
    }

    /// Bytes still to be read, when so many are expected in all. A server takes an exact length for
    /// leave to send no trailers.
    pub(crate) fn size_hint(&self, expected: Option<u64>) -> SizeHint {
        let state = lock(&self.state);
        let left = state.left(self.place);
        let expected = expected.map(|bytes| bytes.saturating_sub(state.arrived - left));
        let exact = match &state.end {
            Some(End::Clean(None)) => Some(left),
            Some(End::Clean(Some(_))) => None,
            Some(End::Failed(_)) | None => expected,
        };
        let mut hint = SizeHint::new();
        hint.set_lower(left);
        if let Some(exact) = exact {
            hint = SizeHint::with_exact(exact);
        }
        hint
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.readers.try_remove(self.place);
        let pump = if state.readers.is_empty() {
            state.pump.take()
        } else {
            state.let_go()
        };
        drop(state);
        pump.into_iter().for_each(Waker::wake);
    }
}
