//! A response body that is fed by hand, frame by frame.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

/// The error of a body that breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body broke off")
    }
}

impl std::error::Error for Broken {}

/// Whether [`Broken`] is this error, or what it comes from.
pub fn is_broken(error: &larder::BodyError) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error.get_ref());
    while let Some(error) = cause {
        if error.is::<Broken>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The sending side. The body ends when it is told to, or when the last `Feed` is dropped.
#[derive(Debug)]
pub struct Feed(Arc<Mutex<State>>);

/// The receiving side: a body of unknown length.
#[derive(Debug)]
pub struct FedBody(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Result<Frame<Bytes>, Broken>>,
    ended: bool,
    dropped: bool,
    waker: Option<Waker>,
}

/// A body and the hand that feeds it.
pub fn feed() -> (Feed, FedBody) {
    let state = Arc::<Mutex<State>>::default();
    (Feed(Arc::clone(&state)), FedBody(state))
}

impl Feed {
    pub fn data(&self, data: impl Into<Bytes>) {
        self.push(Ok(Frame::data(data.into())));
    }

    pub fn trailers(&self, trailers: HeaderMap) {
        self.push(Ok(Frame::trailers(trailers)));
    }

    pub fn fail(&self) {
        self.push(Err(Broken));
    }

    /// No frame comes after those that were fed.
    pub fn end(self) {}

    /// Whoever read the body has let go of it.
    pub fn is_abandoned(&self) -> bool {
        self.0.lock().unwrap().dropped
    }

    /// Frames that were fed and not yet read.
    pub fn unread(&self) -> usize {
        self.0.lock().unwrap().frames.len()
    }

    fn push(&self, frame: Result<Frame<Bytes>, Broken>) {
        let mut state = self.0.lock().unwrap();
        state.frames.push_back(frame);
        state.wake();
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let mut state = self.0.lock().unwrap();
        state.ended = true;
        state.wake();
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl http_body::Body for FedBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let mut state = self.0.lock().unwrap();
        match state.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None if state.ended => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for FedBody {
    fn drop(&mut self) {
        self.0.lock().unwrap().dropped = true;
    }
}

impl From<FedBody> for Body {
    fn from(body: FedBody) -> Self {
        Self::new(body)
    }
}
