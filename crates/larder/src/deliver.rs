//! Delivers a response body while it is stored: at once when it is all there, else through a buffer
//! that a pump fills.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Body;
use larder_policy::SkipReason;
use tokio::runtime::Handle;
use tracing::Instrument;

use crate::body::{ResponseBody, poll_inner};
use crate::body_error::{BodyError, BoxError};
use crate::buffer::Buffer;
use crate::buffer::engine::{Engine, Led};
use crate::buffer::reader::Reader;
use crate::fill::{Fill, join};
use crate::job::Job;
use crate::landing::{Landing, Stream};
use crate::pump::Pump;

impl Job {
    /// The body for this client, and why it will not be stored, if that is known already.
    pub(crate) async fn deliver<C>(
        &mut self,
        status: StatusCode,
        body: C,
        mut fill: Fill,
    ) -> (ResponseBody<C>, Option<SkipReason>)
    where
        C: Body + Send + 'static,
        C::Error: Into<BoxError>,
    {
        if body.is_end_stream() {
            let skipped = self.complete(status, fill, Bytes::new());
            return (ResponseBody::inner(body), skipped);
        }
        let expected = body.size_hint().exact();
        let mut body = Box::pin(body);
        let mut pieces = Vec::new();
        let found =
            poll_fn(|cx| Poll::Ready(drain(body.as_mut(), &mut fill, &mut pieces, cx))).await;
        let skipped = match found {
            Found::End(None) => {
                let whole = join(pieces);
                let skipped = self.complete(status, fill, whole.clone());
                return (ResponseBody::stored(whole), skipped);
            }
            Found::End(Some(trailers)) => {
                let (buffer, reader) = self.unbounded(&pieces);
                let skipped = self.complete(status, fill, join(pieces));
                buffer.end(Some(trailers));
                return (ResponseBody::shared(reader, expected), skipped);
            }
            Found::Failure(error) => {
                let (buffer, reader) = self.unbounded(&pieces);
                self.leader = None;
                buffer.fail(error);
                let skipped = Some(SkipReason::BodyIncomplete);
                return (ResponseBody::shared(reader, expected), skipped);
            }
            Found::More => match self.take_off(body, fill, &pieces) {
                Ok(led) => return (ResponseBody::led(led, expected), None),
                Err((back, reason)) => {
                    body = back;
                    reason
                }
            },
            Found::Refused(reason) => {
                fill.discard(reason);
                reason
            }
        };
        self.uncacheable(status, skipped);
        (ResponseBody::rest(pieces, body), Some(skipped))
    }

    /// The body is all there.
    fn complete(&mut self, status: StatusCode, fill: Fill, body: Bytes) -> Option<SkipReason> {
        match fill.publish(body) {
            Ok(entry) => {
                self.landed(&entry);
                None
            }
            Err(reason) => {
                self.uncacheable(status, reason);
                Some(reason)
            }
        }
    }

    /// A buffer that one client reads and nothing limits: its content is there already.
    fn unbounded(&self, pieces: &[Bytes]) -> (Buffer, Reader) {
        let budget = &self.context.cache.shared().unlimited;
        let (buffer, reader) = Buffer::new(budget.open());
        for piece in pieces {
            buffer.push(piece.clone());
        }
        (buffer, reader)
    }

    /// Hands the body over to a pump, which its client runs, and whoever joins sets free.
    fn take_off<C>(
        &mut self,
        body: Pin<Box<C>>,
        fill: Fill,
        pieces: &[Bytes],
    ) -> Result<Led, (Pin<Box<C>>, SkipReason)>
    where
        C: Body + Send + 'static,
        C::Error: Into<BoxError>,
    {
        let refuse = |body, fill: Fill, reason| {
            fill.discard(reason);
            Err((body, reason))
        };
        let Ok(runtime) = Handle::try_current() else {
            return refuse(body, fill, SkipReason::NoRuntime);
        };
        let Some(head) = fill.head().cloned() else {
            return refuse(body, fill, SkipReason::BodyIncomplete);
        };
        let shared = self.context.cache.shared();
        let (buffer, reader) = Buffer::new(shared.budget.open());
        if !pieces.iter().all(|piece| buffer.push(piece.clone())) {
            return refuse(body, fill, SkipReason::FillBudget);
        }
        let engine = Engine::new(runtime);
        let stream = Arc::new(Stream {
            head,
            birth: fill.birth().clone(),
            buffer,
            engine: Arc::downgrade(&engine),
            entry: OnceLock::new(),
        });
        if let Some(leader) = &self.leader {
            leader.flight().mark().name(&stream.birth);
        }
        match &self.leader {
            // Whoever follows waits for the end: nor may that be as late as this client reads it.
            Some(_) if fill.is_sealed() => engine.detach(),
            Some(leader) => leader.land(Landing::Streaming(Arc::clone(&stream))),
            None => {}
        }
        let pump = Pump::new(self, body, fill, stream);
        engine.start(pump.run().instrument(self.span.clone()));
        Ok(Led::new(reader, engine))
    }
}

/// What there is of a body without waiting.
enum Found {
    End(Option<HeaderMap>),
    Failure(BodyError),
    More,
    Refused(SkipReason),
}

/// Takes what is there, up to a limit: more would keep the first byte from the client.
fn drain<C>(
    mut body: Pin<&mut C>,
    fill: &mut Fill,
    pieces: &mut Vec<Bytes>,
    cx: &mut TaskContext<'_>,
) -> Found
where
    C: Body,
    C::Error: Into<BoxError>,
{
    let mut bytes = 0;
    while bytes < AT_ONCE_BYTES {
        let frame = match poll_inner(body.as_mut(), cx) {
            Poll::Pending => return Found::More,
            Poll::Ready(None) => return Found::End(None),
            Poll::Ready(Some(Err(error))) => return Found::Failure(error),
            Poll::Ready(Some(Ok(frame))) => frame,
        };
        match frame.into_data() {
            Ok(data) => {
                // A frame without content counts too: there may be no end of them.
                bytes += data.len().max(1);
                let counted = fill.count(&data);
                pieces.push(data);
                if let Err(reason) = counted {
                    return Found::Refused(reason);
                }
            }
            Err(frame) => return Found::End(frame.into_trailers().ok()),
        }
        if body.is_end_stream() {
            return Found::End(None);
        }
    }
    Found::More
}

/// As much of a body is taken at once before its head is released.
const AT_ONCE_BYTES: usize = 64 << 10;
