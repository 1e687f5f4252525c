//! [`Pump`]: moves a body from the inner service into a shared buffer, at its own pace.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use larder_policy::SkipReason;
use tokio::time::Instant;

use crate::background::Place;
use crate::body::poll_inner;
use crate::body_error::{BodyError, BoxError, Lost};
use crate::buffer::Room;
use crate::cache::Cache;
use crate::fill::{Fill, join};
use crate::job::Job;
use crate::landing::{Landing, Leader, Stream};
use crate::marks::Scope;

/// Runs in a task of its own. It ends with the body, or when nobody wants the body any more.
pub(crate) struct Pump<C> {
    body: Pin<Box<C>>,
    /// Present as long as the body may be stored.
    fill: Option<Fill>,
    /// Present as long as others may join.
    leader: Option<Leader>,
    stream: Arc<Stream>,
    finish: bool,
    within: Duration,
    deserted: Option<Deserted>,
    /// Some reader is too far behind.
    blocked: bool,
    cache: Cache,
    key: Arc<[u8]>,
    /// Whose requests the response would not be for.
    scope: Scope,
}

/// Since when nobody reads, and the place in the background that this takes, if there is one.
struct Deserted {
    since: Instant,
    place: Option<Place>,
}

type Next = Option<Result<Frame<Bytes>, BodyError>>;

impl<C> Pump<C>
where
    C: Body + Send + 'static,
    C::Error: Into<BoxError>,
{
    pub(crate) fn new(job: &mut Job, body: Pin<Box<C>>, fill: Fill, stream: Arc<Stream>) -> Self {
        Self {
            body,
            fill: Some(fill),
            leader: job.leader.take(),
            stream,
            finish: job.context.filling.finish_on_disconnect,
            within: job.context.cache.shared().background.within(),
            deserted: None,
            blocked: false,
            cache: job.context.cache.clone(),
            key: Arc::clone(&job.fetch.key),
            scope: job.scope(),
        }
    }

    pub(crate) async fn run(mut self) {
        let mut looked_ahead: Option<Next> = None;
        loop {
            let next = match looked_ahead.take() {
                Some(next) => next,
                None => match self.next().await {
                    Some(next) => next,
                    None => return self.desert().await,
                },
            };
            let frame = match next {
                None => return self.end(None, None),
                Some(Err(error)) => return self.fail(error),
                Some(Ok(frame)) => frame,
            };
            let data = match frame.into_data() {
                Ok(data) => data,
                Err(frame) => return self.end(None, frame.into_trailers().ok()),
            };
            self.count(&data);
            if self.body.is_end_stream() {
                return self.end(Some(data), None);
            }
            // The last reader may take the last byte for the end: store before it has that.
            if self.is_full()
                && let Poll::Ready(next) = self.look_ahead().await
            {
                if next.is_none() {
                    return self.end(Some(data), None);
                }
                looked_ahead = Some(next);
            }
            self.push(data);
            tokio::task::coop::consume_budget().await;
        }
    }

    /// The next frame, or `None` when nobody wants it.
    async fn next(&mut self) -> Option<Next> {
        let soon = poll_fn(|cx| match self.poll_next(cx) {
            Poll::Ready(next) => Poll::Ready(Some(next)),
            Poll::Pending if self.is_watched() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        if let Some(next) = soon.await {
            return next;
        }
        loop {
            let period = STALL.min(self.within);
            let cache = self.cache.clone();
            let next = poll_fn(|cx| self.poll_next(cx));
            match cache.shared().timer.timeout(period, next).await {
                Ok(next) => return next,
                // For a while nothing came in, or somebody held back everybody else.
                Err(_) => self.stream.buffer.cut_slowest(),
            }
        }
    }

    /// It is not only for the inner service that the pump waits.
    fn is_watched(&self) -> bool {
        self.deserted.is_some() || self.blocked
    }

    fn poll_next(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Option<Next>> {
        self.blocked = true;
        let room = ready!(self.stream.buffer.poll_room(cx));
        self.blocked = false;
        match room {
            Room::Go => self.deserted = None,
            Room::Deserted if !self.goes_on() && self.stream.buffer.close() => {
                // Whoever comes now is not told of a body that nobody can join.
                self.leader = None;
                return Poll::Ready(None);
            }
            Room::Deserted => {}
        }
        match poll_inner(self.body.as_mut(), cx) {
            Poll::Ready(next) => Poll::Ready(Some(next)),
            // As much as was announced has come, and nobody asks for more.
            Poll::Pending if self.deserted.is_some() && self.is_full() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Nobody reads: is the body wanted all the same?
    fn goes_on(&mut self) -> bool {
        let awaited = |leader: &Leader| leader.flight().has_followers();
        let wanted = self.finish || self.leader.as_ref().is_some_and(awaited);
        if self.fill.is_none() || !wanted {
            return false;
        }
        let background = &self.cache.shared().background;
        let deserted = self.deserted.get_or_insert_with(|| Deserted {
            since: Instant::now(),
            place: background.place(),
        });
        deserted.place.is_some() && deserted.since.elapsed() < self.within
    }

    async fn look_ahead(&mut self) -> Poll<Next> {
        poll_fn(|cx| Poll::Ready(poll_inner(self.body.as_mut(), cx))).await
    }

    fn is_full(&self) -> bool {
        self.fill.as_ref().is_some_and(Fill::is_full)
    }

    fn count(&mut self, data: &Bytes) {
        let counted = self.fill.as_mut().map(|fill| fill.count(data));
        if let Some(Err(reason)) = counted {
            self.give_up(reason);
            self.stream.buffer.overflow();
        }
    }

    fn push(&mut self, data: Bytes) {
        if !self.stream.buffer.push(data) {
            self.give_up(SkipReason::FillBudget);
        }
    }

    /// The body will not be stored. Those who read it read on; nobody joins them.
    fn give_up(&mut self, reason: SkipReason) {
        if let Some(fill) = self.fill.take() {
            fill.discard(reason);
        }
        self.refuse(reason);
    }

    /// Those who wait for it go forward by themselves, unless they read it already.
    fn refuse(&mut self, reason: SkipReason) {
        let scope = match reason {
            SkipReason::Tripwire => self.scope,
            _ => Scope::Everybody,
        };
        if matches!(reason, SkipReason::BodyTooLarge | SkipReason::Tripwire) {
            let shared = self.cache.shared();
            let (key, now) = (shared.mark_of(&self.key), shared.clock.now());
            shared.marks.mark(key, scope, now);
        }
        // What was purged meanwhile says nothing of what comes next: one of them fetches that.
        if let Some(leader) = self.leader.take()
            && reason != SkipReason::Invalidated
        {
            leader.conclude(Landing::Alone(scope));
        }
    }

    /// The body ended cleanly, with `last`. It is stored before its readers learn of it.
    fn end(mut self, last: Option<Bytes>, trailers: Option<HeaderMap>) {
        if !self.publish(last.as_ref())
            && let Some(last) = last
        {
            self.stream.buffer.push(last);
        }
        self.stream.buffer.end(trailers);
    }

    fn publish(&mut self, last: Option<&Bytes>) -> bool {
        let Some(fill) = self.fill.take() else {
            return false;
        };
        let mut pieces = self.stream.buffer.pieces();
        pieces.extend(last.cloned());
        let entry = match fill.publish(join(pieces)) {
            Ok(entry) => entry,
            Err(reason) => {
                self.refuse(reason);
                return false;
            }
        };
        self.stream.buffer.stored(entry.body());
        let shared = self.cache.shared();
        shared.marks.clear(shared.mark_of(&self.key));
        if let Some(leader) = self.leader.take() {
            leader.conclude(Landing::Stored(Arc::clone(&entry)));
        }
        let _ = self.stream.entry.set(entry);
        true
    }

    fn fail(mut self, error: BodyError) {
        self.leader = None;
        self.stream.buffer.fail(error);
    }

    /// Everybody has left. A server stops reading at the announced length, without asking for the
    /// end: that is a complete message (RFC 9112 section 6.3), unless there is more.
    async fn desert(mut self) {
        let full = self.is_full() && self.stream.buffer.arrived() > 0;
        if full && !matches!(self.look_ahead().await, Poll::Ready(Some(_))) {
            self.publish(None);
            self.stream.buffer.end(None);
        }
    }
}

impl<C> Drop for Pump<C> {
    /// A body that panicked, or a runtime that ended: readers are not left waiting. Before that the
    /// flight is over: whoever comes now would only be told of a body that nobody can join.
    fn drop(&mut self) {
        self.leader = None;
        self.stream.buffer.fail(BodyError::new(Lost));
    }
}

/// A reader that holds back others for so long is cut off.
const STALL: Duration = Duration::from_secs(10);
