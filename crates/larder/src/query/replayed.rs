//! [`ReplayedBody`]: request content that was read already, and what comes after it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// Request content of which the beginning has been read: it comes once more, and then the rest.
pub struct ReplayedBody<B: Body> {
    read: Option<Bytes>,
    then: Then<B>,
}

pub(super) enum Then<B: Body> {
    End,
    Failure(B::Error),
    Rest(Pin<Box<B>>),
    Trailers(HeaderMap),
}

impl<B: Body> ReplayedBody<B> {
    pub(super) fn new(read: Bytes, then: Then<B>) -> Self {
        let read = Some(read).filter(|read| !read.is_empty());
        Self { read, then }
    }
}

impl<B: Body<Data = Bytes>> Body for ReplayedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if let Some(read) = self.read.take() {
            return Poll::Ready(Some(Ok(Frame::data(read))));
        }
        if let Then::Rest(rest) = &mut self.then {
            return rest.as_mut().poll_frame(cx);
        }
        Poll::Ready(match std::mem::replace(&mut self.then, Then::End) {
            Then::Failure(error) => Some(Err(error)),
            Then::Trailers(trailers) => Some(Ok(Frame::trailers(trailers))),
            Then::End | Then::Rest(_) => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        let over = match &self.then {
            Then::End => true,
            Then::Rest(rest) => rest.is_end_stream(),
            Then::Failure(_) | Then::Trailers(_) => false,
        };
        self.read.is_none() && over
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.read.as_ref().map_or(0, |read| read.len() as u64);
        let Then::Rest(rest) = &self.then else {
            return SizeHint::with_exact(read);
        };
        let rest = rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}

/// No frame is pinned in place: the rest is boxed.
impl<B: Body> Unpin for ReplayedBody<B> {}

impl<B: Body> fmt::Debug for ReplayedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayedBody").finish_non_exhaustive()
    }
}
