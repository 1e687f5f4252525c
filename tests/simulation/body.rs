//! The body of a response of the origin.

use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use fastrand::Rng;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::content::Content;
use crate::exchange::BodyEnd;
use crate::handlers::Panicked;
use crate::plan::BodyPlan;
use crate::settings::millis;
use crate::world::World;

/// Comes in pieces of any size, at any time.
pub struct Body {
    world: Arc<World>,
    exchange: usize,
    content: Content,
    plan: BodyPlan,
    rng: Rng,
    at: usize,
    /// Where it ends, cleanly or not.
    until: usize,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Body {
    pub fn new(
        world: &Arc<World>,
        exchange: usize,
        content: Content,
        plan: BodyPlan,
        rng: Rng,
    ) -> Self {
        let until = match plan.end {
            BodyEnd::Clean => content.len,
            _ => (content.len as f64 * plan.share) as usize,
        };
        Self {
            world: Arc::clone(world),
            exchange,
            content,
            plan,
            rng,
            at: 0,
            until,
            pause: None,
        }
    }

    /// Of a response that has none.
    pub fn empty(world: &Arc<World>, exchange: usize) -> Self {
        let (content, plan) = (Content::new(String::new(), 0, 0), BodyPlan::empty());
        Self::new(world, exchange, content, plan, Rng::with_seed(0))
    }

    /// A part of it.
    pub fn part(mut self, first: usize, past: usize) -> Self {
        self.at = first;
        self.until = past;
        self
    }

    fn ended(&self, how: &str) {
        self.world.state().body_ended(self.exchange, how);
    }

    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
        }
        self.pause = None;
        Poll::Ready(())
    }

    fn piece(&mut self) -> Bytes {
        let most = self.rng.usize(1..=self.plan.largest_piece);
        let piece = self.content.piece(self.at, most.min(self.until - self.at));
        self.at += piece.len();
        self.world.state().gave(self.exchange, piece.len());
        if self.plan.pauses > 0 {
            let pause = millis(self.rng.u64(..=self.plan.pauses));
            self.pause = Some(Box::pin(sleep(pause)));
            self.world.state().exchanges[self.exchange].pauses += pause;
        }
        piece
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        ready!(self.poll_pause(cx));
        if self.at < self.until {
            let piece = self.piece();
            if self.is_end_stream() {
                self.ended("ended");
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let exchange = self.exchange;
        match self.plan.end {
            BodyEnd::Clean if self.plan.trailers => {
                self.plan.trailers = false;
                Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::new()))))
            }
            BodyEnd::Clean => {
                self.ended("ended");
                Poll::Ready(None)
            }
            BodyEnd::Fails => {
                self.ended("failed");
                Poll::Ready(Some(Err(Broken(exchange))))
            }
            BodyEnd::Never => Poll::Pending,
            BodyEnd::Panics => {
                self.ended("panicked");
                resume_unwind(Box::new(Panicked(exchange)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let known = self.plan.knows_its_length && !self.plan.trailers;
        known && self.at == self.until
    }

    fn size_hint(&self) -> SizeHint {
        match self.plan.knows_its_length {
            true => SizeHint::with_exact((self.until - self.at) as u64),
            false => SizeHint::new(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.ended("dropped");
    }
}

/// The body of this exchange broke off.
#[derive(Clone, Copy, Debug)]
pub struct Broken(pub usize);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body of #{} broke off", self.0)
    }
}

impl std::error::Error for Broken {}
