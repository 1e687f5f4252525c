//! [`ResponseBody`]: stored bytes, a body shared while it arrives, or the inner service's own.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::body_error::{BodyError, BoxError};
use crate::buffer::Reader;
use crate::engine::Led;

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
        Led {
            led: Led,
            expected: Option<u64>,
        },
        // What was read of the inner body, and then the rest of it.
        Rest {
            read: VecDeque<Bytes>,
            inner: Pin<Box<C>>,
        },
        Shared {
            reader: Reader,
            expected: Option<u64>,
        },
        Stored {
            data: Bytes,
        },
    }
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

    pub(crate) fn rest(read: Vec<Bytes>, inner: Pin<Box<C>>) -> Self {
        let read = VecDeque::from(read);
        Self {
            kind: Kind::Rest { read, inner },
        }
    }

    /// The body of the client who runs the pump. `expected` is the length that the inner body itself
    /// says it has.
    pub(crate) fn led(led: Led, expected: Option<u64>) -> Self {
        Self {
            kind: Kind::Led { led, expected },
        }
    }

    /// `expected` is the length that the inner body itself says it has.
    pub(crate) fn shared(reader: Reader, expected: Option<u64>) -> Self {
        Self {
            kind: Kind::Shared { reader, expected },
        }
    }

    pub(crate) fn stored(data: Bytes) -> Self {
        Self {
            kind: Kind::Stored { data },
        }
    }

    /// The reader of a body that is still arriving.
    pub(crate) fn into_reader(self) -> Option<Reader> {
        match self.kind {
            Kind::Led { led, .. } => led.into_reader(),
            Kind::Shared { reader, .. } => Some(reader),
            _ => None,
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
            KindProj::Led { led, .. } => led.poll_next(cx),
            KindProj::Rest { read, inner } => match read.pop_front() {
                Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
                None => poll_inner(inner.as_mut(), cx),
            },
            KindProj::Shared { reader, .. } => reader.poll_next(cx),
            KindProj::Stored { data } => {
                let data = std::mem::take(data);
                Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { inner } => inner.is_end_stream(),
            Kind::Led { led, .. } => led.reader().is_none_or(Reader::is_at_end),
            Kind::Rest { read, inner } => read.is_empty() && inner.is_end_stream(),
            Kind::Shared { reader, .. } => reader.is_at_end(),
            Kind::Stored { data } => data.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { inner } => inner.size_hint(),
            Kind::Rest { read, inner } => {
                let (inner, read) = (
                    inner.size_hint(),
                    read.iter().map(Bytes::len).sum::<usize>(),
                );
                let mut hint = SizeHint::new();
                hint.set_lower(inner.lower().saturating_add(read as u64));
                if let Some(upper) = inner.upper() {
                    hint.set_upper(upper.saturating_add(read as u64));
                }
                hint
            }
            Kind::Led { led, expected } => match led.reader() {
                Some(reader) => reader.size_hint(*expected),
                None => SizeHint::with_exact(0),
            },
            Kind::Shared { reader, expected } => reader.size_hint(*expected),
            Kind::Stored { data } => SizeHint::with_exact(data.len() as u64),
        }
    }
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
            Kind::Inner { .. } | Kind::Rest { .. } => "ResponseBody(inner)",
            Kind::Led { .. } | Kind::Shared { .. } => "ResponseBody(shared)",
            Kind::Stored { .. } => "ResponseBody(stored)",
        })
    }
}
