//! [`ResponseBody`]: stored bytes, a body being stored while it streams, or the inner service's own.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use larder_policy::SkipReason;
use pin_project_lite::pin_project;

use crate::fill::Fill;

pin_project! {
    /// Body of the responses of [`CacheService`](crate::CacheService). Data comes as [`Bytes`];
    /// errors are the inner body's.
    pub struct ResponseBody<C>
    where
        C: Body,
    {
        #[pin]
        kind: Kind<C>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<C>
    where
        C: Body,
    {
        Stored { data: Bytes },
        Streaming {
            #[pin]
            inner: C,
            fill: Option<Box<Fill>>,
            ahead: Ahead<C::Error>,
        },
    }
}

/// What a look past the announced length found. An item is rare, and large.
enum Ahead<E> {
    Unknown,
    End,
    Item(Box<Result<Frame<Bytes>, E>>),
}

impl<E> Ahead<E> {
    /// Data that was taken from the inner body and is still to be handed on.
    fn bytes(&self) -> u64 {
        match self {
            Self::Item(item) => match &**item {
                Ok(frame) => frame.data_ref().map_or(0, |data| data.len() as u64),
                Err(_) => 0,
            },
            Self::End | Self::Unknown => 0,
        }
    }
}

impl<C: Body> ResponseBody<C> {
    pub(crate) fn empty() -> Self {
        Self::stored(Bytes::new())
    }

    pub(crate) fn stored(data: Bytes) -> Self {
        Self {
            kind: Kind::Stored { data },
        }
    }

    pub(crate) fn inner(inner: C) -> Self {
        Self {
            kind: Kind::Streaming {
                inner,
                fill: None,
                ahead: Ahead::Unknown,
            },
        }
    }

    pub(crate) fn filling(inner: C, fill: Fill) -> Self {
        if inner.is_end_stream() {
            fill.finish();
            return Self::inner(inner);
        }
        Self {
            kind: Kind::Streaming {
                inner,
                fill: Some(Box::new(fill)),
                ahead: Ahead::Unknown,
            },
        }
    }
}

impl<C: Body> Body for ResponseBody<C> {
    type Data = Bytes;
    type Error = C::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, C::Error>>> {
        match self.project().kind.project() {
            KindProj::Stored { data } => {
                let data = std::mem::take(data);
                Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
            }
            KindProj::Streaming {
                mut inner,
                fill,
                ahead,
            } => {
                match std::mem::replace(ahead, Ahead::Unknown) {
                    Ahead::Unknown => {}
                    Ahead::End => {
                        *ahead = Ahead::End;
                        return Poll::Ready(None);
                    }
                    Ahead::Item(frame) => return Poll::Ready(Some(*frame)),
                }
                let frame = ready!(poll_inner(inner.as_mut(), fill, cx));
                if fill.as_ref().is_some_and(|fill| fill.is_full()) {
                    look_ahead(inner, fill, ahead, cx);
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Stored { data } => data.is_empty(),
            Kind::Streaming { inner, fill, ahead } => {
                let ended = match ahead {
                    Ahead::Unknown => inner.is_end_stream(),
                    Ahead::End => true,
                    Ahead::Item(_) => false,
                };
                fill.is_none() && ended
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Stored { data } => SizeHint::with_exact(data.len() as u64),
            Kind::Streaming { inner, ahead, .. } => {
                let inner = inner.size_hint();
                let found = ahead.bytes();
                let mut hint = SizeHint::new();
                hint.set_lower(inner.lower().saturating_add(found));
                if let Some(upper) = inner.upper() {
                    hint.set_upper(upper.saturating_add(found));
                }
                hint
            }
        }
    }
}

/// The next frame of the inner body, noted in the fill on its way.
fn poll_inner<C: Body>(
    inner: Pin<&mut C>,
    fill: &mut Option<Box<Fill>>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, C::Error>>> {
    let mut inner = inner;
    let Some(frame) = ready!(inner.as_mut().poll_frame(cx)) else {
        if let Some(fill) = fill.take() {
            fill.finish();
        }
        return Poll::Ready(None);
    };
    match frame {
        Ok(frame) => {
            let frame = frame.map_data(|mut data| data.copy_to_bytes(data.remaining()));
            note(&frame, fill);
            // Nothing comes after trailers, and servers do not ask whether something does.
            if (frame.is_trailers() || inner.is_end_stream())
                && let Some(fill) = fill.take()
            {
                fill.finish();
            }
            Poll::Ready(Some(Ok(frame)))
        }
        Err(error) => {
            if let Some(fill) = fill.take() {
                fill.discard(SkipReason::BodyIncomplete);
            }
            Poll::Ready(Some(Err(error)))
        }
    }
}

/// Trailers are relayed to this client and not stored (RFC 9111 section 3.1 lets a cache drop them).
fn note(frame: &Frame<Bytes>, fill: &mut Option<Box<Fill>>) {
    let (Some(data), Some(open)) = (frame.data_ref(), fill.as_mut()) else {
        return;
    };
    if let Err(reason) = open.push(data)
        && let Some(fill) = fill.take()
    {
        fill.discard(reason);
    }
}

/// The announced length is out. A server may now drop the body without asking for its end, so look
/// whether there is more: a body that is longer than its length is not stored. An empty frame says
/// nothing either way.
fn look_ahead<C: Body>(
    mut inner: Pin<&mut C>,
    fill: &mut Option<Box<Fill>>,
    ahead: &mut Ahead<C::Error>,
    cx: &mut Context<'_>,
) {
    while let Poll::Ready(found) = poll_inner(inner.as_mut(), fill, cx) {
        let says_nothing =
            matches!(&found, Some(Ok(f)) if f.data_ref().is_some_and(Bytes::is_empty));
        if !says_nothing {
            *ahead = found.map_or(Ahead::End, |item| Ahead::Item(Box::new(item)));
            return;
        }
    }
}

impl<C: Body> fmt::Debug for ResponseBody<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Stored { .. } => "ResponseBody(stored)",
            Kind::Streaming { fill: Some(_), .. } => "ResponseBody(filling)",
            Kind::Streaming { .. } => "ResponseBody(inner)",
        })
    }
}
