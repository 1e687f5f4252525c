//! [`ResponseBody`]: stored bytes, a body shared while it arrives, or the inner service's own.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::body_error::{BodyError, BoxError};
use crate::buffer::engine::Led;
use crate::buffer::reader::Reader;

pin_project! {
    /// Body of the responses of [`CacheService`](crate::CacheService). Data comes as [`Bytes`];
    /// errors are the inner body's, as [`BodyError`].
    pub struct ResponseBody<C> {
        #[pin]
        kind: Kind<C>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<C> {
        Inner {
            #[pin]
            inner: C,
        },
        Flow {
            flow: Box<Flow<C>>,
        },
        Stored {
            data: Bytes,
        },
    }
}

/// A body on its way. Kept apart: hits are not to move the room it would take.
enum Flow<C> {
    /// What was read of the inner body, and then the rest of it.
    Inner {
        read: VecDeque<Bytes>,
        rest: Pin<Box<C>>,
    },
    /// Its client runs the pump.
    Led { led: Led, expected: Option<u64> },
    Shared {
        reader: Reader,
        expected: Option<u64>,
    },
}

impl<C> ResponseBody<C> {
    pub(crate) fn empty() -> Self {
        Self::stored(Bytes::new())
    }

    pub(crate) fn inner(inner: C) -> Self {
        Self {
            kind: Kind::Inner { inner },
        }
    }

    pub(crate) fn rest(read: Vec<Bytes>, rest: Pin<Box<C>>) -> Self {
        let read = VecDeque::from(read);
        Self::flow(Flow::Inner { read, rest })
    }

    /// The body of the client who runs the pump. `expected` is the length that the inner body itself
    /// says it has.
    pub(crate) fn led(led: Led, expected: Option<u64>) -> Self {
        Self::flow(Flow::Led { led, expected })
    }

    /// `expected` is the length that the inner body itself says it has.
    pub(crate) fn shared(reader: Reader, expected: Option<u64>) -> Self {
        Self::flow(Flow::Shared { reader, expected })
    }

    fn flow(flow: Flow<C>) -> Self {
        let flow = Box::new(flow);
        Self {
            kind: Kind::Flow { flow },
        }
    }

    pub(crate) fn stored(data: Bytes) -> Self {
        Self {
            kind: Kind::Stored { data },
        }
    }

    /// Waits until a body that is to be stored has arrived; any other is let go.
    pub(crate) async fn arrived(self) {
        let Kind::Flow { flow } = self.kind else {
            return;
        };
        let reader = match *flow {
            Flow::Inner { .. } => None,
            Flow::Led { led, .. } => led.into_reader(),
            Flow::Shared { reader, .. } => Some(reader),
        };
        if let Some(reader) = reader {
            poll_fn(|cx| reader.poll_ended(cx)).await;
        }
    }
}

impl<C> Body for ResponseBody<C>
where
    C: Body,
    C::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.project().kind.project() {
            KindProj::Inner { inner } => poll_inner(inner, cx),
            KindProj::Flow { flow } => flow.poll_frame(cx),
            KindProj::Stored { data } => {
                let data = std::mem::take(data);
                Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { inner } => inner.is_end_stream(),
            Kind::Flow { flow } => match &**flow {
                Flow::Inner { read, rest } => read.is_empty() && rest.is_end_stream(),
                Flow::Led { led, .. } => led.reader().is_none_or(Reader::is_at_end),
                Flow::Shared { reader, .. } => reader.is_at_end(),
            },
            Kind::Stored { data } => data.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { inner } => inner.size_hint(),
            Kind::Flow { flow } => match &**flow {
                Flow::Inner { read, rest } => longer(&rest.size_hint(), read),
                Flow::Led { led, expected } => match led.reader() {
                    Some(reader) => reader.size_hint(*expected),
                    None => SizeHint::with_exact(0),
                },
                Flow::Shared { reader, expected } => reader.size_hint(*expected),
            },
            Kind::Stored { data } => SizeHint::with_exact(data.len() as u64),
        }
    }
}

impl<C> Flow<C>
where
    C: Body,
    C::Error: Into<BoxError>,
{
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Inner { read, rest } => match read.pop_front() {
                Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
                None => poll_inner(rest.as_mut(), cx),
            },
            Self::Led { led, .. } => led.poll_next(cx),
            Self::Shared { reader, .. } => reader.poll_next(cx),
        }
    }
}

/// The hint of a body before which there is this.
fn longer(rest: &SizeHint, read: &VecDeque<Bytes>) -> SizeHint {
    let read: u64 = read.iter().map(|data| data.len() as u64).sum();
    let mut hint = SizeHint::new();
    hint.set_lower(rest.lower().saturating_add(read));
    if let Some(upper) = rest.upper() {
        hint.set_upper(upper.saturating_add(read));
    }
    hint
}

/// The next frame of an inner body, in our types.
pub(crate) fn poll_inner<C>(
    inner: Pin<&mut C>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BodyError>>>
where
    C: Body,
    C::Error: Into<BoxError>,
{
    inner.poll_frame(cx).map(|frame| {
        frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
            Err(error) => Err(BodyError::new(error)),
        })
    })
}

impl<C> fmt::Debug for ResponseBody<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Inner { .. } => "ResponseBody(inner)",
            Kind::Flow { .. } => "ResponseBody(arriving)",
            Kind::Stored { .. } => "ResponseBody(stored)",
        })
    }
}
